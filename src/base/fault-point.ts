import { existsSync } from "node:fs";
import { CoordinatorError } from "./errors.ts";

/** Every step of accepting, running and finishing a task, in order. */
export const FAULT_POINTS = [
  "accept:claim-made",
  "accept:renamed",
  "accept:journaled",
  "accept:claim-removed",
  "claim:pushed",
  "claim:journaled",
  "worktree:wanted",
  "worktree:named",
  "worktree:added",
  "worktree:made",
  "worktree:set-up",
  "worktree:merge-wanted",
  "worktree:merged",
  "worktree:snapshot-made",
  "worktree:turn-kept",
  "worktree:branch-moved",
  "worktree:trashed",
  "worktree:forgotten",
  "turn:before-kept",
  "run:directory-made",
  "run:journaled",
  "run:spawned",
  "run:thread-seen",
  "finish:exit-seen",
  "turn:files-taken",
  "turn:kept",
  "finish:journaled",
  "verify:directory-made",
  "verify:spawned",
  "verify:exit-seen",
  "verify:follow-up-filed",
  "verify:journaled",
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

/**
 * Named places where a test may kill the process, to prove that a crash there loses nothing.
 * `CODEX_INBOX_FAULT=<name>` or `<name>#<n>` (the n-th time it is reached, from 1) ends the process with SIGKILL there. A name that
 * does not exist ends it at once: a test that never reaches its fault would prove nothing. With `CODEX_INBOX_FAULT_FROM=<path>` it
 * is counted only once a file is there: so a start can first finish what an earlier one has left.
 */
const wanted = parseWanted(process.env.CODEX_INBOX_FAULT ?? "");
const countedFrom = process.env.CODEX_INBOX_FAULT_FROM;
let reached = 0;

/** Dies by SIGKILL if `name` is the fault point that the environment asks for; otherwise does nothing. */
export function faultPoint(name: FaultPoint): void {
  if (name !== wanted?.name) return;
  if (countedFrom !== undefined && !existsSync(countedFrom)) return;
  reached += 1;
  if (reached === wanted.count) process.kill(process.pid, "SIGKILL");
}

/** Where a test may let the machine be short of something. */
export type FaultSite = "journal" | "journal-sync" | "claim" | "state-file" | "events";

const failing = new Map<FaultSite, string>();

/**
 * Lets every operation at `site` fail with this system error (`ENOSPC`, …) until the result is called. For tests alone.
 *
 * @public Tests call it; the product never does.
 */
export function failAt(site: FaultSite, code: string): () => void {
  failing.set(site, code);
  return () => failing.delete(site);
}

/** @throws the system error that a test has asked for at `site` */
export function mayFail(site: FaultSite): void {
  const code = failing.get(site);
  if (code !== undefined) throw Object.assign(new Error(`${code}: ${site}, as a test has asked for`), { code });
}

function parseWanted(text: string): { readonly name: FaultPoint; readonly count: number } | undefined {
  if (text === "") return undefined;
  const [wantedName, count = "1"] = text.split("#");
  const name = FAULT_POINTS.find((point) => point === wantedName);
  if (name !== undefined && /^[1-9]\d{0,8}$/.test(count)) return { name, count: Number(count) };
  throw new CoordinatorError("CONFIG", `CODEX_INBOX_FAULT: there is no fault point "${text}"`);
}
