import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { FAULT_POINTS, type FaultPoint } from "../../src/base/fault-point.ts";
import { leftLying } from "./settled.ts";
import { waitFor } from "./wait-for.ts";
import type { TestWorkspace } from "./workspace.ts";

/** A task without a verify command, a worktree or a shared remote never comes by the others; test/e2e/failures/verify.test.ts is about them. */
export const POINTS = FAULT_POINTS.filter((point) => !/^(?:verify|turn|worktree|claim):/.test(point));

/**
 * Lets a coordinator die at each of `points`, each with a task of its own: the start that goes on after one death is the process that
 * dies next, once all is done again. `ask` asks for the task at `index`; its fault counts from then on. The last start serves until
 * nothing is left to do. After each death all is checked that takes no git, and what git calls the work tree's state.
 *
 * The agent is no child of the coordinator's: wherever that dies, the agent runs once, not more and not less.
 */
export async function crashAtEach(
  workspace: TestWorkspace,
  points: readonly FaultPoint[],
  ask: (index: number) => void,
): Promise<void> {
  const before = workspace.results.tasks().length;
  const armed = join(workspace.home, "armed");
  for (const [index, fault] of points.entries()) {
    rmSync(armed, { force: true });
    const environment = { CODEX_INBOX_FAULT_FROM: armed };
    const coordinator = workspace.serve({ args: ["--port", "off"], fault, environment });
    await coordinator.saw("serving");
    await isDone(workspace, before + index, points[index - 1], () => coordinator.log());
    writeFileSync(armed, "");
    ask(index);
    expect(await coordinator.ended, `${fault}: ${coordinator.log()}`).toEqual({ code: null, signal: "SIGKILL" });
  }
  await workspace.serveUntilIdle({ isAlone: true });
  await isDone(workspace, before + points.length, points.at(-1), () => "");
}

/** Waits until all `tasks` are committed and nothing is left lying; each has run once. */
async function isDone(workspace: TestWorkspace, tasks: number, diedAt = "no point", log: () => string): Promise<void> {
  const seen = (): object => ({ tasks: workspace.results.tasks().length, left: leftBehind(workspace) });
  const done = { tasks, left: {} };
  await waitFor(() => JSON.stringify(seen()) === JSON.stringify(done), {
    what: "the results",
    timeoutMs: 30_000,
  }).catch(() => expect(seen(), `after a death at ${diedAt}: ${log()}`).toEqual(done));
  expect(workspace.stubRuns(), `runs, after a death at ${diedAt}`).toHaveLength(tasks);
  expect(workspace.repo.git("status", "--porcelain"), `git status, after a death at ${diedAt}`).toBe("");
}

/** Runs that are done with count as gone once they have been renamed: they are removed when there is time, by the last start at the latest. */
function leftBehind(workspace: TestWorkspace): object {
  const { runs = [], ...others } = leftLying(workspace);
  const open = runs.filter((path) => !path.startsWith("."));
  return open.length === 0 ? others : { ...others, runs: open };
}
