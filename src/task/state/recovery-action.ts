import type { RunProbe } from "./run.ts";
import type { TaskState } from "./task-state.ts";

/** What becomes of a task that an earlier coordinator left behind. */
export type RecoveryAction =
  /** Nothing was running: it waits for its turn, or for its commit. */
  | "keep"
  /** Its run lives, or has ended and left something to take in: it is watched like one of our own. */
  | "watch"
  /** As "watch", and the stop that was asked for is asked for again. */
  | "watch and stop"
  /** Its run was never started: make sure that it never is, and queue the task again. */
  | "seal"
  /** Its run was started although the journal has lost that (a disk that lies about fsync): note it, and watch. */
  | "note the start";

/**
 * Returns what to do, for every state that a journal can end with and everything a worker can be. A process id that was re-used
 * counts as no process: a probe compares start times. A queued task is probed at the run it would start next.
 */
export function recoveryAction(state: TaskState["kind"], probe: RunProbe["kind"]): RecoveryAction {
  switch (state) {
    case "queued":
      return probe === "unclaimed" ? "keep" : "note the start";
    case "ended":
      return "keep";
    case "running":
    case "verifying":
      return probe === "unclaimed" ? "seal" : "watch";
    case "stopping":
      if (probe === "unclaimed") return "seal";
      return probe === "alive" ? "watch and stop" : "watch";
  }
}
