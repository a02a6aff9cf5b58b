import { CoordinatorError } from "../../base/errors.ts";
import type { EventLog } from "../../store/events/event-log.ts";
import { type EventFilter, type LiveEvent, passes } from "../../task/events/live-event.ts";

export interface FollowOptions extends EventFilter {
  /** Number of the last event that the reader has seen; `undefined`: it wants what comes from now on. */
  readonly after?: number | undefined;
}

/** What has come since the last ones. */
export interface FollowedEvents {
  /** The number to go on from, also where no event has passed the filter. */
  readonly seq: number;
  /** JSON, each on one line. */
  readonly texts: readonly string[];
}

/** Readers at the same time; each of them costs little, but anybody with the token may forget to leave. */
const READERS_MAX = 64;

/** Yields events as they happen, until `signal` is aborted or the coordinator ends; at once where it begins. */
export type Follow = (options: FollowOptions, signal: AbortSignal) => AsyncIterable<FollowedEvents>;

/** Creates the use case; the first step of what it returns throws CoordinatorError `TRY_AGAIN` where there are too many readers. */
export function createFollow(log: Pick<EventLog, "reader">, now: () => number): Follow {
  let readers = 0;
  return async function* follow({ after, ...filter }, signal) {
    if (readers >= READERS_MAX)
      throw new CoordinatorError("TRY_AGAIN", `${READERS_MAX} readers follow the events already: try again later`);
    readers += 1;
    try {
      const reader = log.reader(after);
      yield { seq: reader.seq, texts: [] };
      for (let next = await reader.next(signal); next !== undefined; next = await reader.next(signal)) {
        const { seq } = reader;
        if (next === "gone") yield { seq, texts: [reloadText(seq, now())] };
        else yield { seq, texts: next.filter((event) => passes(event, filter)).map(({ text }) => text) };
      }
    } finally {
      readers -= 1;
    }
  };
}

/** It is told to one reader, and has no number of its own: its reader goes on behind this one. */
function reloadText(seq: number, nowMs: number): string {
  const reason = "events after the one that was seen last are not kept any more";
  const event: LiveEvent = { v: 1, seq, at: new Date(nowMs).toISOString(), kind: "reload", reason };
  return JSON.stringify(event);
}
