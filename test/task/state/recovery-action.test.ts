import { describe, expect, it } from "vitest";
import { type RecoveryAction, recoveryAction } from "../../../src/task/state/recovery-action.ts";
import type { RunProbe } from "../../../src/task/state/run.ts";
import type { TaskState } from "../../../src/task/state/task-state.ts";

describe("recoveryAction", () => {
  type Table = Readonly<Record<TaskState["kind"], Readonly<Record<RunProbe["kind"], RecoveryAction>>>>;
  const table: Table = {
    queued: { unclaimed: "keep", alive: "note the start", ended: "note the start", vanished: "note the start" },
    running: { unclaimed: "seal", alive: "watch", ended: "watch", vanished: "watch" },
    verifying: { unclaimed: "seal", alive: "watch", ended: "watch", vanished: "watch" },
    stopping: { unclaimed: "seal", alive: "watch and stop", ended: "watch", vanished: "watch" },
    ended: { unclaimed: "keep", alive: "keep", ended: "keep", vanished: "keep" },
  };
  const cases = Object.entries(table).flatMap(([state, row]) =>
    Object.entries(row).map(([probe, action]) => ({ state, probe, action })),
  );
  it.each(cases)("a task that is $state with a worker that is $probe: $action", ({ state, probe, action }) => {
    expect(recoveryAction(state as TaskState["kind"], probe as RunProbe["kind"])).toBe(action);
  });
});
