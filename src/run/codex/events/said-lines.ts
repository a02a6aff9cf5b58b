import type { TranscriptBody } from "../../../task/session/transcript-entry.ts";
import type { SaidLine } from "../../driver.ts";

/** Of one run; a transcript is one record of the journal, and committed. The first and the last are kept. */
const HEAD = { entries: 500, bytes: 1024 * 1024 };
const TAIL = { entries: 1_500, bytes: 3 * 1024 * 1024 };
/** What an entry takes beside its texts, roughly. */
const ENTRY_BYTES = 300;

/** The entries that one run adds to a transcript, as many as fit. */
export interface SaidLines {
  add(entry: SaidLine): void;
  /** All that were kept and `more`, by line; what was left out is said in its place. */
  all(more: readonly SaidLine[]): readonly SaidLine[];
}

export function createSaidLines(): SaidLines {
  const head: SaidLine[] = [];
  let headBytes = 0;
  /** The kept ones begin at `first`; those before are let go one by one, a message may have 64 KB. */
  let tail: (SaidLine | undefined)[] = [];
  let first = 0;
  let tailBytes = 0;
  const left = { entries: 0, bytes: 0, line: 0, atMs: 0 };

  const leaveOut = (entry: SaidLine, bytes: number): void => {
    left.entries += 1;
    left.bytes += bytes;
    left.line = entry.line;
    left.atMs = entry.atMs;
  };
  const trim = (): void => {
    while (tail.length - first > TAIL.entries || tailBytes > TAIL.bytes) {
      const oldest = tail[first];
      if (oldest === undefined) return;
      const bytes = sizeOf(oldest.body);
      tailBytes -= bytes;
      tail[first] = undefined;
      first += 1;
      leaveOut(oldest, bytes);
    }
    if (first <= TAIL.entries) return;
    tail = tail.slice(first);
    first = 0;
  };

  return {
    add(entry) {
      const bytes = sizeOf(entry.body);
      if (first === 0 && tail.length === 0 && head.length < HEAD.entries && headBytes + bytes <= HEAD.bytes) {
        head.push(entry);
        headBytes += bytes;
        return;
      }
      tail.push(entry);
      tailBytes += bytes;
      trim();
    },
    all(more) {
      const last = tail.slice(first).filter((entry) => entry !== undefined);
      const kept = [...head, ...last, ...more].sort((one, other) => one.line - other.line);
      if (left.entries === 0) return kept;
      const text = `[… ${left.entries} entries (${left.bytes} bytes) left out …]`;
      const note: SaidLine = { line: left.line, atMs: left.atMs, body: { kind: "error", message: text } };
      return [...kept, note].sort((one, other) => one.line - other.line);
    },
  };
}

function sizeOf(body: TranscriptBody): number {
  let bytes = ENTRY_BYTES;
  for (const value of Object.values(body)) if (typeof value === "string") bytes += Buffer.byteLength(value);
  if (body.kind === "files") for (const { path } of body.changes) bytes += Buffer.byteLength(path) + 40;
  return bytes;
}
