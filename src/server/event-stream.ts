import type { ServerResponse } from "node:http";
import type { FollowedEvents } from "../app/log/follow-events.ts";
import type { HttpLimits } from "./access/limits.ts";

/** How soon a client that has lost its connection should come again, milliseconds. */
const RETRY_MS = 2_000;

const HEADERS = { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no", Connection: "close" };

/**
 * Writes events as they come, as server-sent events, until they or their reader end. No event is read while the client has not taken
 * those before: one that takes none for `answerMs` is told so and ended.
 *
 * @param first what `events` gave first: the number from which its reader goes on
 */
export async function streamEvents(
  response: ServerResponse,
  first: FollowedEvents,
  events: AsyncIterator<FollowedEvents>,
  { answerMs, heartbeatMs }: Pick<HttpLimits, "answerMs" | "heartbeatMs">,
): Promise<void> {
  let seq = first.seq;
  response.writeHead(200, HEADERS);
  response.write(`retry: ${RETRY_MS}\nid: ${seq}\n\n`);
  // A proxy or a client that hears nothing takes the connection for dead; and one whose filter lets nothing pass goes on from here.
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(`: still here\nid: ${seq}\n\n`);
  }, heartbeatMs);
  try {
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      seq = next.value.seq;
      const last = next.value.texts.length - 1;
      const frames = next.value.texts.map((text, index) => frameOf(text, index === last ? seq : undefined));
      if (frames.length === 0 || response.write(frames.join(""))) continue;
      if (await isTaken(response, answerMs)) continue;
      response.end(`: closed: nothing was read for ${answerMs} ms; come again with Last-Event-ID\n\n`);
      setTimeout(() => response.destroy(), answerMs).unref();
      return;
    }
    response.end(": the coordinator ends\n\n");
  } finally {
    clearInterval(heartbeat);
    await events.return?.();
  }
}

/** The number of the last one of a batch is that of the batch: what did not pass the filter needs not be looked at again. */
function frameOf(text: string, seq: number | undefined): string {
  const id = seq ?? /"seq":(\d+)/.exec(text)?.[1];
  return `id: ${id}\ndata: ${text}\n\n`;
}

/** Resolves with whether the client has taken what was written, or has gone: then the events end by themselves. */
function isTaken(response: ServerResponse, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (taken: boolean) => (): void => {
      clearTimeout(timer);
      response.off("drain", yes).off("close", yes);
      resolve(taken);
    };
    const yes = end(true);
    const timer = setTimeout(end(false), waitMs);
    response.on("drain", yes).on("close", yes);
  });
}
