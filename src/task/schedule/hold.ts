import type { ClaimNeed } from "../claims/standing.ts";
import { assertNever } from "../text/assert-never.ts";
import { oneLine } from "../text/one-line.ts";
import { shellWord } from "../text/shell-word.ts";
import { describePause, type Pause } from "./pause.ts";
import type { GroundHold } from "./session-turns.ts";

/** Why a queued task does not run now. */
export type Hold =
  /** `behind`: the task of the session that is before it. */
  | { readonly kind: "session"; readonly session: string; readonly behind: string }
  /** Another session's task `holder` has the same thread. */
  | { readonly kind: "thread"; readonly thread: string; readonly holder: string }
  | GroundHold
  | { readonly kind: "notBefore"; readonly untilMs: number }
  | { readonly kind: "retry"; readonly untilMs: number }
  /** `unknown`: ids that no task has, so far. */
  | { readonly kind: "dependency"; readonly waitsFor: readonly string[]; readonly unknown: readonly string[] }
  /** It came by a commit of this author, whom nobody has allowed yet. */
  | { readonly kind: "author"; readonly email: string }
  /** Another clone has it or is to run it, or this one has to claim it first; `problem`: why it cannot. */
  | { readonly kind: "claim"; readonly claim: ClaimNeed; readonly problem: string | undefined }
  | { readonly kind: "workers" }
  /** There is no room for the worktree of its session. */
  | { readonly kind: "room"; readonly problem: string }
  | { readonly kind: "paused"; readonly pause: Pause }
  | { readonly kind: "codex"; readonly problem: string; readonly untilMs: number | undefined }
  /** Codex's sandbox does not work, and the task is to run in it. */
  | { readonly kind: "sandbox"; readonly problem: string };

/** What people and programs are told of a hold. */
export interface HoldView {
  readonly reason: string;
  /** Unix ms; `undefined` where nobody knows. */
  readonly untilMs: number | undefined;
  /** What would make the task go, where something but time does. */
  readonly remedy: string | undefined;
}

/** Returns what is told of `hold`. */
export function viewHold(hold: Hold): HoldView {
  return { reason: describeHold(hold), untilMs: "untilMs" in hold ? hold.untilMs : undefined, remedy: remedyOf(hold) };
}

const TRY_NOW = "codex-inbox resume --now looks at it again at once";

function remedyOf(hold: Hold): string | undefined {
  switch (hold.kind) {
    case "session":
      return `it goes when ${hold.behind} has ended`;
    case "thread":
      return `it goes when ${hold.holder} has ended`;
    case "folder":
      return `it goes when ${hold.other} has ended`;
    case "writer":
      return `it goes when ${hold.holder} has ended; with "worktree: always" its session works apart`;
    case "lock":
      return hold.holder === undefined
        ? `it goes when the work of session ${hold.session} is landed: codex-inbox land ${shellWord(hold.session)}`
        : `it goes when ${hold.holder} has ended`;
    case "dependency":
      return hold.unknown.length > 0 ? "add what it depends on, or stop it" : "it goes when these have succeeded";
    case "author":
      return `codex-inbox policy allow-author ${shellWord(oneLine(hold.email, 320))}`;
    case "claim":
      return claimRemedy(hold.claim, hold.problem);
    case "workers":
      return "it goes when a run has ended; maxWorkers in codex-inbox.json says how many there may be";
    case "room":
      return "it goes when a session with a worktree has ended its work: land what is done, and codex-inbox worktree gc says what stays and why";
    case "paused":
      if (hold.pause.takenBy !== undefined)
        return `codex-inbox attach --release ${shellWord(hold.pause.session ?? "")}`;
      return `codex-inbox resume${hold.pause.session === undefined ? "" : ` --session ${shellWord(hold.pause.session)}`}`;
    case "codex":
    case "sandbox":
      return TRY_NOW;
    case "notBefore":
    case "retry":
      return undefined;
    default:
      return assertNever(hold);
  }
}

/** Returns what a person is told about `hold`, to be read after "queued: ". */
export function describeHold(hold: Hold): string {
  switch (hold.kind) {
    case "session":
      return `behind ${hold.behind} in session ${hold.session}`;
    case "thread":
      return `thread ${hold.thread} is in use by ${hold.holder}`;
    case "folder":
      return `works in ${hold.folder}, and ${hold.other} in another folder: they take turns`;
    case "writer":
      return `${hold.holder} writes to the shared checkout`;
    case "lock":
      return `session ${hold.session} keeps ${oneLine(hold.path, 100)} to itself`;
    case "notBefore":
      return `not before ${utc(hold.untilMs)}`;
    case "retry":
      return `tries again at ${utc(hold.untilMs)}`;
    case "dependency":
      return describeDependencies(hold.waitsFor, hold.unknown);
    case "author":
      return `${oneLine(hold.email, 320)} is a new author; allow with: codex-inbox policy allow-author ${shellWord(oneLine(hold.email, 320))}`;
    case "claim":
      return describeClaim(hold.claim, hold.problem);
    case "workers":
      return "all workers are busy";
    case "paused":
      return describePause(hold.pause);
    case "codex":
      // Codex's own words end with a full stop, which would stand before the comma.
      return hold.untilMs === undefined
        ? hold.problem
        : `${hold.problem.replace(/\.$/, "")}, until ${utc(hold.untilMs)}`;
    case "sandbox":
    case "room":
      return hold.problem;
    default:
      return assertNever(hold);
  }
}

function describeClaim(claim: ClaimNeed, problem: string | undefined): string {
  if (claim.kind === "theirs") return `claimed by ${oneLine(claim.name, 64)} since ${utc(claim.sinceMs)}`;
  if (claim.kind === "ended") return "has ended in another clone, whose result is on the remote";
  if (claim.kind === "elsewhere") return `runs on ${oneLine(claim.runsOn, 64)}, which is no name of this clone`;
  return problem === undefined ? "waits for its claim on the remote" : `waits for its claim: ${problem}`;
}

function claimRemedy(claim: ClaimNeed, problem: string | undefined): string | undefined {
  if (claim.kind === "theirs")
    return `its result comes with the remote; where ${oneLine(claim.name, 64)} is gone for good: codex-inbox retry --take-over`;
  if (claim.kind === "ended") return "its result comes with the next sync";
  if (claim.kind === "elsewhere")
    return `codex-inbox policy allow labels ${shellWord(claim.runsOn)}, if it is to run here`;
  return problem === undefined ? undefined : "it goes when the remote can be reached; codex-inbox sync looks at once";
}

function describeDependencies(waitsFor: readonly string[], unknown: readonly string[]): string {
  const parts: string[] = [];
  if (waitsFor.length > 0) parts.push(`waits for ${waitsFor.join(", ")}`);
  if (unknown.length > 0) parts.push(`depends on ${unknown.join(", ")}, which no task here is called`);
  return parts.join("; ");
}

function utc(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z");
}
