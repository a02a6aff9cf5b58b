import { mkdirSync, readdirSync, renameSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { expectSettled } from "../../support/settled.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("a damaged journal is set aside with one line that names it, and the other tasks go on", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", "Say hello\n");
  await workspace.serve({ fault: "accept:claim-removed" }).ended;
  const [name = ""] = workspace.stateFiles("journal/open");
  writeFileSync(join(workspace.stateDir, "journal/open", name), "{}}\n");
  workspace.drop("docs/other.md", "Say bye\n");
  const coordinator = await workspace.serveUntilIdle();
  expect(
    coordinator.log().match(/event=journal-damaged/g) ?? coordinator.log().match(/ journal-damaged /g),
  ).toHaveLength(1);
  expect(coordinator.log()).toContain(`${name}, line 1`);
  expect(workspace.stateFiles("journal/damaged")).toEqual([name]);
  expect(workspace.results.tasks()).toMatchObject([{ status: "succeeded", prompt: "Say bye\n" }]);
});

it("a task whose journal cannot be written holds up no other, and the next coordinator goes on where it was", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", "[[sleep 500]]\n");
  const first = workspace.serve();
  await first.saw("thread");
  const journal = join(workspace.stateDir, "journal/open");
  const [name = ""] = readdirSync(journal);
  renameSync(join(journal, name), join(workspace.stateDir, name));
  mkdirSync(join(journal, name)); // Also for root a folder is no file.
  await first.saw("internal-error");
  workspace.drop("docs/other.md", "Say bye\n");
  workspace.drop("more/other.md", "Say bye\n");
  await first.saw("committed");
  first.signal("SIGKILL");
  await first.ended;
  rmdirSync(join(journal, name));
  renameSync(join(workspace.stateDir, name), join(journal, name));
  await workspace.serveUntilIdle();
  expect(workspace.stubRuns()).toHaveLength(3);
  expectSettled(workspace, { tasks: 3 });
});
