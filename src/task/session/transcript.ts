import { asKeptText, type Kept, type KeptText } from "../text/kept-text.ts";
import { formatJsonLine, parseJsonLines, withLines } from "./json-lines.ts";
import { isTranscriptEntry, type TranscriptEntry } from "./transcript-entry.ts";

/** A transcript is rotated when it takes more than this: every commit stores the whole file. */
export const TRANSCRIPT_ROTATE_BYTES = 65_536;

/** A transcript that starts afresh, and the lines that go to a file of their own. */
export interface TranscriptRotation {
  readonly kept: KeptText;
  readonly moved: KeptText;
}

const LEADING_KEYS = ["v", "task", "run", "line", "attempt", "thread", "time", "durationMs", "body"] as const;

/**
 * Returns the entries of a transcript in the order of the text. Of entries with one key the first wins. Junk,
 * a torn last line, and entries of a kind or version that is not understood are passed over.
 */
export function parseTranscript(text: string): readonly TranscriptEntry[] {
  const keys = new Set<string>();
  return parseJsonLines(text)
    .filter(isTranscriptEntry)
    .filter((entry) => addNew(keys, entryKey(entry)));
}

/** Returns the transcript with those of `entries` at its end whose key it does not hold yet; a torn last line stays apart. */
export function appendEntries(
  current: string | undefined,
  entries: readonly Kept<TranscriptEntry>[],
): KeptText | "unchanged" {
  const added = newEntries(current ?? "", entries);
  if (added.length === 0) return "unchanged";
  return asKeptText(withLines(current ?? "", added.map(formatEntry)));
}

/** Returns those of `entries` whose key the transcript `text` does not hold. */
export function newEntries<Entry extends TranscriptEntry>(text: string, entries: readonly Entry[]): readonly Entry[] {
  const keys = new Set(parseTranscript(text).map(entryKey));
  return entries.filter((entry) => addNew(keys, entryKey(entry)));
}

/**
 * Moves every line out of a transcript of more than `limitBytes` of UTF-8, so that it starts afresh.
 *
 * @returns `undefined` when there is nothing to do
 */
export function rotateTranscript(text: string, limitBytes: number): TranscriptRotation | undefined {
  if (new TextEncoder().encode(text).byteLength <= limitBytes) return undefined;
  return { kept: asKeptText(""), moved: asKeptText(text.endsWith("\n") ? text : `${text}\n`) };
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
  return kept.length === lines.length ? "unchanged" : asKeptText(kept.join("\n"));
}

function formatEntry(entry: TranscriptEntry): string {
  return formatJsonLine({ ...entry }, LEADING_KEYS);
}

/**
 * Two clones that both run a task count its runs alike: the thread tells theirs apart. The prompt and what was added to it are
 * both line 0.
 */
export function entryKey({ task, run, line, thread, body }: TranscriptEntry): string {
  return `${task} ${run} ${line} ${JSON.stringify(thread)}${body.kind === "context" ? " context" : ""}`;
}

function addNew(keys: Set<string>, key: string): boolean {
  if (keys.has(key)) return false;
  keys.add(key);
  return true;
}
