import type { LedgerRow } from "../ledger/ledger.ts";
import { assertNever } from "../text/assert-never.ts";
import { STOP_WORDS, statusOf, type TaskState } from "./task-state.ts";

/** Returns run, status and detail of the ledger row that records `state`. */
export function rowOf(state: TaskState): Pick<LedgerRow, "run" | "status" | "detail"> {
  return { run: state.run, status: statusOf(state), detail: detailOf(state) };
}

/** Tells whether a run of the task is under way. */
export function isUnderWay({ kind }: TaskState): boolean {
  return kind !== "queued" && kind !== "ended";
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
