import { expect, it } from "vitest";
import { createCompactTasksCommand } from "../../../src/cli/commands/compact-tasks.ts";
import { createFakeCliDeps, runCommand } from "../../fakes/fake-cli-deps.ts";

it("says what became of the rows", async () => {
  const deps = createFakeCliDeps();
  const command = createCompactTasksCommand(deps);
  expect(await runCommand(command, "--force")).toBe(0);
  await runCommand(command, "--force", "--json");
  await runCommand(command);
  expect(deps.printed).toEqual([
    "7 rows became 3 (commit cccccccccc)",
    JSON.stringify({ version: 1, commit: "c".repeat(40), rows: { before: 7, after: 3 } }, null, 2),
    "nothing to do: 7 rows, one for each task",
  ]);
  await expect(runCommand(command, "docs")).rejects.toMatchObject({ code: "USAGE" });
});
