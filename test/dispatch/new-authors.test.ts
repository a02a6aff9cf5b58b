import { expect, it } from "vitest";
import { writeFileAtomic } from "../../src/base/files/write-file-atomic.ts";
import { rightsByOrigin } from "../../src/task/rights/origin-rights.ts";
import { DEFAULT_POLICY, type Policy, renderPolicy } from "../../src/task/rights/policy.ts";
import { describeHold } from "../../src/task/schedule/hold.ts";
import { createSchedule } from "../../src/task/schedule/schedule.ts";
import { createWorld, type World } from "../support/world.ts";

const HOLD = "ada@example.org is a new author; allow with: codex-inbox policy allow-author ada@example.org";

function allow(world: World, policy: Partial<Policy>): void {
  world.byOrigin = rightsByOrigin({ ...DEFAULT_POLICY, ...policy }, []);
  writeFileAtomic(world.paths.policy, renderPolicy({ ...DEFAULT_POLICY, ...policy }), 0o600); // For commands.
}

async function pushed(policy: Partial<Policy>): Promise<World> {
  const world = createWorld();
  allow(world, policy);
  world.repository.user.commit({ "inbox/docs/x.md": "Do it.\n" });
  await world.start();
  await world.advance(60_000);
  return world;
}

it("a task of an author whom nobody has allowed waits, says so everywhere, and runs once the author is allowed", async () => {
  const world = await pushed({ holdNewAuthors: true });
  const coordinator = await world.start();
  const id = world.accepted(0);
  expect(world.runner.started).toEqual([]);
  expect(await coordinator.find(id)).toMatchObject({ status: "queued", hold: HOLD });
  expect(await world.queries.find(id)).toMatchObject({ status: "queued", hold: HOLD });
  expect(coordinator.health().newAuthors).toEqual(["ada@example.org"]);
  world.drop("other/x.md", "Mine.\n");
  await world.settle();
  expect(world.runner.started.map(({ request }) => request.sessionKey)).toEqual(["other"]);

  allow(world, { holdNewAuthors: true, authors: ["ada@example.org"] });
  await world.advance(1_000);
  expect(world.runner.started.map(({ request }) => request.sessionKey)).toEqual(["other", "docs"]);
  expect(coordinator.health().newAuthors).toEqual([]);
});

it("it does not wait where the policy holds nobody", async () => {
  const world = await pushed({});
  expect(world.runner.started).toHaveLength(1);
});

it("an address is told so that the command can be copied, whatever it holds", () => {
  expect(describeHold({ kind: "author", email: "a@b'; rm -rf ~; '\n\u001b[1m" })).toBe(
    "a@b'; rm -rf ~; ' [1m is a new author; allow with: codex-inbox policy allow-author 'a@b'\\''; rm -rf ~; '\\'' [1m'",
  );
});

it("a task that waits for its author holds those behind it in its session, and ends no wait by itself", () => {
  const schedule = createSchedule(() => undefined);
  const task = (id: string, order: number, heldAuthor?: string) => ({
    ...{
      id,
      sessionKey: "docs",
      order,
      priority: 2,
      acceptedAtMs: 0,
      waitsFromMs: 0,
      dueAtMs: 0,
      notBeforeMs: undefined,
      dependsOn: [],
    },
    ...{
      kind: "queued" as const,
      isSandboxed: true,
      ground: "writer" as const,
      folder: "./",
      locks: [],
      thread: undefined,
      claim: undefined,
      heldAuthor,
    },
  });
  const conditions = {
    ...{ nowMs: 1, workersFree: 1, codex: undefined, sandbox: undefined, writersMax: 1, locks: [] },
    pauses: { queue: undefined, of: () => undefined, sessions: [] },
  } as unknown as Parameters<typeof schedule.next>[0];
  schedule.put(task("one", 1, "a@b"));
  schedule.put(task("two", 2));
  expect([schedule.next(conditions), schedule.goesOn(conditions)]).toEqual([undefined, false]);
  expect(schedule.hold("two", conditions)).toMatchObject({ kind: "session", behind: "one" });
  schedule.put(task("one", 1));
  expect(schedule.next(conditions)).toBe("one");
});
