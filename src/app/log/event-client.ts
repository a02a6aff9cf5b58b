import type { IncomingMessage } from "node:http";
import { CoordinatorError } from "../../base/errors.ts";
import { http } from "../../base/http.ts";
import { asNumber, asText, parseObject } from "../../base/json-shape.ts";
import { type EventFilter, LIVE_EVENT_VERSION, type LiveEvent } from "../../task/events/live-event.ts";
import type { CoordinatorAddress } from "../queries/server-record.ts";

/** A coordinator says something at least every 15 s; one that is silent for this long is gone. */
const SILENT_MS = 45_000;
/** No event is longer. */
const FRAME_CHARACTERS_MAX = 1_048_576;

/**
 * Yields "begun" once nothing that happens from then on (or since the event `after`) is missed, and then what happens, until the coordinator
 * ends or `signal` is aborted.
 *
 * @throws CoordinatorError `TRY_AGAIN` where it refuses or does not answer; the system's error where the connection breaks
 */
export async function* readEvents(
  address: CoordinatorAddress,
  { task, session, after }: EventFilter & { readonly after: number | undefined },
  signal: AbortSignal,
): AsyncGenerator<"begun" | LiveEvent> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ task, session, after }))
    if (value !== undefined) query.set(name, String(value));
  const response = await connect(address, `/events?${query}`, signal);
  if (response.statusCode !== 200) {
    response.destroy();
    throw new CoordinatorError("TRY_AGAIN", `the coordinator answers ${response.statusCode} to GET /events`);
  }
  let rest = "";
  let isBegun = false;
  for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) {
    const frames = (rest + chunk).split("\n\n");
    rest = frames.pop() ?? "";
    if (rest.length > FRAME_CHARACTERS_MAX) throw new CoordinatorError("TRY_AGAIN", "what comes are no events");
    if (!isBegun && frames.length > 0) yield "begun";
    isBegun ||= frames.length > 0;
    for (const frame of frames) {
      const event = toEvent(frame);
      if (event !== undefined) yield event;
    }
  }
}

function connect(
  { url, socketPath, token }: CoordinatorAddress,
  path: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const request = http.request(
      url + path,
      { headers, signal, agent: false, socketPath, timeout: SILENT_MS },
      resolve,
    );
    request.once("timeout", () => request.destroy(new CoordinatorError("TRY_AGAIN", "the coordinator is silent")));
    request.once("error", reject).end();
  });
}

/** Of another version, or of no event at all, nothing is made. */
function toEvent(frame: string): LiveEvent | undefined {
  const data = frame.split("\n").find((line) => line.startsWith("data: "));
  const raw = data === undefined ? undefined : parseObject(data.slice("data: ".length));
  const isOurs = raw?.v === LIVE_EVENT_VERSION && asNumber(raw.seq) !== undefined && asText(raw.kind) !== undefined;
  return isOurs ? (raw as unknown as LiveEvent) : undefined;
}
