import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Processor time used up to now, in ms. */
export interface ProcessorTime {
  /** Of the process itself. */
  readonly ownMs: number;
  /** Of its children: those that have ended, and what the living ones have used until now. */
  readonly childrenMs: number;
}

/** Resident memory as the system counts it. */
export interface Memory {
  readonly residentKb: number;
  /** The most since the start, or since `forgetPeak`. */
  readonly peakKb: number;
}

/** The kernel's unit in /proc/<pid>/stat (USER_HZ). */
const TICK_MS = 10;

export function processorTime(pid: number): ProcessorTime {
  const { ownMs, endedMs } = timesOf(pid);
  const living = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean);
  const livingMs = living.map(Number).map(timesOf);
  return { ownMs, childrenMs: livingMs.reduce((sum, child) => sum + child.ownMs + child.endedMs, endedMs) };
}

export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
  return { residentKb: kb("VmRSS"), peakKb: kb("VmHWM") };
}

/** Lets the peak of `memory` start anew. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** All zero where the process has ended meanwhile: its parent then counts it among those that have. */
function timesOf(pid: number): { readonly ownMs: number; readonly endedMs: number } {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return { ownMs: 0, endedMs: 0 };
  const stat = readFileSync(path, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields
    .slice(11, 15)
    .map((ticks) => Number(ticks) * TICK_MS);
  return { ownMs: user + system, endedMs: childUser + childSystem };
}
