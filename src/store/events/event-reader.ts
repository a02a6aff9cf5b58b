import { type FileHandle, open } from "node:fs/promises";
import { asNumber, asText, parseObject } from "../../base/json-shape.ts";
import type { EventSubject } from "../../task/events/live-event.ts";
import type { Segment } from "./segment-files.ts";

/** An event as it is written. */
export interface StoredEvent extends EventSubject {
  readonly seq: number;
  /** JSON, on one line. */
  readonly text: string;
}

/** Reads events one after the other, as fast as its user asks; nothing is kept for one who does not. */
export interface EventReader {
  /** The number of the last event that was read; of one that begins, of the one before. */
  readonly seq: number;
  /**
   * Resolves with the next events, some at once, as soon as there are any; with "gone" where those that come next are not there any more,
   * and then goes on behind the last one; with `undefined` once the log has ended, or with the abort of `signal`.
   */
  next(signal: AbortSignal): Promise<readonly StoredEvent[] | "gone" | undefined>;
}

/** What a reader sees of the log. */
export interface LogView {
  readonly last: () => number;
  /** The newest events, consecutive, the last one included. */
  readonly ring: () => readonly StoredEvent[];
  readonly segments: () => readonly Segment[];
  readonly isClosed: () => boolean;
  /** Resolves with the next change, at once where there is none to come. */
  readonly grown: (signal: AbortSignal) => Promise<void>;
}

/** Handed out at once. */
const EVENTS_MAX = 100;
/** Read at once: longer than any line. */
const SLICE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

export function createEventReader(after: number | undefined, log: LogView): EventReader {
  let seq = after ?? log.last();
  /** Where the reader stands in a segment: behind a line. */
  let place: { readonly path: string; readonly offset: number } | undefined;

  const fromRing = (): readonly StoredEvent[] | undefined => {
    const ring = log.ring();
    const first = ring[0]?.seq ?? log.last() + 1;
    return seq + 1 < first ? undefined : ring.slice(seq + 1 - first, seq + 1 - first + EVENTS_MAX);
  };

  /** Finds the event behind which to go on; `undefined` where no segment has it. */
  const findPlace = async (): Promise<typeof place> => {
    const segments = log.segments();
    const next = segments.find(({ first }) => first === seq + 1);
    if (next !== undefined) return { path: next.path, offset: 0 };
    const holder = segments.findLast(({ first }) => first <= seq);
    if (holder === undefined) return undefined;
    for (let offset = 0; ; ) {
      const { lines, end } = await readLines(holder.path, offset);
      const at = lines.findIndex((line) => line.seq >= seq);
      if (at !== -1) return lines[at]?.seq === seq ? { path: holder.path, offset: lines[at].end } : undefined;
      if (end === offset) return undefined;
      offset = end;
    }
  };

  const fromSegments = async (): Promise<readonly StoredEvent[] | undefined> => {
    const last = log.last();
    place ??= await findPlace();
    for (;;) {
      if (place === undefined) return undefined;
      const { path, offset } = place;
      const { lines, end } = await readLines(path, offset);
      const events = lines.filter((line) => line.seq > seq && line.seq <= last).slice(0, EVENTS_MAX);
      const reached = events.at(-1)?.end;
      place = { path, offset: reached ?? end };
      if (reached !== undefined) return events;
      if (end > offset) continue;
      const segments = log.segments();
      const index = segments.findIndex((segment) => segment.path === path);
      const next = index === -1 ? undefined : segments[index + 1];
      if (next === undefined) return undefined;
      place = { path: next.path, offset: 0 };
    }
  };

  return {
    get seq() {
      return seq;
    },
    async next(signal) {
      while (!signal.aborted) {
        if (seq > log.last()) return gone();
        let events = fromRing();
        if (events === undefined) {
          events = await fromSegments().catch(() => undefined); // It was removed meanwhile, or cannot be read.
          if (events === undefined) return gone();
        } else place = undefined;
        if (events.length > 0) {
          seq = events.at(-1)?.seq ?? seq;
          return events;
        }
        if (log.isClosed()) return undefined;
        await log.grown(signal);
      }
      return undefined;
    },
  };

  function gone(): "gone" {
    seq = log.last();
    place = undefined;
    return "gone";
  }
}

interface StoredLine extends StoredEvent {
  /** Where the next line begins. */
  readonly end: number;
}

/** Returns the whole lines of events from `offset` (of whole lines) on, and where they end; a header is passed over. */
async function readLines(
  path: string,
  offset: number,
): Promise<{ readonly lines: readonly StoredLine[]; readonly end: number }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(SLICE_BYTES), 0, SLICE_BYTES, offset);
    const lines: StoredLine[] = [];
    let from = 0;
    for (let end = buffer.indexOf(NEWLINE); end !== -1 && end < bytesRead; end = buffer.indexOf(NEWLINE, from)) {
      const event = toEvent(buffer.toString("utf8", from, end));
      from = end + 1;
      if (event !== undefined) lines.push({ ...event, end: offset + from });
    }
    return { lines, end: offset + from };
  } finally {
    await file?.close();
  }
}

function toEvent(text: string): StoredEvent | undefined {
  const raw = parseObject(text);
  const [seq, kind] = [asNumber(raw?.seq), asText(raw?.kind)];
  if (seq === undefined || kind === undefined) return undefined;
  return { seq, kind, task: asText(raw?.task), session: asText(raw?.session), text };
}
