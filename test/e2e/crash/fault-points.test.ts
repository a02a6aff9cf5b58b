import { describe, expect, it } from "vitest";
import type { FaultPoint } from "../../../src/base/fault-point.ts";
import { crashAtEach, POINTS } from "../../support/crash-chain.ts";
import { IS_WHOLE_MATRIX, shardOf } from "../../support/crash-shard.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { expectSettled } from "../../support/settled.ts";
import { FAST_STUB_PATH } from "../../support/test-runner.ts";
import { tempWorkspace } from "../../support/workspace.ts";

const WITH_FAST_STUB = { environment: { CODEX_INBOX_CODEX: FAST_STUB_PATH } };
const TIMEOUT_MS = 180_000;

/** Of the claim of a file that git does not have; another stays until a commit takes it out. */
const CLAIM_POINTS: readonly string[] = ["accept:claim-made", "accept:renamed", "accept:claim-removed"];

type Way = "dropped" | "committed" | "later";

/** Each of them can meet a point: a run that resumes knows its thread before it has begun, and a file that git has is not claimed. */
function waysTo(point: FaultPoint): readonly [Way, ...Way[]] {
  if (CLAIM_POINTS.includes(point)) return ["dropped"];
  return point === "run:thread-seen" ? ["dropped", "committed"] : ["dropped", "committed", "later"];
}

/** Of a shard each point is met in one of the ways in which a task can come: by turns, from one that the seed says. */
const SEED = testSeed("ways at fault points");
const SHARD = shardOf("fault points", POINTS);
const WAYS = new Map(SHARD.map((point, index) => [point, waysTo(point)[(SEED + index) % waysTo(point).length]]));

function pointsOf(way: Way): readonly FaultPoint[] {
  return SHARD.filter((point) => (IS_WHOLE_MATRIX ? waysTo(point).includes(way) : WAYS.get(point) === way));
}

describe("a coordinator that dies at each fault point loses nothing and does nothing twice", () => {
  it("with a dropped file", { timeout: TIMEOUT_MS }, async () => {
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    const points = pointsOf("dropped");
    await crashAtEach(workspace, points, (index) => workspace.drop(`docs-${index}/greet.md`, `Say hello ${index}\n`));
    expectSettled(workspace, { tasks: points.length });
    expect(workspace.stubRuns().map(({ resume }) => resume)).toEqual(points.map(() => null));
    expect(workspace.results.tasks().map(({ result }) => result?.lastMessage)).toEqual(points.map(() => "done"));
  });

  it("with a committed file", { timeout: TIMEOUT_MS }, async () => {
    const points = pointsOf("committed");
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    await crashAtEach(workspace, points, (index) => workspace.commitDrop(`docs-${index}/greet.md`, `Say ${index}\n`));
    expectSettled(workspace, { tasks: points.length });
    const sources = workspace.results.tasks().map(({ frontMatter }) => frontMatter.source);
    expect(sources.sort()).toEqual(points.map((_, index) => `inbox/docs-${index}/greet.md`).sort());
  });

  it("with a later task of a session", { timeout: TIMEOUT_MS }, async () => {
    const points = pointsOf("later");
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
