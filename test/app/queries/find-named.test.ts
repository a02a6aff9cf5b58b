import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../../support/world.ts";

/** A session that is named like the end of the id of a task of another one. */
const TASK = "20261120-141530-docs42";
const SESSION = "docs42";

interface Scene {
  readonly world: World;
  /** Answers of the coordinator at work, and of the files alone. */
  readonly each: readonly World["queries"][];
  readonly ended: string;
  readonly thread: string;
}

async function createScene(): Promise<Scene> {
  const world = createWorld();
  world.runner.options.onStart = (run) => world.runner.end(run);
  const coordinator = await world.start();
  const ask = async (path: string, text: string): Promise<void> => {
    world.drop(path, text);
    await world.settle();
    await world.advance(1_000);
  };
  await ask("other/1.md", `---\nid: ${TASK}\n---\nDo it.\n`);
  await ask(`${SESSION}/2.md`, "Do that.\n");
  await ask("alone.md", "Do something else.\n");
  const each = [coordinator, world.queries];
  const { thread } = await world.queries.session(SESSION);
  return { world, each, ended: world.accepted(1), thread: thread ?? "" };
}

describe("what a word names", () => {
  it("is a whole task id, session key or thread before a part of anything, in whatever is asked", async () => {
    const { each, ended, thread } = await createScene();
    for (const queries of each) {
      expect((await queries.log(SESSION)).session).toBe(SESSION);
      expect(await queries.log(SESSION)).toMatchObject({ task: null, session: SESSION });
      expect(await queries.log(thread)).toMatchObject({ task: null, session: SESSION });
      expect(await queries.log(TASK)).toMatchObject({ task: TASK, session: "other" });
      expect(await queries.log("ocs42")).toMatchObject({ task: TASK });
      for (const word of [SESSION, thread]) {
        expect((await queries.find(word)).id).toBe(ended);
        expect((await queries.show(word)).id).toBe(ended);
        expect((await queries.session(word)).key).toBe(SESSION);
      }
      for (const word of [TASK, "530-docs42", "ocs42"]) expect((await queries.find(word)).id).toBe(TASK);
      expect((await queries.session(TASK)).key).toBe("other");
      expect((await queries.session("ocs42")).key).toBe(SESSION);
    }
  });

  it("is a session of one task by its thread or a part of its key, too, when that task has long ended", async () => {
    const { world, each } = await createScene();
    const id = world.accepted(2);
    const { thread, sessionKey } = await world.queries.find(id);
    for (const queries of each) {
      for (const word of [thread ?? "", (thread ?? "").slice(-9), id.slice(-6)])
        expect((await queries.session(word)).key).toBe(sessionKey);
      expect(await queries.log(thread ?? "")).toMatchObject({ task: null, session: sessionKey });
      expect((await queries.find(thread ?? "")).id).toBe(id);
      expect((await queries.find("something-else")).id).toBe(id);
      expect((await queries.session("do-something")).key).toBe(sessionKey);
    }
    world.drop("alone-again.md", "Do something new.\n");
    await world.settle();
    await world.advance(1_000);
    for (const queries of each)
      await expect(queries.find("do-something")).rejects.toMatchObject({
        ...{ code: "REFUSED", message: expect.stringContaining(`any of several sessions: `) },
      });
  });

  it("is the open task of a session, and several open ones are listed", async () => {
    const { world, each } = await createScene();
    const later = "---\nnotBefore: 2027-01-01T00:00:00Z\n---\nLater.\n";
    world.drop(`${SESSION}/3.md`, later);
    await world.settle();
    const third = world.accepted(3);
    for (const queries of each) expect((await queries.find(SESSION)).id).toBe(third);
    world.drop(`${SESSION}/4.md`, later);
    await world.settle();
    const message = `session ${SESSION} has several open tasks: ${third}, ${world.accepted(4)}; name one of them`;
    for (const queries of each) await expect(queries.find(SESSION)).rejects.toMatchObject({ code: "REFUSED", message });
  });

  it("is nothing where nothing fits, in the words of what was asked for", async () => {
    const { each } = await createScene();
    for (const queries of each) {
      for (const word of ["", "nowhere", "../docs42", "ffffffff", "20261120-141530-zzzzzz"]) {
        const said = { code: "NOT_FOUND", message: expect.stringContaining(`no task "${word}"`) };
        await expect(queries.find(word)).rejects.toMatchObject(said);
        await expect(queries.session(word)).rejects.toMatchObject({
          message: expect.stringMatching(/^there is no session/),
        });
        await expect(queries.log(word)).rejects.toMatchObject({
          message: expect.stringMatching(/^there is no task and no session/),
        });
      }
    }
  });
});
