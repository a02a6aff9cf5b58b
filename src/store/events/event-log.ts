import { readBootId } from "../../base/process/process-identity.ts";
import type { Surroundings } from "../../base/surroundings.ts";
import { type Happening, LIVE_EVENT_VERSION } from "../../task/events/live-event.ts";
import { type EventNumbers, openEventNumbers } from "./event-numbers.ts";
import { createEventReader, type EventReader, type StoredEvent } from "./event-reader.ts";
import { type FoundSegment, openSegmentFiles, type SegmentFiles } from "./segment-files.ts";

/** What waits to be written is written after this, or when it has grown to `BATCH_BYTES`. */
const BATCH_MS = 50;
const BATCH_BYTES = 128 * 1024;
/** Of the newest events, in memory: readers that keep up are served from there. */
const RING_BYTES = 256 * 1024;

export interface EventLogOptions {
  /** The folder of the log; absolute. */
  readonly dir: string;
  readonly surroundings: Pick<Surroundings, "now" | "after">;
  /** What the header of a new segment holds besides: what there was to tell before it. */
  readonly checkpoint: () => unknown;
  /** Events could not be written and are lost; once, until some could be. */
  readonly onDropped: (error: unknown) => void;
  /** Events are written again. */
  readonly onMended: () => void;
  /** The id of this boot of the machine; another one means that the power may have been lost. */
  readonly boot?: string;
  readonly sizes?: { readonly bytes: number; readonly count: number };
}

/**
 * The log of live events, append-only: each has a number, and is written, in batches, before any reader sees it. So what a reader has seen
 * is replayed after a kill. Writing is not synced: after a loss of power some numbers are passed over, and a reader is told to reload. What
 * cannot be written stops nothing: it is dropped, and readers are told.
 */
export interface EventLog {
  /** What the newest segment held when the log was opened. */
  readonly found: FoundSegment | undefined;
  /** The number of the last event that readers may see. */
  readonly last: number;
  /** Adds an event; its number is given when it is written. */
  add(happening: Happening): void;
  /** Writes what waits, and lets readers see it. */
  flush(): void;
  /** Begins to read behind the event `after`; behind the last one where that is not given. */
  reader(after?: number): EventReader;
  /** Writes what waits, and ends; each reader ends once it has seen all. */
  close(): void;
}

/** Opens the log, with what is there; where that cannot be read now, it is tried again with each batch. */
export function openEventLog(options: EventLogOptions): EventLog {
  const { dir, boot = readBootId() } = options;
  const { now, after: callLater } = options.surroundings;
  let opened: OpenedLog | undefined;
  let last = 0;
  /** Texts without their numbers. */
  let waiting: { readonly event: Omit<StoredEvent, "seq">; readonly rest: string }[] = [];
  let waitingBytes = 0;
  /** Begins the next segment with the next batch: what was told before it. */
  let header: object | undefined;
  /** Why events before the next one are not there. */
  let lost: string | undefined;
  let isFailing = false;
  let isClosed = false;
  let cancelFlush: (() => void) | undefined;
  const ring: StoredEvent[] = [];
  let ringBytes = 0;
  let waiters: (() => void)[] = [];

  const wakeReaders = (): void => {
    const woken = waiters;
    waiters = [];
    for (const wake of woken) wake();
  };

  const publish = (events: readonly StoredEvent[]): void => {
    for (const event of events) {
      ring.push(event);
      ringBytes += event.text.length;
    }
    let gone = 0;
    for (; ringBytes > RING_BYTES && gone < ring.length; gone += 1) ringBytes -= ring[gone]?.text.length ?? 0;
    ring.splice(0, gone);
    last = events.at(-1)?.seq ?? last;
    wakeReaders();
  };

  const headerNow = (checkpoint: unknown): object => ({ v: 1, at: now(), checkpoint });

  const open = (): OpenedLog => {
    if (opened !== undefined) return opened;
    const files = openSegmentFiles(dir, options.sizes);
    const numbers = openEventNumbers(dir, boot, files.found?.events.at(-1)?.seq, now());
    last = numbers.first - 1;
    if (numbers.isSkipped) lost = "events before this one are not there any more";
    if (numbers.isSkipped || files.found === undefined) header = headerNow([]);
    opened = { files, numbers };
    return opened;
  };

  const drop = (error: unknown): void => {
    lost = "events could not be written";
    header = headerNow([]); // The file may be gone.
    if (!isFailing) options.onDropped(error);
    isFailing = true;
  };

  const toText = (happening: Happening): (typeof waiting)[number] => {
    const { kind } = happening;
    const subject = { kind, task: "task" in happening ? happening.task : undefined };
    const session = "session" in happening ? happening.session : undefined;
    const rest = JSON.stringify({ at: new Date(now()).toISOString(), ...happening }).slice(1);
    return { event: { ...subject, session, text: "" }, rest };
  };

  const flush = (): void => {
    cancelFlush?.();
    cancelFlush = undefined;
    if (waiting.length === 0 || isClosed) return;
    const batch = waiting;
    waiting = [];
    waitingBytes = 0;
    let events: readonly StoredEvent[];
    try {
      const { files, numbers } = open();
      if (lost !== undefined) batch.unshift(toText({ kind: "reload", reason: lost }));
      events = batch.map(({ event, rest }, index) => {
        const seq = last + 1 + index;
        return { ...event, seq, text: `{"v":${LIVE_EVENT_VERSION},"seq":${seq},${rest}` };
      });
      numbers.reserve(last + events.length);
      const lines = `${events.map(({ text }) => text).join("\n")}\n`;
      const isFull = files.append(lines, last + 1, header);
      header = isFull ? headerNow(options.checkpoint()) : undefined; // Now, when nothing waits: before the batch that comes.
    } catch (error) {
      drop(error);
      return;
    }
    if (isFailing) options.onMended();
    isFailing = false;
    lost = undefined;
    publish(events);
  };

  try {
    open();
  } catch (error) {
    drop(error);
  }
  return {
    found: opened?.files.found,
    get last() {
      return last;
    },
    add(happening) {
      if (isClosed) return;
      const text = toText(happening);
      waiting.push(text);
      waitingBytes += text.rest.length;
      if (waitingBytes > BATCH_BYTES) flush();
      else cancelFlush ??= callLater(BATCH_MS, flush);
    },
    flush,
    reader: (after) =>
      createEventReader(after, {
        last: () => last,
        ring: () => ring,
        segments: () => opened?.files.all() ?? [],
        isClosed: () => isClosed,
        grown: (signal) =>
          new Promise((resolve) => {
            if (isClosed || signal.aborted) return resolve();
            const wake = (): void => {
              signal.removeEventListener("abort", leave);
              resolve();
            };
            const leave = (): void => {
              waiters = waiters.filter((other) => other !== wake);
              resolve();
            };
            signal.addEventListener("abort", leave, { once: true });
            waiters.push(wake);
          }),
      }),
    close() {
      flush();
      isClosed = true;
      opened?.files.close();
      wakeReaders();
    },
  };
}

interface OpenedLog {
  readonly files: SegmentFiles;
  readonly numbers: EventNumbers;
}
