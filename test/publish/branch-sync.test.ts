import { setImmediate as settled } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { RemoteError } from "../../src/git/sync/remote-error.ts";
import type { InTheWay, SyncLink, SyncOutcome } from "../../src/git/sync/sync-round.ts";
import { createBranchSync, type SyncSettings } from "../../src/publish/branch-sync.ts";
import { createClock } from "../support/clock.ts";

const DONE: SyncOutcome = { ahead: 0, behind: 0, inTheWay: undefined, refused: undefined, moved: false, pushed: false };
const AWAY = new RemoteError("away", "the remote origin cannot be reached");

/** A loop whose rounds come to what `answers` say, one after the other; the last one counts from then on. */
function createWorld(first: SyncSettings = { remote: "origin", intervalMs: 30_000, sessions: false }) {
  const clock = createClock();
  const world = {
    settings: first,
    answers: [DONE] as (SyncOutcome | Error)[],
    rounds: [] as number[],
    opened: [] as string[],
    events: [] as string[],
    news: [] as string[],
    broken: [] as unknown[],
    ...{ moves: 0, prepared: 0, preparing: Promise.resolve(), during: Promise.resolve() },
    busy: false,
    mayMove: (): string | undefined => undefined,
    clock,
  };
  const sync = createBranchSync({
    settings: () => world.settings,
    ...{
      branchName: "main",
      surroundings: { now: () => clock.nowMs, after: clock.after },
      isCheckoutBusy: () => world.busy,
    },
    log: (event) => world.events.push(event),
    onBroken: (error) => world.broken.push(error),
    ...{ onRemote: () => undefined, onEnd: () => undefined },
    onNews: ({ what, remote, reason }) =>
      world.news.push([what, remote, reason].filter((word) => word !== null).join(" ")),
    onMoved: () => {
      world.moves += 1;
    },
    open(remote, branch, { mayMove }) {
      world.opened.push(`${remote}/${branch}`);
      world.mayMove = mayMove;
      return {
        remote: { name: remote } as SyncLink["remote"],
        prepare() {
          world.prepared += 1;
          return world.preparing;
        },
        async round() {
          world.rounds.push(clock.nowMs);
          await world.during;
          const answer = (world.answers.length > 1 ? world.answers.shift() : world.answers[0]) ?? DONE;
          if (answer instanceof Error) throw answer;
          return answer;
        },
      };
    },
  });
  return Object.assign(world, { sync });
}

const START = createClock().nowMs;
const IN_THE_WAY: InTheWay = { why: "files differ from the branch", paths: ["a.txt"], command: "git pull" };

describe("the loop that keeps a branch in step", () => {
  it("asks nobody without a remote, and begins and ends with the settings", async () => {
    const world = createWorld({ intervalMs: 30_000, sessions: false });
    const { sync, clock } = world;
    sync.heed();
    expect([sync.state(), await sync.now(), sync.remote(), clock.asked]).toEqual([undefined, undefined, undefined, 0]);
    world.settings = { remote: "origin", branch: "tasks", intervalMs: 30_000, sessions: false };
    sync.heed();
    clock.advance(0);
    await settled();
    expect([world.opened, world.rounds]).toEqual([["origin/tasks"], [START]]);
    expect(sync.remote()).toBe(sync.remote());
    world.settings = { intervalMs: 30_000, sessions: false };
    clock.advance(30_000);
    await settled();
    expect([world.rounds.length, sync.state()]).toEqual([1, undefined]);
    await sync.stop();
  });

  it("asks at the interval, soon after commits of ours, and when it is told to", async () => {
    const { sync, clock, rounds } = createWorld();
    sync.heed();
    clock.advance(0);
    await settled();
    clock.advance(29_999);
    await settled();
    expect(rounds).toEqual([START]);
    clock.advance(1);
    await settled();
    sync.noteCommits();
    clock.advance(500);
    await settled();
    expect(rounds).toEqual([START, START + 30_000, START + 30_500]);
    expect(await sync.now()).toMatchObject({ remote: "origin", branch: "main", ahead: 0, behind: 0, problem: null });
    expect(rounds).toHaveLength(4);
    await sync.stop();
  });

  it("tells once of a remote that is away, asks at growing intervals, and tells the end", async () => {
    const world = createWorld();
    const { sync, clock, rounds, events } = world;
    world.answers = [AWAY, AWAY, AWAY, DONE];
    sync.heed();
    for (const ms of [0, 2_000, 4_000, 8_000]) {
      clock.advance(ms);
      await settled();
    }
    expect(rounds.map((at) => at - START)).toEqual([0, 2_000, 6_000, 14_000]);
    expect(events).toEqual(["sync-waits", "sync-goes-on"]);
    expect(world.news).toEqual(["away origin the remote origin cannot be reached", "goes-on origin"]);
    expect([sync.state()?.problem, world.broken]).toEqual([null, []]);
    await sync.stop();
  });

  it.each([
    ["is away", AWAY],
    ["refuses what is here", { ...DONE, refused: "origin refuses refs/heads/main: no" }],
  ])("a remote that %s is asked no sooner for commits of ours, and at once when it is told to", async (_, answer) => {
    const world = createWorld();
    const { sync, clock, rounds, events } = world;
    world.answers = [answer];
    sync.heed();
    clock.advance(0);
    const endMs = START + 100_000;
    for (; clock.nowMs < endMs; clock.advance(250)) {
      sync.noteCommits();
      await settled();
    }
    expect(rounds.map((at) => at - START)).toEqual([0, 2_000, 6_000, 14_000, 30_000, 60_000, 90_000]);
    expect(events).toEqual(["sync-waits"]);
    expect((await sync.now())?.problem).toMatchObject({ since: new Date(START).toISOString() });
    expect(rounds.at(-1)).toBe(endMs);
    world.answers = [DONE];
    clock.advance(30_000);
    await settled();
    expect(events).toEqual(["sync-waits", "sync-goes-on"]);
    sync.noteCommits();
    clock.advance(500);
    await settled();
    expect(rounds.at(-1)).toBe(endMs + 30_500);
    await sync.stop();
  });

  it("sends commits that are made while a round is under way as soon as it has ended", async () => {
    const world = createWorld();
    const { sync, clock, rounds } = world;
    const { promise, resolve } = Promise.withResolvers<void>();
    world.during = promise;
    sync.heed();
    clock.advance(0);
    sync.noteCommits();
    clock.advance(5_000);
    await settled();
    expect(rounds).toEqual([START]);
    resolve();
    await settled();
    clock.advance(0);
    await settled();
    expect(rounds).toEqual([START, START + 5_000]);
    await sync.stop();
  });

  it("says since when something is in the way, and looks again soon", async () => {
    const world = createWorld();
    const { sync, clock, events } = world;
    world.answers = [
      { ...DONE, inTheWay: IN_THE_WAY, behind: 2 },
      { ...DONE, inTheWay: IN_THE_WAY, behind: 2 },
      { ...DONE, moved: true, pushed: true },
      DONE,
    ];
    sync.heed();
    clock.advance(0);
    await settled();
    clock.advance(5_000);
    await settled();
    const since = new Date(START).toISOString();
    expect(sync.state()).toMatchObject({ behind: 2, inTheWay: { since, paths: ["a.txt"], command: "git pull" } });
    clock.advance(5_000);
    await settled();
    expect([sync.state()?.inTheWay, world.moves]).toEqual([null, 1]);
    expect(events).toEqual(["sync-in-the-way", "synced"]);
    const told = [
      "in-the-way origin files differ from the branch",
      "goes-on origin",
      "pushed origin",
      "fetched origin",
    ];
    await sync.now();
    expect(world.news).toEqual(told);
    await sync.stop();
  });

  it("is quiet once it has asked, and sends what is there before the end, unless the remote is away", async () => {
    const world = createWorld();
    const { sync, clock, rounds } = world;
    expect(sync.isQuiet()).toBe(false);
    sync.heed();
    clock.advance(0);
    await settled();
    expect(sync.isQuiet()).toBe(true);
    await sync.flush();
    expect(rounds).toHaveLength(2);
    world.answers = [AWAY];
    await sync.now();
    await sync.flush();
    expect(rounds).toHaveLength(3);
    await sync.stop();
  });

  it("lets files of the user's wait for a task that works beside them, for ten minutes", async () => {
    const world = createWorld();
    await world.sync.now();
    expect(world.mayMove()).toBeUndefined();
    world.busy = true;
    expect(world.mayMove()).toBe("a task works in the checkout");
    world.clock.advance(9 * 60_000);
    expect(world.mayMove()).toBe("a task works in the checkout");
    world.clock.advance(60_000);
    expect(world.mayMove()).toBeUndefined();
    await world.sync.stop();
  });

  it("has the branches of sessions brought before anything runs, and waits neither for one that is away nor for a slow one", async () => {
    const world = createWorld({ remote: "origin", intervalMs: 30_000, sessions: true });
    await world.sync.prepare();
    world.preparing = Promise.reject(AWAY);
    await world.sync.prepare();
    world.preparing = new Promise(() => undefined);
    const slow = world.sync.prepare();
    world.clock.advance(10_000);
    await slow;
    world.settings = { remote: "origin", intervalMs: 30_000, sessions: false };
    await world.sync.prepare();
    expect([world.prepared, world.rounds, world.broken]).toEqual([3, [], []]);
    await world.sync.stop();
  });

  it("follows the settings while it runs: another remote, another interval, none", async () => {
    const world = createWorld();
    const { sync, clock, rounds } = world;
    sync.heed();
    clock.advance(0);
    await settled();
    world.settings = { remote: "renamed", intervalMs: 5_000, sessions: false };
    // What was seen of the other remote says nothing of this one.
    expect(sync.state()).toMatchObject({ remote: "renamed", lastSync: null, ahead: null, behind: null });
    sync.heed();
    clock.advance(0);
    await settled();
    expect([world.opened, sync.state()?.lastSync]).toEqual([
      ["origin/main", "renamed/main"],
      new Date(START).toISOString(),
    ]);
    clock.advance(5_000);
    await settled();
    expect(rounds.map((at) => at - START)).toEqual([0, 0, 5_000]);
    world.settings = { remote: "renamed", intervalMs: 0, sessions: false };
    sync.heed();
    clock.advance(60_000);
    await settled();
    expect(rounds).toHaveLength(3);
    world.settings = { intervalMs: 5_000, sessions: false };
    sync.heed();
    clock.advance(60_000);
    await settled();
    expect([rounds.length, sync.state()]).toEqual([3, undefined]);
    await sync.stop();
  });

  it("forgets what a remote said that the settings no longer name", async () => {
    const world = createWorld();
    const { sync, events } = world;
    world.answers = [AWAY];
    await sync.now();
    expect(sync.state()?.problem).toMatchObject({ reason: AWAY.message });
    world.settings = { remote: "renamed", intervalMs: 30_000, sessions: false };
    expect(sync.state()?.problem).toBeNull();
    world.answers = [DONE];
    await sync.now();
    expect(events.filter((event) => event === "sync-waits")).toHaveLength(1);
    await sync.stop();
  });

  it("hands on what is our own fault", async () => {
    const world = createWorld();
    const bug = new TypeError("a bug");
    world.answers = [bug];
    await world.sync.now();
    expect(world.broken).toEqual([bug]);
    await world.sync.stop();
  });
});
