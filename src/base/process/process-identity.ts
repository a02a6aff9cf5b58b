import { readFileSync, readlinkSync } from "node:fs";
import { systemErrorCode } from "../errors.ts";

/** One process on one boot of one machine. A process id alone is re-used; with its start time and the boot it is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks since boot. */
  readonly startTicks: string;
  readonly bootId: string;
}

/** Returns the id that the kernel drew at this boot. */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Returns the name of the process table that our process ids belong to; containers on one machine differ in it, and share the boot id. */
export function readPidNamespace(): string {
  return readlinkSync("/proc/self/ns/pid");
}

/** Returns the start time of `pid` in clock ticks since boot, or `undefined` if there is no such process or it is a zombie. */
export function readStartTicks(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
  // The command name may hold spaces and parentheses: count the fields after the last ")".
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return fields[19];
}

/** Returns the identity of this process. */
export function ownIdentity(): ProcessIdentity {
  const startTicks = readStartTicks(process.pid);
  if (startTicks === undefined) throw new Error("cannot read the start time of this process");
  return { pid: process.pid, startTicks, bootId: readBootId() };
}

/** Tells whether exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identity.bootId === readBootId() && readStartTicks(identity.pid) === identity.startTicks;
}
