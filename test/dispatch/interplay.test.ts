import { expect, it } from "vitest";
import { openPauseStore } from "../../src/dispatch/pauses.ts";
import { DEFAULT_RIGHTS } from "../../src/task/rights/rights.ts";
import { parseTranscript } from "../../src/task/session/transcript.ts";
import { FAILURE_POLICIES, type FailureKind } from "../../src/task/state/failure.ts";
import { failure } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";

/** Seeds: a failure can be looked at again. */
const TRIES = Array.from({ length: 12 }, (_, index) => index + 1);
const STEPS = 45;
const TASKS_MAX = 12;
/** What ends a task otherwise is not for codex to say. */
const OURS: readonly FailureKind[] = [
  "verification",
  "verifyUnavailable",
  "stopped",
  "timedOut",
  "stalled",
  "vanished",
];
const KINDS = (Object.keys(FAILURE_POLICIES) as FailureKind[]).filter((kind) => !OURS.includes(kind));
const SESSIONS = ["s1", "s2", "s3", "later"];
const OPTIONS = ["followUp: true", "followUp: later", "resume: false", "sandbox: workspace-write", "maxAttempts: 1"];
const LIMITS = ["verifyTimeoutMs: 20000", "timeoutMs: 30000", "priority: 1"];

interface Chance {
  /** In [0, 1). */
  next(): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** A small generator with a seed (mulberry32). */
function chanceOf(seed: number): Chance {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    pick(items) {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new Error("nothing to pick from");
      return item;
    },
  };
}

const runsOf = ({ runner }: World) => runner.started.filter(({ probe }) => probe === "alive");
const verificationsOf = ({ verifier }: World) => verifier.started.filter(({ probe }) => probe === "alive");

function dropTask(world: World, chance: Chance, number: number): void {
  const own = [...OPTIONS, ...LIMITS].filter(() => chance.next() < 0.2);
  const fields = new Map(own.map((line) => [line.split(":")[0], line]));
  const command = chance.next() < 0.75 ? ["verifyCommand: npm test"] : ["title: Plain"];
  const frontMatter = [...command, ...fields.values()].join("\n");
  world.drop(`${chance.pick(["s1", "s2", "s3"])}/${number}.md`, `---\n${frontMatter}\n---\nTask ${number}.\n`);
}

function endRun(world: World, chance: Chance): void {
  if (runsOf(world).length === 0) return;
  const run = chance.pick(runsOf(world));
  const fate = chance.next();
  if (fate < 0.6) world.runner.end(run);
  else if (fate < 0.7) world.runner.vanish(run);
  else {
    const kind = chance.pick(KINDS);
    const why = failure(kind, kind === "usageLimit" ? world.clock.nowMs + 40_000 : undefined);
    const thread = kind === "threadNotFound" ? { threadId: undefined } : {};
    world.runner.end(run, { outcome: "failed", failure: why, lastMessage: "", ...thread });
  }
}

function endVerification(world: World, chance: Chance): void {
  if (verificationsOf(world).length === 0) return;
  const verification = chance.pick(verificationsOf(world));
  const fate = chance.next();
  if (fate < 0.1) world.verifier.vanish(verification);
  else if (fate < 0.2) world.verifier.end(verification, { exitCode: 127, output: "no\n" });
  else world.verifier.end(verification, fate < 0.7 ? { exitCode: 1, output: "no\n" } : {});
}

function changePause(world: World, chance: Chance): void {
  const box = openPauseStore(world.paths.paused);
  const session = chance.pick(["", ...SESSIONS]);
  if (chance.next() < 0.4) box.pause(session === "" ? undefined : session, "for now", world.clock.nowMs);
  else for (const each of [undefined, ...SESSIONS]) box.resume(each);
}

function changePolicy(world: World, chance: Chance): void {
  const sandbox = chance.pick(["read-only", "workspace-write"] as const);
  const verify = chance.pick(["sandboxed", "unsandboxed"] as const);
  world.settings.run = { ...world.settings.run, rights: { ...DEFAULT_RIGHTS, sandbox, verify } };
}

function expectBounds(world: World): void {
  const live = [...runsOf(world), ...verificationsOf(world)].map(({ request }) => request.sessionKey);
  expect(live.length).toBeLessThanOrEqual(world.settings.maxWorkers);
  expect(new Set(live).size).toBe(live.length); // A session has one process at a time.
}

/** Things happen at random; the last coordinator then finds nothing in its way. */
async function live(world: World, chance: Chance): Promise<void> {
  let coordinator: Awaited<ReturnType<World["start"]>> | undefined = await world.start();
  let dropped = 0;
  const acts: readonly (readonly [share: number, act: () => void | Promise<void>])[] = [
    [0.1, () => (dropped < TASKS_MAX ? dropTask(world, chance, ++dropped) : undefined)],
    [0.42, () => endRun(world, chance)],
    [0.66, () => endVerification(world, chance)],
    [0.74, () => changePause(world, chance)],
    [0.78, () => changePolicy(world, chance)],
    [0.82, () => world.request(String(chance.pick([...world.logged("accepted"), { task: "none" }]).task))],
    [0.88, () => leave(() => world.crash())],
    [0.92, () => leave(shutDown)],
    [1, () => undefined],
  ];
  const leave = async (how: () => Promise<void>): Promise<void> => {
    await how();
    coordinator = undefined;
  };
  const shutDown = async (): Promise<void> => {
    if (coordinator === undefined) return;
    const ended = coordinator.stopRuns();
    for (let round = 0; round < 3; round += 1) await world.advance(2_000);
    await ended;
    expect([...runsOf(world), ...verificationsOf(world)]).toEqual([]);
  };
  for (let count = 0; count < 4; count += 1) dropTask(world, chance, ++dropped);
  for (let step = 0; step < STEPS; step += 1) {
    const at = chance.next();
    await acts.find(([share]) => at < share)?.[1]();
    if (chance.next() < 0.5) coordinator ??= await world.start();
    await world.advance(chance.pick([0, 500, 3_000, 12_000]));
    expectBounds(world);
  }
  for (const session of [undefined, ...SESSIONS]) openPauseStore(world.paths.paused).resume(session);
  world.settings.run = { ...world.settings.run, rights: DEFAULT_RIGHTS };
  coordinator ??= await world.start();
  const open = async () => (await world.queries.list({ finished: 0 })).tasks;
  for (let round = 0; round < 5 || (round < 100 && (await open()).length > 0); round += 1) {
    world.problems.stamp = String(round); // Somebody has mended what held all tasks.
    for (const run of runsOf(world)) world.runner.end(run);
    for (const verification of verificationsOf(world)) world.verifier.end(verification);
    await world.hint();
    await world.advance(30_000);
  }
  expect(await open()).toEqual([]);
  const prompts = world.results().flatMap(({ prompt, frontMatter }) => (frontMatter.parent ? [] : [prompt.trim()]));
  expect(prompts.sort()).toEqual(Array.from({ length: dropped }, (_, index) => `Task ${index + 1}.`).sort());
}

function expectNothingLostOrTwice(world: World): void {
  const results = world.results();
  expect(world.logged("accepted")).toHaveLength(results.length);
  for (const { id, sessionKey, status, frontMatter } of results) {
    const children = results.filter((other) => other.frontMatter.parent === id).map((other) => other.id);
    expect(children).toEqual([frontMatter.followUpTask ?? []].flat());
    const ends = world.rows().filter((row) => row.task === id && /^(succeeded|failed|cancelled)$/.test(row.status));
    expect(ends).toHaveLength(1);
    if (status === "succeeded" && frontMatter.verifyCommand !== undefined)
      expect(frontMatter.verification).toMatchObject({ outcome: "passed" });
    const transcript = parseTranscript(world.committed(`sessions/${sessionKey}/transcript.jsonl`) ?? "");
    const entries = transcript.filter(({ task }) => task === id);
    const failed = entries.flatMap(({ run, body }) =>
      body.kind === "verify" && body.outcome === "failed" ? [run] : [],
    );
    const requests = world.runner.started.flatMap(({ request }) => (request.taskId === id ? [request] : []));
    const told = entries.flatMap(({ run, body }) => (body.kind === "user" ? [run] : []));
    expect(told).toEqual(expect.arrayContaining(requests.map(({ run }) => run)));
    expect(new Set(told).size).toBe(told.length);
    // Whatever came between: who is to mend something is told what.
    for (const { run, prompt } of requests)
      expect(prompt.startsWith("The task below is not done yet")).toBe(failed.some((earlier) => earlier < run));
  }
}

it.each(TRIES)("whatever comes together, nothing is lost and nothing is done twice (try %i)", async (seed) => {
  const chance = chanceOf(seed);
  const world = createWorld();
  world.settings.maxWorkers = chance.pick([1, 2, 3]);
  world.settings.maxVerifyAttempts = chance.pick([1, 2, 3]);
  await live(world, chance);
  expectNothingLostOrTwice(world);
  await world.crash();
});
