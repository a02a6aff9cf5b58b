import { type KeptText, keepText } from "../text/kept-text.ts";
import { formatJsonLine, isJsonObject, type JsonObject, parseJsonLines, withLines } from "./json-lines.ts";
import type { TranscriptBody, TranscriptEntry } from "./transcript-entry.ts";

/** A transcript is rotated when it takes more than this: every commit stores the whole file. */
export const TRANSCRIPT_ROTATE_BYTES = 65_536;

/** A transcript that starts afresh, and the lines that go to a file of their own. */
export interface TranscriptRotation {
  readonly kept: KeptText;
  readonly moved: KeptText;
}

const LEADING_KEYS = ["v", "task", "run", "line", "attempt", "thread", "time", "body"] as const;

/** The fields each kind of body must have; checked because a transcript can come from anybody who can push. */
const BODY_FIELDS: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  user: { text: isText },
  context: { text: isText, lines: isNumber, tool: isText },
  assistant: { text: isText },
  reasoning: { text: isText },
  command: { command: isText, exitCode: isNumberOrNull, status: isText, output: isText, outputBytes: isNumber },
  files: { status: isText, changes: isChanges },
  tool: { name: isText, status: isText, detail: isText },
  verify: {
    ...{ command: isText, outcome: isText, what: isText, exitCode: isNumberOrNull },
    ...{ durationMs: isNumber, output: isText, outputBytes: isNumber },
  },
  error: { message: isText },
  end: { outcome: isText, reason: isTextOrNull },
} satisfies Record<TranscriptBody["kind"], unknown>;

/**
 * Returns the entries of a transcript in the order of the text. Of entries with one key the first wins. Junk,
 * a torn last line, and entries of a kind or version that is not understood are passed over.
 */
export function parseTranscript(text: string): readonly TranscriptEntry[] {
  const keys = new Set<string>();
  return parseJsonLines(text)
    .filter(isEntry)
    .filter((entry) => addNew(keys, keyOf(entry)));
}

/** Returns the transcript with those of `entries` at its end whose key it does not hold yet; a torn last line stays apart. */
export function appendEntries(
  current: string | undefined,
  entries: readonly TranscriptEntry[],
): KeptText | "unchanged" {
  const added = newEntries(current ?? "", entries);
  if (added.length === 0) return "unchanged";
  return keepText(withLines(current ?? "", added.map(formatEntry)));
}

/** Returns those of `entries` whose key the transcript `text` does not hold. */
export function newEntries(text: string, entries: readonly TranscriptEntry[]): readonly TranscriptEntry[] {
  const keys = new Set(parseTranscript(text).map(keyOf));
  return entries.filter((entry) => addNew(keys, keyOf(entry)));
}

/**
 * Moves every line out of a transcript of more than `limitBytes` of UTF-8, so that it starts afresh.
 *
 * @returns `undefined` when there is nothing to do
 */
export function rotateTranscript(text: string, limitBytes: number): TranscriptRotation | undefined {
  if (new TextEncoder().encode(text).byteLength <= limitBytes) return undefined;
  return { kept: keepText(""), moved: keepText(text.endsWith("\n") ? text : `${text}\n`) };
}

/**
 * Returns the transcript without the lines of `moved`. A rotation is planned from one tip of the branch and applied to another:
 * only lines that went into a closed file may be taken out there. An emptied file stays, since a deleted one could not merge.
 */
export function withoutLines(current: string, moved: string): KeptText | "unchanged" {
  const removed = new Set(moved.split("\n"));
  removed.delete("");
  const lines = current.split("\n");
  const kept = lines.filter((line) => !removed.has(line));
  return kept.length === lines.length ? "unchanged" : keepText(kept.join("\n"));
}

function formatEntry(entry: TranscriptEntry): string {
  return formatJsonLine({ ...entry }, LEADING_KEYS);
}

/**
 * Two clones that both run a task count its runs alike: the thread tells theirs apart. The prompt and what was added to it are
 * both line 0.
 */
function keyOf({ task, run, line, thread, body }: TranscriptEntry): string {
  return `${task} ${run} ${line} ${JSON.stringify(thread)}${body.kind === "context" ? " context" : ""}`;
}

function addNew(keys: Set<string>, key: string): boolean {
  if (keys.has(key)) return false;
  keys.add(key);
  return true;
}

function isEntry(value: JsonObject): value is JsonObject & TranscriptEntry {
  const { v, task, run, line, attempt, thread, time, body } = value;
  if (v !== 1 || !isText(task) || !isText(time) || !isTextOrNull(thread)) return false;
  if (!isCount(run) || !isCount(line) || !isCount(attempt)) return false;
  return isJsonObject(body) && isBody(body);
}

function isBody(body: JsonObject): boolean {
  const kind = body.kind;
  if (typeof kind !== "string" || !Object.hasOwn(BODY_FIELDS, kind)) return false;
  return Object.entries(BODY_FIELDS[kind] ?? {}).every(([name, fits]) => fits(body[name]));
}

function isChanges(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((item: unknown) => isJsonObject(item) && isText(item.path) && isText(item.change))
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

function isNumberOrNull(value: unknown): boolean {
  return value === null || typeof value === "number";
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
