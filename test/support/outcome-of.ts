import type { RunEvent, RunHandle } from "../../src/run/driver.ts";

/** Follows a run to its end; returns its outcome. `onEvent` is called for each of its events. */
export async function outcomeOf<Outcome>(
  handle: RunHandle<Outcome>,
  onEvent: (event: RunEvent) => void = () => undefined,
): Promise<Outcome> {
  for await (const event of handle.events()) onEvent(event);
  return handle.outcome();
}
