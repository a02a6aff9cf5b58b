import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DEFAULT_RIGHTS } from "../../src/task/rights/rights.ts";
import { wrappedCodex } from "../support/broken-codex.ts";
import { realCodex } from "../support/real-codex.ts";
import { FAST_STUB_PATH } from "../support/test-runner.ts";
import { waitFor } from "../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

const WRITES = `[[shell: for i in $(seq 101 130); do printf 'Made %s. [[final: made]]' $i > inbox/$i.md; done]]`;

function inbox(workspace: TestWorkspace, ending: string): readonly string[] {
  return readdirSync(join(workspace.dir, "inbox")).filter((name) => name.endsWith(ending));
}

it("what an agent leaves in inbox/ becomes as many tasks of its own as the policy says, over a restart too", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  // Who has left a file is told by what codex says of its commands; how those run that it became does not matter.
  const script = `if [ "$1" = exec ] && ! mkdir "$CODEX_HOME/begun" 2>/dev/null; then exec '${FAST_STUB_PATH}' "$@"; fi`;
  const workspace = await tempWorkspace({ codex: { home: codex.home, codexPath: wrappedCodex(codex, script) } });
  workspace.drop("docs/agent.md", `Make tasks. ${WRITES} [[sleep 3000]] [[final: done]]\n`);
  const first = workspace.serve({ args: ["--max-workers", "1"] });
  await first.saw("accepted", 11);
  await first.kill();
  const coordinator = workspace.serve();
  await waitFor(() => inbox(workspace, ".error.md").length === 10, { what: "10 error files", timeoutMs: 30_000 });
  const [agent] = first.lines("accepted").map((line) => line.field("task"));
  const says = readFileSync(join(workspace.dir, "inbox", inbox(workspace, ".error.md")[0] ?? ""), "utf8");
  expect(says).toContain(
    `run 1 of task ${agent} has left this file; 20 of its files became tasks, and maxDropsPerRun is 20`,
  );
  const made = () => workspace.results.tasks().filter(({ prompt }) => prompt.startsWith("Made "));
  await waitFor(() => made().length === 20, { what: "20 results", timeoutMs: 60_000 });
  for (const { frontMatter } of made()) expect(frontMatter).toMatchObject({ parent: agent, parentRun: 1 });

  expect((await workspace.command("policy", "set", "maxDropsPerRun", "50")).code).toBe(0);
  await waitFor(() => made().length === 30, { what: "30 results", timeoutMs: 60_000 });
  for (const { frontMatter } of made()) expect(frontMatter).toMatchObject({ parent: agent, parentRun: 1 });
  await waitFor(() => inbox(workspace, ".md").filter((name) => name !== "README.md").length === 0, {
    what: "an empty inbox",
  });
  expect(codex.requests.filter(({ userTexts }) => !userTexts[0]?.startsWith("Make tasks."))).toEqual([]);
  await coordinator.kill();
}, 120_000);

it("what a user drops while an agent works elsewhere is the user's, however much it is", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/agent.md", "Work. [[command: sleep 60]]\n");
  const coordinator = workspace.serve({ args: ["--max-workers", "1"] });
  await coordinator.saw("started");
  const count = 3 * DEFAULT_RIGHTS.maxDropsPerRun;
  for (let n = 0; n < count; n += 1) workspace.drop(`u${n}.md`, `Mine, ${n}.\n`);
  await coordinator.saw("accepted", 1 + count);
  expect(coordinator.lines("accepted").map((line) => line.field("parent"))).toEqual(Array(1 + count).fill(undefined));
  expect(inbox(workspace, ".error.md")).toEqual([]);
}, 60_000);
