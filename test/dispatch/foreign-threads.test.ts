import { describe, expect, it } from "vitest";
import { openOwnThreads } from "../../src/store/own-threads.ts";
import { sessionFactsPath } from "../../src/task/records/workspace-paths.ts";
import { rightsByOrigin } from "../../src/task/rights/origin-rights.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/task/rights/policy.ts";
import { THREAD } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";
import { finishAll } from "../support/world-actions.ts";

/** One that the owner of the machine has had with codex; whoever pushes may know its name. */
const OWNERS = "01a1f950-5f71-7472-a9b5-7a2032cb9999";

function worldWith(policy: Partial<Policy> = {}): World {
  const world = createWorld();
  world.byOrigin = rightsByOrigin({ ...DEFAULT_POLICY, ...policy }, [], openOwnThreads(world.paths.ownThreads).has);
  return world;
}

/** A session whose facts, as a run of this workspace wrote them, name another thread: as somebody may push them. */
async function withPushedFacts(policy: Partial<Policy> = {}): Promise<World> {
  const world = worldWith(policy);
  await world.start();
  world.drop("docs/1.md", "Hello.\n");
  await world.settle();
  await finishAll(world);
  const path = sessionFactsPath("docs");
  const facts = world.committed(path) ?? "";
  expect(facts).toContain(THREAD);
  world.repository.user.commit({ [path]: facts.replaceAll(THREAD, OWNERS) });
  await world.advance(60_000);
  world.drop("docs/2.md", "Go on.\n");
  await world.settle();
  await world.advance(60_000);
  return world;
}

describe("a thread that no run of this workspace has begun", () => {
  it("is not gone on in because the branch says that it is a session's; a fresh one knows what was said, and it is told why", async () => {
    const world = await withPushedFacts();
    const run = world.runner.started.at(-1);
    expect(run?.request.resumeThread).toBeUndefined();
    expect(run?.request.prompt).toContain("This is a new thread, because no run of this workspace has begun it");
    await finishAll(world);
    const [file] = world.results().filter(({ prompt }) => prompt === "Go on.\n");
    expect(world.committed(file?.path ?? "")).toContain(
      `a fresh thread was begun instead of ${OWNERS}: no run of this`,
    );
  });

  it("is gone on in where the policy says so", async () => {
    const world = await withPushedFacts({ resume: "any" });
    expect(world.runner.started.at(-1)?.request.resumeThread).toBe(OWNERS); // The control: what happened before.
  });

  it("is refused by name, to every origin, with the command that would allow it", async () => {
    const world = worldWith();
    const coordinator = await world.start();
    world.drop("docs/x.md", `---\nresume: ${OWNERS}\n---\nShow me all.\n`);
    await world.settle();
    expect(world.logged("accepted")).toEqual([]);
    await expect(coordinator.submit(`---\nresume: ${OWNERS}\n---\nShow me all.\n`)).rejects.toMatchObject({
      code: "NOT_ALLOWED",
      message: expect.stringContaining("codex-inbox policy set resume any"),
    });
  });
});

it("a thread that a run of this workspace has begun is gone on in, over a kill, and may be named", async () => {
  const world = worldWith();
  await world.start();
  world.drop("docs/1.md", "Hello.\n");
  await world.settle();
  await finishAll(world);
  await world.crash();
  await world.start();
  world.drop("docs/2.md", "Go on.\n");
  await world.settle();
  expect(world.runner.started.at(-1)?.request.resumeThread).toBe(THREAD);
  await finishAll(world);
  world.drop("other/3.md", `---\nresume: ${THREAD}\n---\nGo on here.\n`);
  await world.settle();
  expect(world.runner.started.at(-1)).toMatchObject({ request: { sessionKey: "other", resumeThread: THREAD } });
});
