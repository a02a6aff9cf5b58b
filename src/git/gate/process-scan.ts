import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { readStartTicks } from "../../base/process-identity.ts";
import { type GitCommand, mayWrite, parseGitCommand } from "../process/git-command.ts";
import type { Repository } from "../repository/repository.ts";

/** What one look at /proc found. */
export interface ScanResult {
  /** A live git process that may write what a commit of ours moves. */
  readonly blocker: { readonly pid: number; readonly what: string } | undefined;
  /** Shells that stand in the work tree: one may become git by exec, under the same process id. */
  readonly shells: readonly number[];
}

/** How a process that was started after the scan is judged. Each step down lets more pass, so that forks cannot starve us. */
export type Newcomers = "none" | "elsewhere" | "no-git";

/** Looks for other people's git processes in one work tree (Linux: /proc). */
export interface ProcessScan {
  /** @param first a process id to look at before the others: what blocked last time */
  scan(first?: number): ScanResult;
  /** The process id (or thread id) given out last on this machine: unchanged means that nothing was started. */
  lastPid(): number;
  /** Tells whether processes started after `lastPid()` gave `since` forbid a commit now. */
  newcomersForbid(since: number, rule: Newcomers): boolean;
  /** Tells whether one of these shells has become git. */
  anyBecameGit(shells: readonly number[]): boolean;
  /** Tells whether a git process that may write runs and began less than `withinMs` ago. */
  anyBeganWithin(withinMs: number): boolean;
}

const SHELLS = new Set(["sh", "dash", "bash", "zsh", "fish", "ksh", "ash", "busybox"]);
/** Flags of /proc/<pid>/stat (include/linux/sched.h). */
const FORKED_WITHOUT_EXEC = 0x40;
const KERNEL_THREAD = 0x20_0000;
/** More new process ids than this are not looked at one by one. */
const NEWCOMERS_MAX = 2_000;

/**
 * @param ownMarker processes with `CODEX_INBOX_RUN=<ownMarker>…` in their environment are agents of ours: they run in a sandbox
 *   that cannot write the git directory
 */
export function createProcessScan(repository: Repository, ownMarker: string): ProcessScan {
  const ancestors = new Set(listAncestors());
  const marker = `\0CODEX_INBOX_RUN=${ownMarker}`;
  /** The last time no git had begun lately: while nothing was started since, and no shell has become git, none has. */
  let quiet: { readonly lastPid: number; readonly shells: readonly number[] } = { lastPid: -1, shells: [] };

  function judge(pid: number): string | undefined {
    const argv = readWords(`/proc/${pid}/cmdline`);
    const command = parseGitCommand(argv);
    if (argv.length > 0 && !mayWrite(command)) return undefined;
    // An ancestor: an alias of git has started us, and waits for us to end.
    if (readStartTicks(pid) === undefined || ancestors.has(pid) || isDescendant(pid)) return undefined;
    const environment = `\0${readWhole(`/proc/${pid}/environ`) ?? ""}`;
    if (environment.includes(marker) || !concerns(pid, command, argv, environment)) return undefined;
    return `git ${command.name === "" ? "(starting)" : command.name} (process ${pid}) is running in the work tree`;
  }

  function concerns(pid: number, command: GitCommand, argv: readonly string[], environment: string): boolean {
    const cwd = readLink(`/proc/${pid}/cwd`);
    // Another user's process does not say where it is; only its words can name us.
    if (cwd === undefined)
      return argv.some((word) => word.includes(repository.topDir) || word.includes(repository.commonDir));
    const base = command.changesTo.reduce((folder, next) => resolve(folder, next), cwd);
    const named = command.gitDir ?? /\0GIT_DIR=([^\0]*)/.exec(environment)?.[1];
    if (named !== undefined && isOurGitDir(resolve(base, named))) return true;
    const workTree = command.workTree ?? /\0GIT_WORK_TREE=([^\0]*)/.exec(environment)?.[1];
    if (workTree !== undefined && isAbsolute(workTree) && realPath(workTree) === repository.topDir) return true;
    return named === undefined && standsInOurs(base);
  }

  function isOurGitDir(path: string): boolean {
    const real = realPath(path);
    return isInside(real, repository.gitDir) || real === repository.commonDir;
  }

  /** Other linked worktrees and nested repositories have a HEAD and an index of their own. */
  function standsInOurs(folder: string): boolean {
    if (isInside(folder, repository.gitDir) || isInside(folder, repository.commonDir)) return !isOtherWorktree(folder);
    if (!isInside(folder, repository.topDir)) return false;
    for (let place = folder; place !== repository.topDir; place = dirname(place)) {
      if (existsSync(join(place, ".git"))) return false;
    }
    return true;
  }

  function isOtherWorktree(folder: string): boolean {
    const isOurs = repository.gitDir !== repository.commonDir && isInside(folder, repository.gitDir);
    return isInside(folder, join(repository.commonDir, "worktrees")) && !isOurs;
  }

  function scan(first?: number): ScanResult {
    const shells: number[] = [];
    const pids = first === undefined ? listPids() : [first, ...listPids()];
    for (const pid of pids) {
      const name = readWhole(`/proc/${pid}/comm`)?.trimEnd() ?? "";
      if (isGitName(name)) {
        const what = judge(pid);
        if (what !== undefined) return { blocker: { pid, what }, shells };
      } else if (SHELLS.has(name) && standsHere(pid)) shells.push(pid);
    }
    return { blocker: undefined, shells };
  }

  function standsHere(pid: number): boolean {
    const cwd = readLink(`/proc/${pid}/cwd`);
    return cwd !== undefined && standsInOurs(cwd) && !isDescendant(pid);
  }

  function forbids(pid: number, rule: Newcomers): boolean {
    const name = readWhole(`/proc/${pid}/comm`)?.trimEnd();
    if (name === undefined) return false; // It has ended.
    if (isGitName(name)) return judge(pid) !== undefined;
    if (rule === "no-git") return false;
    if (isDescendant(pid)) return false;
    const environment = `\0${readWhole(`/proc/${pid}/environ`) ?? ""}`;
    return (standsHere(pid) || isJustForked(pid)) && !environment.includes(marker);
  }

  function forbidNewcomers(since: number, rule: Newcomers): boolean {
    const last = lastPid();
    if (last === since) return false;
    // Ids begin again at the bottom: too rare to count across the end.
    if (rule === "none" || last < since || last - since > NEWCOMERS_MAX) return true;
    for (let pid = since + 1; pid <= last; pid += 1) if (forbids(pid, rule)) return true;
    return false;
  }

  return {
    scan,
    lastPid,
    newcomersForbid: forbidNewcomers,
    anyBecameGit: (shells) => shells.some((pid) => isGit(pid) && judge(pid) !== undefined),
    anyBeganWithin(withinMs) {
      const last = lastPid();
      if (last === quiet.lastPid && !quiet.shells.some(isGit)) return false;
      const uptimeSeconds = Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);
      const sinceTicks = (uptimeSeconds - withinMs / 1_000) * TICKS_PER_SECOND;
      const pids = listPids();
      if (pids.some((pid) => isGit(pid) && Number(readStartTicks(pid)) >= sinceTicks && judge(pid) !== undefined))
        return true;
      const shells = pids.filter((pid) => SHELLS.has(nameOf(pid)) && standsHere(pid));
      if (forbidNewcomers(last, "elsewhere")) return true;
      quiet = { lastPid: last, shells };
      return false;
    },
  };
}

/** Of the times in /proc/<pid>/stat: USER_HZ, the same on every Linux. */
const TICKS_PER_SECOND = 100;

function lastPid(): number {
  return Number(readFileSync("/proc/loadavg", "latin1").trim().split(" ")[4]);
}

function listPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => name >= "0" && name < ":")
    .map(Number);
}

function nameOf(pid: number): string {
  return readWhole(`/proc/${pid}/comm`)?.trimEnd() ?? "";
}

function isGit(pid: number): boolean {
  return isGitName(nameOf(pid));
}

function isGitName(name: string): boolean {
  return name === "git" || name.startsWith("git-");
}

/** Tells whether this process was forked and has not called exec yet: what it will be, and where it will stand, is not decided. */
function isJustForked(pid: number): boolean {
  const stat = readWhole(`/proc/${pid}/stat`);
  const flags = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[6]);
  if ((flags & FORKED_WITHOUT_EXEC) === 0) return false;
  // Threads have ids of the same kind, and never call exec; nor does the kernel's own.
  const leader = /^Tgid:\t(\d+)$/m.exec(readWhole(`/proc/${pid}/status`) ?? "")?.[1];
  return (flags & KERNEL_THREAD) === 0 && leader === String(pid);
}

/** Our own git processes, and what they started. */
function isDescendant(pid: number): boolean {
  for (let id: number | undefined = pid; id !== undefined && id > 1; id = readParent(id)) {
    if (id === process.pid) return true;
  }
  return false;
}

function listAncestors(): readonly number[] {
  const ids: number[] = [];
  for (let id = readParent(process.pid); id !== undefined && id > 1; id = readParent(id)) ids.push(id);
  return ids;
}

function readParent(pid: number): number | undefined {
  const stat = readWhole(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // Gone or not to be entered: then its name is all there is to compare.
  }
}

function readWords(path: string): readonly string[] {
  return (readWhole(path) ?? "").split("\0").slice(0, -1);
}

function readWhole(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // The process has ended, or belongs to somebody else.
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // As above.
  }
}
