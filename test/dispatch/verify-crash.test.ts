import { expect, it } from "vitest";
import { parseTranscript } from "../../src/task/session/transcript.ts";
import { shardOf } from "../support/crash-shard.ts";
import { type Life, newLife } from "../support/mortal.ts";
import { createWorld, type World } from "../support/world.ts";

/** A task that passes at the third verification, and one that never does and is followed by another. */
const TASKS = {
  "docs/passes.md": "---\nverifyCommand: passes\n---\nPasses at last.\n",
  "fix/never.md": "---\nverifyCommand: never\nmaxVerifyAttempts: 1\nfollowUp: later\n---\nNever passes.\n",
  "later/wait.md": "---\nnotBefore: 2999-01-01T00:00:00Z\n---\nHolds the follow-up back.\n",
};

function prepare(): World {
  const world = createWorld();
  world.runner.options.onStart = (run) => world.runner.end(run);
  world.verifier.onStart = (verification) => {
    const { command } = verification.request;
    const earlier = world.verifier.started.filter(({ request }) => request.command === command).length;
    world.verifier.end(verification, command === "passes" && earlier === 3 ? {} : { exitCode: 1, output: "no\n" });
  };
  world.settings.maxWorkers = 1;
  return world;
}

async function serveOut(world: World): Promise<void> {
  for (let round = 0; round < 4; round += 1) await world.advance(60_000);
}

async function liveTwice(diesAt: Life["diesAt"]): Promise<{ world: World; life: Life }> {
  const world = prepare();
  const life = newLife(diesAt);
  for (const [name, text] of Object.entries(TASKS)) world.drop(name, text);
  await world.start({ life }).catch(() => undefined);
  await serveOut(world);
  if (life.isOver) {
    await world.crash();
    await world.start();
    await serveOut(world);
  }
  return { world, life };
}

async function expectNothingLostOrTwice(world: World): Promise<void> {
  const [never, passes] = world.results().toSorted((a, b) => (a.prompt < b.prompt ? -1 : 1));
  expect(passes?.frontMatter).toMatchObject({ status: "succeeded", verification: { attempt: 3 } });
  expect(never?.frontMatter).toMatchObject({ status: "failed", failure: "verification" });
  expect(world.verifier.started.map(({ request }) => request.command).sort()).toEqual([
    ...["never", "passes", "passes", "passes"],
  ]);
  expect(world.runner.started).toHaveLength(4);
  const kinds = parseTranscript(world.committed("sessions/docs/transcript.jsonl") ?? "").map(({ body }) => body.kind);
  expect(kinds).toEqual(Array(3).fill(["user", "end", "verify"]).flat());
  const { tasks: open } = await world.queries.list({ finished: 0 });
  const children = open.filter(({ parent }) => parent === never?.id).map(({ id }) => id);
  expect(children).toEqual([never?.frontMatter.followUpTask]);
}

/** Calls that change nothing: to die after one is to die before the next. */
const EFFECTS = /^(verifier\.(prepare|start|stop|seal)|runner\.(prepare|start|stop|seal)|branch\.commit|sessions\.)/;

/** Where dying can make a difference, of the calls of a whole life. */
function deaths(called: readonly string[]): readonly NonNullable<Life["diesAt"]>[] {
  return called.flatMap((name, index) => {
    const call = index + 1;
    const before = name === called[index - 1] ? [] : [{ call, when: "before" } as const];
    return EFFECTS.test(name) ? [...before, { call, when: "after" } as const] : before;
  });
}

it("a task is verified as often as it has to be, at whatever call the coordinator dies", {
  timeout: 60_000,
}, async () => {
  const whole = await liveTwice(undefined);
  await expectNothingLostOrTwice(whole.world);
  const found: string[] = [];
  const all = deaths(whole.life.called);
  expect(all.length).toBeGreaterThan(50);
  const cases = shardOf("calls of a coordinator that verifies", all);
  let died = 0;
  for (const diesAt of cases) {
    const { world, life } = await liveTwice(diesAt);
    if (life.isOver) died += 1;
    try {
      await expectNothingLostOrTwice(world);
    } catch (error) {
      found.push(`dead ${diesAt.when} call ${diesAt.call}, ${life.called.at(-1)}: ${String(error)}`);
    }
    await world.crash();
  }
  expect(found).toEqual([]);
  expect(died).toBeGreaterThan(cases.length / 2);
});
