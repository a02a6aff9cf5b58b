import { describe, expect, it } from "vitest";
import type { LedgerRow } from "../../../src/task/ledger/ledger.ts";
import { rowOf } from "../../../src/task/state/state-row.ts";
import type { TaskState } from "../../../src/task/state/task-state.ts";

const AT_MS = Date.parse("2026-11-20T14:15:30.000Z");
const FRESH = { run: 4, attempts: 0, vanished: 0 } as const;
const ONE_USED = { run: 4, attempts: 1, vanished: 0 } as const;

interface Case {
  readonly row: Pick<LedgerRow, "run" | "status" | "detail">;
  readonly state: TaskState;
}

describe("a state and its row", () => {
  it.each<Case>([
    {
      row: { run: 4, status: "queued", detail: "" },
      state: { ...FRESH, kind: "queued", dueAtMs: AT_MS, reason: undefined },
    },
    {
      row: { run: 4, status: "queued", detail: "timed out" },
      state: { ...FRESH, kind: "queued", dueAtMs: AT_MS, reason: "timed out" },
    },
    {
      row: { run: 4, status: "running", detail: "attempt 1" },
      state: { ...ONE_USED, kind: "running", startedAtMs: AT_MS },
    },
    { row: { run: 4, status: "verifying", detail: "" }, state: { ...ONE_USED, kind: "verifying", startedAtMs: AT_MS } },
    {
      row: { run: 4, status: "stopping", detail: "stopped by the user" },
      state: { ...ONE_USED, kind: "stopping", cause: "user", verify: false, mayRunAgain: false },
    },
    {
      row: { run: 4, status: "stopping", detail: "timed out" },
      state: { ...ONE_USED, kind: "stopping", cause: "timeout", verify: false, mayRunAgain: true },
    },
    {
      row: { run: 4, status: "stopping", detail: "the coordinator shut down" },
      state: { ...ONE_USED, kind: "stopping", cause: "shutdown", verify: false, mayRunAgain: true },
    },
    {
      row: { run: 4, status: "succeeded", detail: "" },
      state: { ...FRESH, kind: "ended", status: "succeeded", reason: undefined, endedAtMs: AT_MS },
    },
    {
      row: { run: 4, status: "failed", detail: "no" },
      state: { ...FRESH, kind: "ended", status: "failed", reason: "no", endedAtMs: AT_MS },
    },
    {
      row: { run: 4, status: "cancelled", detail: "stopped by the user" },
      state: { ...FRESH, kind: "ended", status: "cancelled", reason: "stopped by the user", endedAtMs: AT_MS },
    },
  ])("tell the same: $row.status ($row.detail)", ({ row, state }) => {
    expect(rowOf(state)).toEqual(row);
  });
});
