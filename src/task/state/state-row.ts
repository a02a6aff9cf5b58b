import { isFinal, type LedgerRow } from "../ledger/ledger.ts";
import { assertNever } from "../text/assert-never.ts";
import type { StopCause } from "./task-event.ts";
import { STOP_WORDS, statusOf, type TaskState } from "./task-state.ts";

/** Returns run, status and detail of the ledger row that records `state`. */
export function rowOf(state: TaskState): Pick<LedgerRow, "run" | "status" | "detail"> {
  return { run: state.run, status: statusOf(state), detail: detailOf(state) };
}

/**
 * Returns the state a row stands for, where the row is all that is known of a task (another clone's, say). Its counts start
 * afresh: rows do not carry them. A run that is under way in the row is taken to have begun at the row's time.
 */
export function stateFromRow(row: LedgerRow): TaskState {
  const atMs = Date.parse(row.time);
  const { run, status, detail } = row;
  const reason = detail === "" ? undefined : detail;
  if (isFinal(status)) return { kind: "ended", status, run, attempts: 0, vanished: 0, reason, endedAtMs: atMs };
  switch (status) {
    case "queued":
      return { kind: "queued", run, attempts: 0, vanished: 0, dueAtMs: atMs, reason };
    case "running":
      return { kind: "running", run, attempts: 1, vanished: 0, startedAtMs: atMs };
    case "verifying":
      return { kind: "verifying", run, attempts: 1, vanished: 0, startedAtMs: atMs };
    case "stopping": {
      const cause = causeIn(detail);
      return { kind: "stopping", run, attempts: 1, vanished: 0, cause, verify: false, mayRunAgain: cause !== "user" };
    }
    default:
      return assertNever(status);
  }
}

function causeIn(detail: string): StopCause {
  const causes = ["user", "timeout", "stall", "output", "shutdown"] as const;
  return causes.find((cause) => STOP_WORDS[cause] === detail) ?? "user";
}

function detailOf(state: TaskState): string {
  switch (state.kind) {
    case "queued":
    case "ended":
      return state.reason ?? "";
    case "running":
      return `attempt ${state.attempts}`;
    case "verifying":
      return "";
    case "stopping":
      return STOP_WORDS[state.cause];
    default:
      return assertNever(state);
  }
}
