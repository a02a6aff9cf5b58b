import { mkdirSync, readdirSync, renameSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { expectSettled } from "../../support/settled.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("a damaged journal is named, and the start ends at once", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", "Say hello\n");
  await workspace.serve({ fault: "accept:claim-removed" }).ended;
  const [name = ""] = workspace.stateFiles("journal/open");
  writeFileSync(join(workspace.stateDir, "journal/open", name), "{}}\n");
  const refused = workspace.serve();
  expect(await refused.ended).toEqual({ code: 70, signal: null });
  expect(refused.log()).toContain(`${name}, line 1`);
});

it("a coordinator that cannot write its journal ends, and the next one goes on where it was", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", "[[sleep 500]]\n");
  const first = workspace.serve();
  await first.saw("thread");
  const journal = join(workspace.stateDir, "journal/open");
  const [name = ""] = readdirSync(journal);
  renameSync(join(journal, name), join(workspace.stateDir, name));
  mkdirSync(join(journal, name)); // Also for root a folder is no file.
  expect(await first.ended).toEqual({ code: 70, signal: null });
  rmdirSync(join(journal, name));
  renameSync(join(workspace.stateDir, name), join(journal, name));
  await workspace.serveUntilIdle();
  expect(workspace.stubRuns()).toHaveLength(1);
  expectSettled(workspace, { tasks: 1 });
});
