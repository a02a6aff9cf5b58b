import { describe, expect, it } from "vitest";
import { FAULT_POINTS } from "../../src/base/fault-point.ts";
import { expectSettled } from "../support/settled.ts";
import { FAST_STUB_PATH } from "../support/test-runner.ts";
import { type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

const WITH_FAST_STUB = { environment: { CODEX_INBOX_CODEX: FAST_STUB_PATH } };

/** A task without a verify command never comes by the others; test/e2e/verify.test.ts is about them. */
const POINTS = FAULT_POINTS.filter((point) => !point.startsWith("verify:"));

/** Dies at `fault`, starts again, and works until nothing is left to do. */
async function crashAndRecover(workspace: TestWorkspace, fault: string): Promise<void> {
  const crashed = workspace.serve({ args: ["--until-idle"], fault });
  expect(await crashed.ended, crashed.log()).toEqual({ code: null, signal: "SIGKILL" });
  await workspace.serveUntilIdle();
}

// The agent is no child of the coordinator's: wherever that dies, the agent runs once, not more and not less.

describe("a coordinator that dies with a dropped file loses nothing and does nothing twice", () => {
  it.each(POINTS)("at %s", async (fault) => {
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    workspace.drop("docs/greet.md", "Say hello\n");
    await crashAndRecover(workspace, fault);
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
    expect(workspace.results.task("Say hello").result?.lastMessage).toBe("done");
  });
});

/** A file that git has is not claimed: it stays until a commit takes it out. */
const CLAIM_POINTS: readonly string[] = ["accept:claim-made", "accept:renamed", "accept:claim-removed"];

describe("a coordinator that dies with a committed file loses nothing and does nothing twice", () => {
  it.each(POINTS.filter((point) => !CLAIM_POINTS.includes(point)))("at %s", async (fault) => {
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    workspace.commitDrop("docs/greet.md", "Say hello\n");
    await crashAndRecover(workspace, fault);
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
    expect(workspace.results.task("Say hello").frontMatter.source).toBe("inbox/docs/greet.md");
  });
});

describe("a coordinator that dies with the second task of a session loses nothing and does nothing twice", () => {
  // The thread of a run that resumes is known before the run has begun.
  it.each(POINTS.filter((point) => point !== "run:thread-seen"))("at %s", async (fault) => {
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    workspace.drop("docs/first.md", "Say hello\n");
    workspace.drop("docs/second.md", "Say it again\n");
    await crashAndRecover(workspace, `${fault}#2`);
    const [first, second] = workspace.stubRuns();
    expect(workspace.stubRuns().map(({ prompt }) => prompt)).toEqual(["Say hello", "Say it again"]);
    expect(first?.resume).toBeNull();
    expect(second?.resume).toBe(workspace.results.task("Say hello").frontMatter.thread);
    expectSettled(workspace, { tasks: 2 });
  });
});
