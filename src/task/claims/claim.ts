import { isTaskId } from "../names/task-id.ts";
import { oneLine } from "../text/one-line.ts";

/** Which clone runs a task, as a ref of the remote says it: the ref's blob is this, as one line of JSON. */
export interface Claim {
  readonly task: string;
  /** Id of the clone that has it. */
  readonly clone: string;
  /** The clone's name, for people: what its policy says, else its id. */
  readonly name: string;
  /** 1, and one more with each take-over. */
  readonly generation: number;
  /** Unix ms, by the clock of that clone. */
  readonly atMs: number;
}

/** The claims of a remote: one ref per task that a clone has taken and whose result is not on the remote yet. */
export const CLAIMS = "refs/codex-inbox/claims/";

const VERSION = 1;
const NAME_LENGTH_MAX = 64;
const GENERATION_MAX = 99_999;
/** Runs of one generation. A later generation's are numbered above all of them, so that its rows of the ledger win, whatever the earlier one did. */
const RUNS_OF_GENERATION = 1_000;

/** Returns the full name of a task's claim. */
export function claimRef(task: string): string {
  return `${CLAIMS}${task}`;
}

/** Returns the task of a claim; `undefined` for a ref that is none. */
export function taskOfClaimRef(ref: string): string | undefined {
  const task = ref.startsWith(CLAIMS) ? ref.slice(CLAIMS.length) : "";
  return isTaskId(task) ? task : undefined;
}

/** Returns the text of a claim. */
export function renderClaim({ task, clone, name, generation, atMs }: Claim): string {
  const at = new Date(atMs).toISOString();
  return `${JSON.stringify({ v: VERSION, task, clone, name, generation, at })}\n`;
}

/**
 * Returns what the text of a task's claim says. One that this version does not understand is a claim all the same, of a clone that is
 * none of ours: what it holds is not ours to run.
 */
export function parseClaim(task: string, text: string): Claim {
  const value = parseRecord(text);
  const { clone, name, generation, at } = value;
  const known = typeof generation === "number" && Number.isSafeInteger(generation) && generation >= 1;
  const atMs = typeof at === "string" ? Date.parse(at) : Number.NaN;
  const isRead = value.v === VERSION && value.task === task && typeof clone === "string" && /^[0-9a-z]{6}$/.test(clone);
  return {
    task,
    clone: isRead ? clone : UNREADABLE,
    name: isRead && typeof name === "string" && name !== "" ? oneLine(name, NAME_LENGTH_MAX) : UNREADABLE,
    generation: known ? Math.min(generation, GENERATION_MAX) : 1,
    atMs: Number.isNaN(atMs) ? 0 : atMs,
  };
}

/** No id of a clone. */
const UNREADABLE = "a claim that this version cannot read";

/** Returns the number of the first run of a generation. */
export function firstRunOf(generation: number): number {
  return (generation - 1) * RUNS_OF_GENERATION + 1;
}

function parseRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
  } catch {
    return {};
  }
}
