import { parseObject } from "../../base/json-shape.ts";
import { isFinal, TASK_STATUSES } from "../../task/ledger/ledger.ts";

/** Why a task waits that goes on by nothing but a person's word. */
const HOLDS_TOLD: ReadonlySet<unknown> = new Set(["author"]);
const QUEUE_TOLD: ReadonlySet<unknown> = new Set(["paused", "breaker-open", "disk-low"]);

/** Tells whether hooks are told of an event: a task has ended, or a hold has begun that somebody should know of. @param text its JSON */
export function isHookEvent(text: string): boolean {
  const event = parseObject(text);
  switch (event?.kind) {
    case "state": {
      const status = TASK_STATUSES.find((one) => one === event.status);
      return status !== undefined && isFinal(status);
    }
    case "held":
      return HOLDS_TOLD.has(event.hold);
    case "queue":
      return QUEUE_TOLD.has(event.what);
    default:
      return false;
  }
}
