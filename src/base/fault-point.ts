/**
 * Named places where a test may kill the process, to prove that a crash there loses nothing.
 * `CODEX_INBOX_FAULT=<name>` or `<name>#<n>` (the n-th time it is reached, from 1) ends the process with SIGKILL there.
 */
const [wanted, nth] = (process.env.CODEX_INBOX_FAULT ?? "").split("#");
const wantedCount = nth === undefined ? 1 : Number(nth);
let reached = 0;

/** Dies by SIGKILL if `name` is the fault point that the environment asks for; otherwise does nothing. */
export function faultPoint(name: FaultPoint): void {
  if (name !== wanted) return;
  reached += 1;
  if (reached === wantedCount) process.kill(process.pid, "SIGKILL");
}

/** Every step of accepting, running and finishing a task, in order. */
export const FAULT_POINTS = [
  "accept:claim-made",
  "accept:renamed",
  "accept:journaled",
  "accept:claim-removed",
  "run:directory-made",
  "run:journaled",
  "run:spawned",
  "run:thread-seen",
  "finish:exit-seen",
  "finish:journaled",
  "commit:objects-written",
  "commit:files-written",
  "commit:index-built",
  "commit:ref-locked",
  "commit:index-locked",
  "commit:swap-files",
  "commit:swap-index",
  "commit:swap-ref",
  "commit:swap-unlock",
  "commit:done",
  "finish:retired",
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];
