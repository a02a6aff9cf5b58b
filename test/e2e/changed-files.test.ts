import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { realCodex } from "../support/real-codex.ts";
import { waitFor } from "../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

const UNTIL_GO = "until test -e go; do sleep 0.05; done";

it.each<{ name: string; open: () => Promise<TestWorkspace>; wait: string }>([
  { name: "the stub", open: () => tempWorkspace(), wait: `[[command: ${UNTIL_GO}]]` },
  {
    name: "the real codex",
    open: async () => tempWorkspace({ codex: await realCodex({ shellSnapshot: false }) }),
    wait: `[[shell: ${UNTIL_GO}]]`,
  },
])(
  "two tasks side by side, and the user's own edit: each result has the patches of its own agent, with $name",
  async ({ open, wait }) => {
    const workspace = await open();
    const { repo, results } = workspace;
    for (const name of ["one", "two"])
      workspace.drop(`${name}/task.md`, `Task ${name} [[write ${name}.txt: x]] ${wait} [[final: done]]\n`);
    const coordinator = workspace.serve();
    const written = ["one.txt", "two.txt"].map((name) => join(workspace.dir, name));
    await waitFor(() => written.every((path) => existsSync(path)), { what: "both patches", timeoutMs: 20_000 });
    repo.write("users.txt", "mine");
    repo.write("go", "");
    await coordinator.saw("run-ended", 2, 20_000);
    await waitFor(() => results.tasks().length === 2, { what: "both results", timeoutMs: 20_000 });
    for (const name of ["one", "two"]) {
      const files = results.task(`Task ${name}`).result?.changedFiles ?? [];
      expect(files.filter(({ by }) => by === "patch")).toEqual([{ path: `${name}.txt`, change: "added", by: "patch" }]);
      expect(files).toContainEqual({ path: "users.txt", change: "added", by: "other" });
    }
    coordinator.signal("SIGTERM");
    await coordinator.ended;
  },
);
