import { describe, expect, it } from "vitest";
import { crashAtEach, POINTS } from "../../support/crash-chain.ts";
import { expectSettled } from "../../support/settled.ts";
import { FAST_STUB_PATH } from "../../support/test-runner.ts";
import { tempWorkspace } from "../../support/workspace.ts";

const WITH_FAST_STUB = { environment: { CODEX_INBOX_CODEX: FAST_STUB_PATH } };
const TIMEOUT_MS = 180_000;

/** A file that git has is not claimed: it stays until a commit takes it out. */
const CLAIM_POINTS: readonly string[] = ["accept:claim-made", "accept:renamed", "accept:claim-removed"];

describe("a coordinator that dies at each fault point loses nothing and does nothing twice", () => {
  it("with a dropped file", { timeout: TIMEOUT_MS }, async () => {
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    await crashAtEach(workspace, POINTS, (index) => workspace.drop(`docs-${index}/greet.md`, `Say hello ${index}\n`));
    expectSettled(workspace, { tasks: POINTS.length });
    expect(workspace.stubRuns().map(({ resume }) => resume)).toEqual(POINTS.map(() => null));
    expect(workspace.results.tasks().map(({ result }) => result?.lastMessage)).toEqual(POINTS.map(() => "done"));
  });

  it("with a committed file", { timeout: TIMEOUT_MS }, async () => {
    const points = POINTS.filter((point) => !CLAIM_POINTS.includes(point));
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    await crashAtEach(workspace, points, (index) => workspace.commitDrop(`docs-${index}/greet.md`, `Say ${index}\n`));
    expectSettled(workspace, { tasks: points.length });
    const sources = workspace.results.tasks().map(({ frontMatter }) => frontMatter.source);
    expect(sources.sort()).toEqual(points.map((_, index) => `inbox/docs-${index}/greet.md`).sort());
  });

  it("with a later task of a session", { timeout: TIMEOUT_MS }, async () => {
    // The thread of a run that resumes is known before the run has begun.
    const points = POINTS.filter((point) => point !== "run:thread-seen");
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    workspace.drop("docs/first.md", "Say hello\n");
    await workspace.serveUntilIdle();
    const prompts = ["Say hello", ...points.map((_, index) => `Say it again, ${index}`)];
    const { thread } = workspace.results.task("Say hello").frontMatter;
    await crashAtEach(workspace, points, (index) => workspace.drop(`docs/${index}.md`, `${prompts[index + 1]}\n`));
    expect(workspace.stubRuns().map(({ prompt }) => prompt)).toEqual(prompts);
    expect(workspace.stubRuns().map(({ resume }) => resume)).toEqual([null, ...points.map(() => thread)]);
    expectSettled(workspace, { tasks: prompts.length });
  });
});
