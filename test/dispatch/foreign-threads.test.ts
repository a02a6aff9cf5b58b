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
  world.byOrigin = rightsByOrigin({ ...DEFAULT_POLICY, ...policy }, [], openOwnThreads(world.paths.ownThreads).problem);
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

describe("a thread in which the user's own tasks have been", () => {
  const KEY = "docs";
  /** A task of the user's, then one that a commit brings into the same session. */
  async function withCommittedTask(frontMatter: string, policy: Partial<Policy> = {}): Promise<World> {
    const world = worldWith(policy);
    await world.start();
    world.drop(`${KEY}/1.md`, "What only I may know.\n");
    await world.settle();
    await finishAll(world);
    await world.advance(60_000);
    world.repository.user.commit({ [`inbox/${KEY}/2.md`]: `${frontMatter}What was said before?\n` });
    await world.settle();
    await world.advance(60_000);
    return world;
  }

  it("is not gone on in by a task of a commit, which begins a fresh one and is told why", async () => {
    const world = await withCommittedTask("");
    const run = world.runner.started.at(-1);
    expect(run?.request.prompt).toContain("What was said before?");
    expect(run?.request.resumeThread).toBeUndefined();
    expect(run?.request.prompt).toContain("tasks have been in it that did not come by a commit");
  });

  it("is refused to it by name too", async () => {
    const world = await withCommittedTask(`---\nresume: ${THREAD}\n---\n`);
    expect(world.runner.started).toHaveLength(1);
  });

  it("is gone on in where the policy says so for commits", async () => {
    const world = await withCommittedTask("", { origins: { commit: { resume: "any" } } });
    expect(world.runner.started.at(-1)?.request.resumeThread).toBe(THREAD);
  });

  it("is any that they go on in, after commits as before", () => {
    const threads = openOwnThreads(createWorld().paths.ownThreads);
    const commit = {
      kind: "commit" as const,
      commit: "1a",
      author: "A",
      email: "a@b.c",
      signature: null,
      signer: null,
    };
    const agentOfCommit = {
      kind: "agent" as const,
      task: "x",
      bounds: { kinds: ["agent" as const, "commit" as const] },
    };
    threads.add(THREAD, agentOfCommit);
    expect(threads.problem(THREAD, "commit")).toBeUndefined();
    threads.enter(THREAD, commit);
    expect(threads.problem(THREAD, "commit")).toBeUndefined();
    threads.enter(THREAD, { kind: "http", user: "ada" });
    expect(threads.problem(THREAD, "commit")).toMatch(/^tasks have been in it/);
    expect(threads.problem(THREAD, "cli")).toBeUndefined();
    threads.enter(THREAD, commit); // It was allowed to by the policy: that makes it no commit's.
    expect(threads.problem(THREAD, "commit")).toMatch(/^tasks have been in it/);
  });
});
