import { expect } from "vitest";
import { FAULT_POINTS } from "../../src/base/fault-point.ts";
import { FAST_STUB_PATH } from "./test-runner.ts";
import type { TestWorkspace } from "./workspace.ts";

export const WITH_FAST_STUB = { environment: { CODEX_INBOX_CODEX: FAST_STUB_PATH } };

/** A task without a verify command, which changes nothing and works in no worktree, never comes by the others; they have tests of their own. */
export const POINTS = FAULT_POINTS.filter((point) => !/^(?:verify|turn|worktree):/.test(point));

/**
 * Dies at `fault`, starts again, and works until nothing is left to do. The agent is no child of the coordinator's: wherever that
 * dies, the agent runs once, not more and not less.
 */
export async function crashAndRecover(workspace: TestWorkspace, fault: string): Promise<void> {
  const crashed = workspace.serve({ args: ["--until-idle"], fault });
  expect(await crashed.ended, crashed.log()).toEqual({ code: null, signal: "SIGKILL" });
  await workspace.serveUntilIdle();
}
