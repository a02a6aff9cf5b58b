import { setTimeout as delay } from "node:timers/promises";
import type { Follow, FollowOptions } from "../../src/app/log/follow-events.ts";
import type { LiveEvent } from "../../src/task/events/live-event.ts";

/** Longer than a reader takes for a batch that is there. */
const QUIET_MS = 100;

/** Returns what a reader of `follow` is told until nothing more comes. */
export async function followed(
  { follow }: { readonly follow: Follow },
  options: FollowOptions,
): Promise<readonly LiveEvent[]> {
  const seen: LiveEvent[] = [];
  const left = new AbortController();
  let isNew = true;
  const reading = (async () => {
    for await (const { texts } of follow(options, left.signal)) {
      seen.push(...texts.map((text): LiveEvent => JSON.parse(text)));
      isNew = true;
    }
  })();
  while (isNew) {
    isNew = false;
    await delay(QUIET_MS);
  }
  left.abort();
  await reading;
  return seen;
}
