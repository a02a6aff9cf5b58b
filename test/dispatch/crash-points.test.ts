import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseTranscript } from "../../src/task/session/transcript.ts";
import { failure } from "../fakes/fake-runner.ts";
import { shardOf } from "../support/crash-shard.ts";
import { type Life, newLife } from "../support/mortal.ts";
import { createWorld, type World } from "../support/world.ts";

/** Every way into the queue, a session with two tasks in it, a failure that is tried again, and a stop. */
const PROMPTS = {
  committed: "Came in a commit.\n",
  staged: "Was staged.\n",
  untracked: "Fails at first.\n",
  replaced: "The better wish.\n",
};

function prepare(): World {
  const world = createWorld();
  world.runner.options.onStart = (run) => {
    const runs = world.runner.started.filter(({ request }) => request.prompt === PROMPTS.untracked);
    const isFirst = run === runs[0];
    world.runner.end(run, isFirst ? { outcome: "failed", failure: failure("overloaded"), lastMessage: "" } : {});
  };
  world.settings.maxWorkers = 1;
  return world;
}

/** What the users do; whether or not somebody serves meanwhile. */
async function play(world: World): Promise<void> {
  const { user } = world.repository;
  user.commit({ "inbox/docs/committed.md": PROMPTS.committed });
  user.stage("inbox/docs/staged.md", PROMPTS.staged);
  world.drop("later/wish.md", "---\nnotBefore: 2026-11-20T15:00:00Z\n---\nA wish.\n");
  await world.advance(1_500);
  world.drop("docs/untracked.md", PROMPTS.untracked);
  world.drop("later/wish.md", PROMPTS.replaced);
  await world.advance(1_000);
  user.commit({ "inbox/docs/staged.md": PROMPTS.staged });
  await world.advance(1_000);
}

async function serveOut(world: World): Promise<void> {
  for (let round = 0; round < 8; round += 1) await world.advance(1_800_000);
}

/** Lets a coordinator die at one call, and another one go on. */
async function liveTwice(diesAt: Life["diesAt"]): Promise<{ world: World; life: Life }> {
  const world = prepare();
  const life = newLife(diesAt);
  await world.start({ life }).catch(() => undefined);
  await play(world);
  await serveOut(world);
  if (life.isOver) {
    await world.crash();
    await world.start();
    await serveOut(world);
  }
  return { world, life };
}

function filesBelow(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

function expectNothingLostOrTwice(world: World): void {
  const results = world.results();
  expect(results.map(({ prompt }) => prompt).sort()).toEqual(Object.values(PROMPTS).sort());
  expect(results.map(({ status }) => status)).toEqual(results.map(() => "succeeded"));
  for (const { id, sessionKey, prompt, frontMatter } of results) {
    const runs = world.runner.started.filter(({ request }) => request.taskId === id);
    expect(runs, prompt).toHaveLength(prompt === PROMPTS.untracked ? 2 : 1);
    expect(frontMatter.attempts).toBe(runs.length);
    const messages = world.repository.log().map(({ message }) => message);
    expect(messages.filter((message) => message.includes(`\nTask-Id: ${id}\n`))).toHaveLength(1);
    const transcript = world.committed(`sessions/${sessionKey}/transcript.jsonl`) ?? "";
    const entries = parseTranscript(transcript).filter((entry) => entry.task === id);
    expect(entries.map(({ body }) => body.kind)).toEqual(runs.flatMap(() => ["user", "end"]));
    expect(transcript.trimEnd().split("\n")).toHaveLength(parseTranscript(transcript).length);
    expect(world.rows().filter((row) => row.task === id && row.status === "succeeded")).toHaveLength(1);
  }
  expect(world.runner.started).toHaveLength(5);
  for (const folder of ["accepting", "journal/open", "runs", "wishes"])
    expect(filesBelow(join(world.paths.root, folder)), folder).toEqual([]);
  expect(filesBelow(join(world.dir, "inbox"))).toEqual([]);
  expect([...(world.repository.tip?.files.keys() ?? [])].filter((path) => path.startsWith("inbox/"))).toEqual([]);
}

/** Calls that change nothing: to die after one is to die before the next. */
const READS =
  /^(branch\.(refresh|waiting|readText|blobAt|treeId|listFolder|headIsOurs|indexEntries|introducedBy|authorship|hashBlob)|intake\.(scan|start|leftClaims)|runner\.(probe|follow|judge|entries)|sessions\.(read|add|committed))$/;

/** Where dying can make a difference, of the calls of a whole life. */
function deaths(called: readonly string[]): readonly NonNullable<Life["diesAt"]>[] {
  return called.flatMap((name, index) => {
    const call = index + 1;
    if (!READS.test(name)) return [{ call, when: "before" } as const, { call, when: "after" } as const];
    return name === called[index - 1] ? [] : [{ call, when: "before" } as const];
  });
}

it("loses nothing and does nothing twice, at whatever call the coordinator dies", { timeout: 60_000 }, async () => {
  const whole = await liveTwice(undefined);
  expectNothingLostOrTwice(whole.world);
  const found: string[] = [];
  const all = deaths(whole.life.called);
  expect(all.length).toBeGreaterThan(100); // The way of a task has many steps, and it may die at each.
  const cases = shardOf("calls of a coordinator", all);
  let died = 0;
  for (const diesAt of cases) {
    const { world, life } = await liveTwice(diesAt);
    if (life.isOver) died += 1;
    try {
      expectNothingLostOrTwice(world);
    } catch (error) {
      found.push(`dead ${diesAt.when} call ${diesAt.call}, ${life.called.at(-1)}: ${String(error)}`);
    }
    await world.crash();
  }
  expect(found).toEqual([]);
  expect(died).toBeGreaterThan(cases.length / 2);
});
