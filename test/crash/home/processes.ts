import { readdirSync, readFileSync } from "node:fs";

interface ChildProcessEntry {
  readonly pid: number;
  readonly name: string;
}

/** Returns the children of a process; none where it is gone. */
export function childrenOf(pid: number): readonly ChildProcessEntry[] {
  const ids = readOrNothing(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(Boolean);
  return ids.map((id) => ({ pid: Number(id), name: readOrNothing(`/proc/${id}/comm`).trim() }));
}

/** Tells whether this is the worker that waits for an agent, and not the agent. */
export function isWorker(pid: number): boolean {
  return readOrNothing(`/proc/${pid}/cmdline`).includes("shim.sh");
}

/** Returns the living processes whose environment or arguments name `text`; this one is not among them. */
export function processesOf(text: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => ["environ", "cmdline"].some((file) => readOrNothing(`/proc/${pid}/${file}`).includes(text)))
    .map((pid) => `${pid} ${readOrNothing(`/proc/${pid}/cmdline`).replaceAll("\0", " ").slice(0, 120)}`);
}

/** Ends a process at once, unless it has ended by itself. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has.
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // It has ended meanwhile.
  }
}
