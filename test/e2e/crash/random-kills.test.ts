import { expect, it } from "vitest";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { expectSettled } from "../../support/settled.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

const KILLS = 4;
const TIMEOUT_MS = 90_000;
/** With two tasks asked for in each round, a coordinator always logs this much. */
const LINES_MAX = 9;

function ask(workspace: TestWorkspace, round: number): void {
  workspace.drop(`docs/one-${round}.md`, `[[sleep 30]] [[final: one ${round}]]\n`);
  workspace.drop(`two-${round}.md`, `[[final: two ${round}]]\n`);
}

it("a coordinator that is killed again and again, at whatever moment, runs each task once and loses none", {
  timeout: TIMEOUT_MS,
}, async () => {
  const seed = testSeed("random kills");
  const random = seededRandom(seed);
  const workspace = await tempWorkspace();
  for (const name of ["docs/three.md", "four.md"]) workspace.commitDrop(name, `[[final: ${name}]]\n`);
  for (let round = 1; round <= KILLS; round += 1) {
    ask(workspace, round);
    const coordinator = workspace.serve();
    const lines = Math.ceil(random.next() * LINES_MAX);
    await waitFor(() => coordinator.lines().length >= lines, {
      what: `${lines} lines of log`,
      intervalMs: 1,
      timeoutMs: 30_000,
    });
    await coordinator.kill();
  }
  await workspace.serveUntilIdle({ isAlone: true });
  const prompts = workspace.stubRuns().map(({ prompt }) => prompt);
  expect(prompts.sort(), `seed ${seed}`).toEqual([...new Set(prompts)]);
  expect(prompts).toHaveLength(2 + 2 * KILLS);
  expectSettled(workspace, { tasks: 2 + 2 * KILLS });
});
