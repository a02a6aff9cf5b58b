import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";

/** One line of /proc/<pid>/stat, as far as it is asked for here. */
export interface ProcessStat {
  /** At most 15 characters of the program's name. */
  readonly name: string;
  readonly parent: number;
  /** Forked, and exec not called yet: what it will be, and where it will stand, is not decided. Threads are made so, too. */
  readonly isForkOnly: boolean;
  /** Since the machine was started. */
  readonly startedMs: number;
}

/** The processes of this machine as /proc tells of them. What has ended, or may not be read, is `undefined`. */
export interface ProcessTable {
  pids(): readonly number[];
  /** The process id (or thread id) given out last: unchanged means that nothing was started. */
  lastPid(): number;
  /** Since the machine was started. */
  uptimeMs(): number;
  /** `undefined` also for zombies and the kernel's own threads. */
  stat(pid: number): ProcessStat | undefined;
  /** At most 15 characters of the program's name. Cheaper than `stat`; zombies have one, too. */
  name(pid: number): string | undefined;
  /** Tells whether `pid` is one of several threads of another process. */
  isThread(pid: number): boolean;
  argv(pid: number): readonly string[];
  /** Each entry between two zero bytes. */
  environment(pid: number): string;
  cwd(pid: number): string | undefined;
}

/** Flags of /proc/<pid>/stat (include/linux/sched.h). */
const FORKED_WITHOUT_EXEC = 0x40;
const KERNEL_THREAD = 0x20_0000;
/** Of the times in /proc/<pid>/stat: USER_HZ, the same on every Linux. */
const TICKS_PER_SECOND = 100;

/** @param folder where /proc is */
export function createProcessTable(folder = "/proc"): ProcessTable {
  const read = (...names: readonly string[]): string | undefined =>
    readOf(() => readFileSync(join(folder, ...names), "utf8"));
  return {
    pids: () =>
      readdirSync(folder)
        .filter((name) => name >= "0" && name < ":")
        .map(Number),
    lastPid: () => Number((read("loadavg") ?? "").trim().split(" ")[4]),
    uptimeMs: () => Number((read("uptime") ?? "").split(" ")[0]) * 1_000,
    stat(pid) {
      const text = read(String(pid), "stat");
      if (text === undefined) return undefined;
      // The name may hold spaces and parentheses: the fields are counted after the last ")".
      const end = text.lastIndexOf(")");
      const fields = text.slice(end + 2).split(" ");
      const flags = Number(fields[6]);
      if (fields[0] === "Z" || fields[0] === "X" || (flags & KERNEL_THREAD) !== 0) return undefined;
      return {
        name: text.slice(text.indexOf("(") + 1, end),
        parent: Number(fields[1]),
        isForkOnly: (flags & FORKED_WITHOUT_EXEC) !== 0,
        startedMs: (Number(fields[19]) / TICKS_PER_SECOND) * 1_000,
      };
    },
    name: (pid) => read(String(pid), "comm")?.trimEnd(),
    isThread(pid) {
      const leader = /^Tgid:\t(\d+)$/m.exec(read(String(pid), "status") ?? "")?.[1];
      return leader !== undefined && leader !== String(pid);
    },
    argv: (pid) => (read(String(pid), "cmdline") ?? "").split("\0").slice(0, -1),
    environment: (pid) => `\0${read(String(pid), "environ") ?? ""}`,
    cwd: (pid) => readOf(() => readlinkSync(join(folder, String(pid), "cwd"))),
  };
}

/** What is read of a process fails so where it has ended meanwhile or belongs to somebody else. Anything else (no file descriptor left) must not look like that. */
const NOT_THERE = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM", "EINVAL"]);

function readOf(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    if (NOT_THERE.has(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** Returns the real path, or `path` itself where it is gone or may not be entered: then its name is all there is to compare. */
export function realPathOf(path: string): string {
  return readOf(() => realpathSync(path)) ?? path;
}
