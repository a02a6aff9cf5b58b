import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../../../support/world.ts";

async function run(world: World, name: string): Promise<string> {
  world.drop(`${name}.md`, `Do ${name}.\n`);
  await world.settle();
  const id = world.accepted(-1);
  world.runner.end(world.runner.of(id));
  await world.settle();
  return id;
}

function below(world: World, folder: string): readonly string[] {
  return [...(world.repository.tip?.files.keys() ?? [])].filter((path) => path.startsWith(`${folder}/`)).sort();
}

describe("archiving a session", () => {
  it("moves its files by a commit; the ledger links them there, and they are found", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const id = await run(world, "docs/x");
    const other = await run(world, "other/y");
    const path = world.pathOf(id);
    const transcript = (await coordinator.log(id)).entries;
    const text = world.committed(path);
    const answer = await coordinator.archive("docs", true);
    expect(answer).toEqual({ session: "docs", archived: true, commit: world.repository.tip?.id });
    const moved = path.replace("sessions/docs/", "archive/2026-11-20/docs/");
    expect(below(world, "archive")).toEqual([moved, "archive/2026-11-20/docs/transcript.jsonl"]);
    expect(below(world, "sessions/docs")).toEqual([
      ...["sessions/docs/2026-11-20/archived.md", "sessions/docs/session.jsonl", "sessions/docs/transcript.jsonl"],
    ]);
    expect(world.committed(moved)).toBe(text);
    expect(world.committed("sessions/docs/transcript.jsonl")).toBe("");
    const links = new Map(
      world.rows().flatMap(({ task, result }) => (result === undefined ? [] : [[task, result.path]])),
    );
    expect(links).toEqual(
      new Map([
        [id, moved],
        [other, world.pathOf(other)],
      ]),
    );
    expect(world.subjects()[0]).toBe("docs: archived");
    for (const queries of [coordinator, world.queries]) {
      expect(await queries.find(id)).toMatchObject({ id, path: moved, status: "succeeded" });
      expect(await queries.session("docs")).toMatchObject({ archived: true, tasks: { succeeded: 1 } });
      expect((await queries.log(id)).entries).toEqual(transcript);
      const listed = async (archived: boolean) =>
        (await queries.list({ finished: 9, archived })).tasks.map((task) => task.id).sort();
      expect([await listed(false), await listed(true)]).toEqual([[other], [id, other].sort()]);
    }
    await world.advance(60_000);
    world.repository.user.commit({ "note.md": "x" });
    await world.advance(1_000);
    expect(below(world, "sessions/docs")).not.toContain(path); // It is not missed.
    expect(await coordinator.archive("docs", true)).toEqual({ session: "docs", archived: true, commit: undefined });
  });

  it("is refused while a task of it is open, here or in another clone, and where there is no such session", async () => {
    const world = createWorld();
    const theirs = "20261119-090000-zzzzzz";
    world.repository.user.commit({
      [`sessions/there/2026-11-19/${theirs}.md`]: `---\nformat: 3\nid: ${theirs}\nsessionKey: there\nstatus: queued\n---\nX\n`,
      "sessions/there/session.jsonl": '{"v":1,"n":1,"time":"2026-11-19T09:00:00Z","kind":"opened","key":"there"}\n',
      "tasks.md": `| 2026-11-19T09:00:00.000Z | ${theirs} | there | 1 |  | queued |  |\n`,
    });
    const coordinator = await world.start();
    await run(world, "docs/x");
    world.drop("docs/y.md", "More.\n");
    await world.settle();
    const before = world.repository.tip?.id;
    await expect(coordinator.archive("docs", true)).rejects.toThrow(/^docs has an open task \(.*\): stop it, or wait/);
    await expect(coordinator.archive("there", true)).rejects.toThrow(`there has an open task (${theirs})`);
    for (const key of ["nowhere", "../docs"])
      await expect(coordinator.archive(key, true)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(world.repository.tip?.id).toBe(before);
  });

  it.each([
    { name: "the coordinator that archived it", again: async () => undefined },
    {
      name: "a later one",
      again: async (world: World) => {
        await world.crash();
        await world.start();
      },
    },
  ])(
    "leaves its tasks known to $name: a drop of theirs that was staged goes away when it is committed",
    async ({ again }) => {
      const world = createWorld();
      const { user } = world.repository;
      user.stage("inbox/docs/x.md", "Fix it.\n");
      const coordinator = await world.start();
      await world.advance(1_000);
      world.runner.end(world.runner.of("docs"));
      await world.settle();
      await coordinator.archive("docs", true);
      await again(world);
      user.commit({ "inbox/docs/x.md": "Fix it.\n" });
      await world.advance(5_000);
      expect(world.committed("inbox/docs/x.md")).toBeUndefined();
      expect(user.read("inbox/docs/x.error.md")).toBeUndefined();
      expect(world.runner.started).toHaveLength(1);
      expect(world.logged("forgotten")).toEqual([]);
    },
  );

  it("is given up where the branch was reset behind its results just then: they come back where they were", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const before = world.repository.tip?.id ?? "";
    const id = await run(world, "docs/x");
    world.repository.beforeCommit = () => {
      world.repository.beforeCommit = () => undefined;
      world.repository.user.reset(before);
    };
    await expect(coordinator.archive("docs", true)).rejects.toMatchObject({
      code: "TRY_AGAIN",
      message: expect.stringMatching(/^somebody has changed sessions\/docs\/.* meanwhile: try again$/),
    });
    await world.advance(5_000);
    expect(world.results().map((task) => task.id)).toEqual([id]);
    expect(below(world, "archive")).toEqual([]);
    expect((await coordinator.archive("docs", true)).commit).toBe(world.repository.tip?.id);
  });

  it("refuses what is dropped or submitted for it then, until it is taken out", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const id = await run(world, "docs/x");
    await coordinator.archive("docs", true);
    world.drop("docs/y.md", "More.\n");
    await world.settle();
    const said = 'the session "docs" is archived';
    expect(world.repository.user.read("inbox/docs/y.error.md")).toContain(said);
    await expect(coordinator.submit("---\nsessionKey: docs\n---\nMore.\n")).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining(said),
    });
    await coordinator.archive("docs", false);
    const { task } = await coordinator.submit("---\nsessionKey: docs\n---\nMore.\n");
    await world.settle();
    world.runner.end(world.runner.of(task.id));
    await world.settle();
    expect(await coordinator.session("docs")).toMatchObject({ archived: false, tasks: { succeeded: 2 } });
    expect((await coordinator.find(id)).path).toMatch(/^archive\//);
  });
});
