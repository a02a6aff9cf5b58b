import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type DrainAnswer, drainSession, sessionInbox } from "../../../../src/app/actions/sessions/drain-session.ts";
import { publishDrop } from "../../../../src/app/actions/tasks/publish-drop.ts";
import { createWorld, type World } from "../../../support/world.ts";
import { placeOf } from "../../../support/world-actions.ts";

/** Of a session without an open task: nothing is there to stop. */
async function drain(world: World, session: string): Promise<DrainAnswer> {
  const stop = () => Promise.reject(new Error("nothing was queued"));
  return drainSession(session, world.queries, sessionInbox(placeOf(world), world.queries, {}), stop);
}

const add = async (world: World, session: string, title: string): Promise<string> =>
  (await publishDrop(placeOf(world), `---\nsessionKey: ${session}\ntitle: ${title}\n---\nDo it.\n`, {})).id;

it("drops what commands have put into inbox/ for a session, and names what other hands have", async () => {
  const world = createWorld();
  const [first, second] = [await add(world, "docs", "A"), await add(world, "docs", "B")];
  await add(world, "web", "C");
  world.drop("docs/mine.md", "Mine.\n");
  expect(await drain(world, "docs")).toMatchObject({
    ...{ session: "docs", running: [], left: ["inbox/docs/mine.md"] },
    dropped: expect.toSatisfy((ids) => ids.toSorted().join() === [first, second].toSorted().join()),
  });
  await world.start();
  await world.advance(10_000);
  const { tasks } = await world.queries.list({ finished: 10 });
  expect(Object.fromEntries(tasks.map(({ title, status }) => [title, status]))).toEqual({
    ...{ A: "cancelled", B: "cancelled", C: "running", "Mine.": "running" },
  });
  expect(existsSync(join(world.dir, `inbox/${first}.md`))).toBe(false);
});

it("is refused for a session that neither the branch nor inbox/ knows", async () => {
  const world = createWorld();
  world.drop("docs/mine.md", "Mine.\n");
  await expect(drain(world, "web")).rejects.toMatchObject({ code: "NOT_FOUND" });
});
