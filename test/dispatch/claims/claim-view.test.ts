import { expect, it } from "vitest";
import { createClaimView } from "../../../src/dispatch/claims/claim-view.ts";
import type { OpenTask } from "../../../src/store/tasks/open-task.ts";
import type { TaskTable } from "../../../src/store/tasks/task-table.ts";

it("a claim whose task ends here while the claims are looked at is given up once", async () => {
  const task = { id: "t1", sessionKey: "s1", needsClaim: true } as OpenTask;
  let open: OpenTask | undefined = task;
  const table = { get: () => open, onChange: () => undefined } as unknown as TaskTable;
  const view = createClaimView({
    ...{
      clone: "ours",
      table,
      ledger: { find: async () => undefined },
      stopRun: () => undefined,
      log: () => undefined,
    },
    onChange() {
      open = undefined; // Its result has come from the other clone.
    },
  });
  const claim = { task: "t1", clone: "ours", name: "ours", generation: 1, atMs: 1 };
  const seen = {
    claims: new Map([["t1", { blob: "b1", claim }]]),
    row: async () => ({ run: 1, status: "succeeded" as const }),
  };
  expect(await view.take(seen, true)).toEqual([{ task: "t1", expected: "b1", claim: undefined }]);
});
