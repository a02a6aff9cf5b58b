import { describe, expect, it } from "vitest";
import type { RunAccount, RunVerdict, Usage } from "../../src/task/state/run.ts";
import { failure, THREAD } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";

const OTHER_THREAD = "01a1f950-0000-7472-a9b5-7a2032cb912c";
const NO_RETRY = { outcome: "failed", failure: failure("promptRefused") } as const;
const RETRY = { outcome: "failed", failure: failure("overloaded") } as const;

function usage(inputTokens: number, outputTokens = 0): Usage {
  return { inputTokens, cachedInputTokens: 0, outputTokens, reasoningOutputTokens: 0 };
}

function account(change: Partial<RunAccount>): { readonly account: RunAccount } {
  return { account: { model: undefined, usage: undefined, threadUsage: undefined, ...change } };
}

/** Runs one task of the session docs to its end, one verdict for each of its runs, and returns its committed front matter. */
async function run(
  world: World,
  verdicts: readonly Partial<RunVerdict>[],
  keys = "",
): Promise<Readonly<Record<string, unknown>>> {
  const before = world.results().length;
  world.drop(`docs/${before}.md`, `---\n${keys}\n---\nTask ${before}\n`);
  await world.settle();
  for (const verdict of verdicts) {
    await world.advance(60_000); // It starts, if it has not yet.
    await world.advance(60_000);
    world.runner.end(world.runner.of("docs"), verdict);
    await world.settle();
  }
  const id = world.accepted(-1);
  return world.results().find((file) => file.id === id)?.frontMatter ?? {};
}

async function served(): Promise<World> {
  const world = createWorld();
  await world.start();
  return world;
}

describe("the tokens of a run", () => {
  it("are what its thread's total has grown by", async () => {
    const world = await served();
    expect((await run(world, [{ usageTotal: usage(100, 9) }])).usage).toEqual(usage(100, 9));
    expect((await run(world, [{ usageTotal: usage(130, 11) }])).usage).toEqual(usage(30, 2));
  });

  it("begin anew with a fresh thread, and go on where an older one is taken up again", async () => {
    const world = await served();
    await run(world, [{ usageTotal: usage(100) }]);
    const fresh = await run(world, [{ usageTotal: usage(40), threadId: OTHER_THREAD }], "resume: false");
    expect(fresh.usage).toEqual(usage(40));
    const back = await run(world, [{ usageTotal: usage(107), threadId: THREAD }], `resume: ${THREAD}`);
    expect(back.usage).toEqual(usage(7));
    const again = await run(world, [{ usageTotal: usage(45), threadId: OTHER_THREAD }], `resume: ${OTHER_THREAD}`);
    expect(again.usage).toEqual(usage(5));
  });

  it("are not known where a thread of somebody else's is gone on in", async () => {
    const world = await served();
    const first = await run(world, [{ usageTotal: usage(900), threadId: OTHER_THREAD }], `resume: ${OTHER_THREAD}`);
    expect([first.usage, first.totalUsage]).toEqual([undefined, undefined]);
    expect((await run(world, [{ usageTotal: usage(905), threadId: OTHER_THREAD }])).usage).toEqual(usage(5));
  });

  it("are as codex noted them, where it did: also of a run that failed, whose events tell none", async () => {
    const world = await served();
    const failed = { ...NO_RETRY, ...account({ usage: usage(30), threadUsage: usage(30), model: "gpt-x" }) };
    expect(await run(world, [failed])).toMatchObject({ usage: usage(30), model: "gpt-x" });
    const next = { usageTotal: usage(50), ...account({ usage: usage(20), threadUsage: usage(50) }) };
    expect((await run(world, [next])).usage).toEqual(usage(20));
    expect((await run(world, [{ usageTotal: usage(57) }])).usage).toEqual(usage(7));
  });

  it("that failed without a word of them are told with the next run of the thread, and never twice", async () => {
    const world = await served();
    await run(world, [{ usageTotal: usage(100) }]);
    expect((await run(world, [NO_RETRY])).usage).toBeUndefined();
    expect((await run(world, [{ usageTotal: usage(130) }])).usage).toEqual(usage(30));
  });

  it("are never negative: a thread may come back as an older copy of itself", async () => {
    const world = await served();
    await run(world, [{ usageTotal: usage(100) }]);
    expect((await run(world, [{ usageTotal: usage(60) }])).usage).toEqual(usage(0));
  });
});

describe("the account of a task", () => {
  it("tells the last run, and all of them together", async () => {
    const world = await served();
    const first = { ...RETRY, ...account({ usage: usage(10), threadUsage: usage(10) }), commandCount: 5 };
    const second = { usageTotal: usage(25), ...account({ usage: usage(15), threadUsage: usage(25), model: "gpt-y" }) };
    const file = await run(world, [first, { ...second, commandCount: 2 }]);
    expect(file).toMatchObject({
      ...{ usage: usage(15), totalUsage: usage(25), commands: 2, filesChanged: 0, model: "gpt-y", attempts: 2 },
      ...{ durationMs: 60_000, totalDurationMs: 180_000, codexVersion: "0.169.0" },
    });
    const view = await world.queries.find(world.accepted(-1));
    expect(view).toMatchObject({
      ...{ usage: usage(15), totalUsage: usage(25), commands: 2, filesChanged: 0, model: "gpt-y" },
      ...{ totalDurationMs: 180_000, codexVersion: "0.169.0" },
    });
  });

  it("is shown before it is committed, and while the task still runs", async () => {
    const world = await served();
    world.repository.user.beginMerge();
    await run(world, [{ usageTotal: usage(3), commandCount: 1 }]);
    expect(await world.queries.find(world.accepted(-1))).toMatchObject({
      committed: false,
      usage: usage(3),
      commands: 1,
    });
  });

  it("keeps the model that the user named beside the one that was used", async () => {
    const world = await served();
    expect(await run(world, [account({ model: "gpt-y" })], "model: gpt-z")).toMatchObject({ model: "gpt-y" });
    expect(world.results()[0]?.asked).toMatchObject({ model: "gpt-z" });
  });
});

describe("the list of sessions", () => {
  it("sums up what is committed, what waits for that, and what still runs, each once", async () => {
    const world = await served();
    await run(world, [{ usageTotal: usage(10), commandCount: 2 }]);
    await run(world, [{ ...NO_RETRY, commandCount: 1 }]);
    world.repository.user.beginMerge();
    await run(world, [{ usageTotal: usage(30) }]);
    world.drop("docs/x.md", "X\n");
    await world.settle();
    world.runner.end(world.runner.of("docs"), { ...RETRY, ...account({ usage: usage(4), threadUsage: usage(34) }) });
    await world.settle();
    const expected = {
      ...{ key: "docs", state: "RUNNING", thread: THREAD, archived: false, paused: false },
      tasks: { queued: 1, running: 0, succeeded: 2, failed: 1, cancelled: 0 },
      ...{ runs: 4, usage: usage(34), durationMs: 360_000, commands: 3 },
      lastActivityAt: new Date(world.clock.nowMs).toISOString(),
      ...{ unlanded: null, takenBy: null },
    };
    expect(await world.queries.sessions({ own: false })).toEqual([expected]);
    expect(await world.queries.session("docs")).toEqual(expected);
    world.repository.user.endMerge();
    await world.advance(60_000);
    expect(await world.queries.session("docs")).toMatchObject({ usage: usage(34), runs: 4, tasks: { succeeded: 2 } });
  });

  it("has the most recently used one first, and those made for one task only where they are wanted", async () => {
    const world = createWorld();
    world.runner.options.onStart = (started) => world.runner.end(started);
    await world.start();
    for (const path of ["a/1.md", "b/c/2.md", "3.md", "a/4.md"]) {
      world.drop(path, "Do it.\n");
      await world.settle();
      await world.advance(1_000);
    }
    const keys = async (own: boolean) => (await world.queries.sessions({ own })).map(({ key }) => key);
    expect(await keys(false)).toEqual(["a", "b/c"]);
    expect(await keys(true)).toEqual([
      "a",
      expect.stringMatching(new RegExp(`^2026-11-20/.*-do-it-${world.accepted(2).slice(-6)}$`)),
      "b/c",
    ]);
    expect((await world.queries.session("b")).key).toBe("b/c"); // Threads that have it are asked for where no key has.
    for (const key of ["a/1", "../a", "", "zzz"])
      await expect(world.queries.session(key)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("counts a task that ended without a run", async () => {
    const world = await served();
    world.drop("docs/x.md", "---\nnotBefore: 2027-01-01T00:00:00Z\n---\nX\n");
    await world.settle();
    world.request(world.accepted(0));
    await world.advance(1_000);
    await world.advance(1_000);
    expect(world.results()).toMatchObject([{ status: "cancelled" }]);
    expect(await world.queries.session("docs")).toMatchObject({ runs: 0, usage: null, tasks: { cancelled: 1 } });
  });
});
