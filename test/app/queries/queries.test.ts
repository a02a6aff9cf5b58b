import { rmSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { drainSession } from "../../../src/app/actions/sessions/drain-session.ts";
import { readServer } from "../../../src/app/queries/server-record.ts";
import { ownIdentity } from "../../../src/base/process/process-identity.ts";
import { openTaskJournal } from "../../../src/store/journal/task-journal.ts";
import { PLAIN_KEEPER } from "../../support/kept.ts";
import { createWorld, type World } from "../../support/world.ts";

const OLD = "20250101-101010-aaaaaa";

/** Serves a workspace in which `names` have been asked for and have ended. */
async function finished(...names: readonly string[]): Promise<{ world: World; ids: readonly string[] }> {
  const world = createWorld();
  world.runner.options.onStart = (run) => world.runner.end(run);
  await world.start();
  for (const name of names) {
    world.drop(`${name}.md`, `Do ${name}.\n`);
    await world.settle();
    await world.advance(1_000);
  }
  return { world, ids: names.map((_, index) => world.accepted(index)) };
}

/** The ids of the list, page by page. */
async function paged({ queries }: World, finishedMax: number, limit: number): Promise<readonly string[]> {
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await queries.list({ finished: finishedMax, limit, cursor });
    seen.push(...page.tasks.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return seen;
}

/** A file of a finished task, as an earlier version of the branch would hold it. */
function oldResult(id: string): Record<string, string> {
  const file = `---\nformat: 3\nid: ${id}\nsessionKey: old\ntitle: Old\nstatus: succeeded\n---\nOld.\n`;
  return { [`sessions/old/${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}/${id}.md`]: file };
}

describe("a task is found", () => {
  it("by any unique part of its id, open or finished, with or without a coordinator", async () => {
    const { world, ids } = await finished("docs/1", "docs/2");
    world.drop("later/3.md", "---\nnotBefore: 2027-01-01T00:00:00Z\n---\nLater.\n");
    await world.settle();
    const open = world.accepted(-1);
    await world.crash();
    for (const id of [...ids, open]) {
      for (const part of [id, id.slice(-6), id.slice(3)]) expect((await world.queries.find(part)).id).toBe(id);
    }
    expect(await world.queries.find(open)).toMatchObject({ status: "queued", committed: false });
    expect(await world.queries.find(ids[0] ?? "")).toMatchObject({
      status: "succeeded",
      committed: true,
      result: "Done.",
    });
  });

  it("by its whole id where its rows have moved to the ledger of its day", async () => {
    const { world } = await finished();
    const row = `| 2025-01-01T10:10:10.000Z | ${OLD} | old | 1 | succeeded |  |\n`;
    world.repository.user.commit({ ...oldResult(OLD), "tasks/2025-01-01/bbbbbb-0001.md": row });
    expect(await world.queries.find(OLD)).toMatchObject({ id: OLD, title: "Old", status: "succeeded" });
    await expect(world.queries.find("aaaaaa")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("by a part of its id in the history, where the ledger at hand does not have it", async () => {
    const { world, ids } = await finished("docs/1");
    world.repository.user.commit({ "tasks.md": "" });
    expect((await world.queries.find(ids[0]?.slice(-6) ?? "")).id).toBe(ids[0]);
  });

  it("in no way but that: what several share is refused with some of them, and nothing is found by nothing", async () => {
    const { world, ids } = await finished(...Array.from({ length: 7 }, (_, n) => `docs/${n}`));
    await expect(world.queries.find("20261120-")).rejects.toMatchObject({
      code: "REFUSED",
      message: `"20261120-" could be any of 7 tasks: ${ids.slice(0, 5).join(", ")}; give more of the id`,
    });
    for (const part of ["", "zzzzzz", "../..", "*", ids[0]?.toUpperCase() ?? ""])
      await expect(world.queries.find(part)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("not any more once its result was removed on purpose", async () => {
    const { world, ids } = await finished("docs/1");
    world.repository.user.commit({ [world.pathOf(ids[0] ?? "")]: undefined });
    await world.advance(1_000);
    await expect(world.queries.find(ids[0] ?? "")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("the list of tasks", () => {
  it("begins with the open ones in order of acceptance, then the newest finished ones", async () => {
    const { world, ids } = await finished("docs/1", "docs/2", "other/3");
    world.runner.options.onStart = () => undefined;
    for (const name of ["docs/4", "docs/5"]) {
      world.drop(`${name}.md`, `Do ${name}.\n`);
      await world.settle();
    }
    const open = [world.accepted(3), world.accepted(4)];
    const list = (finishedCount: number, session?: string) =>
      world.queries.list({ finished: finishedCount, session }).then(({ tasks }) => tasks.map(({ id }) => id));
    expect(await list(2)).toEqual([...open, ids[2], ids[1]]);
    expect(await list(0)).toEqual(open);
    expect(await list(9, "other")).toEqual([ids[2]]);
    expect(await list(1, "docs")).toEqual([...open, ids[1]]);
  });

  it("finds those whose title, id or session holds a text, open or finished, page by page", async () => {
    const { world, ids } = await finished("docs/One", "other/two", "docs/three");
    world.runner.options.onStart = () => undefined;
    world.drop("docs/4.md", "Do one more.\n");
    await world.settle();
    const open = world.accepted(3);
    const found = async (text: string): Promise<readonly string[]> =>
      (await world.queries.list({ finished: 9, text })).tasks.map(({ id }) => id);
    expect(await found("ONE")).toEqual([open, ids[0]]);
    expect(await found("other")).toEqual([ids[1]]);
    expect(await found(ids[2]?.slice(-6) ?? "")).toEqual([ids[2]]);
    expect(await found("nowhere")).toEqual([]);
    const pages: (readonly string[])[] = [];
    let cursor: string | undefined;
    do {
      const page = await world.queries.list({ finished: 9, text: "docs", limit: 1, cursor });
      pages.push(page.tasks.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(pages.filter((page) => page.length > 0)).toEqual([[open], [ids[2]], [ids[0]]]);
  });

  it("looks at a bounded number of finished ones for a text, and says where to go on", async () => {
    const files: Record<string, string> = {};
    const rows = Array.from({ length: 620 }, (_, index) => {
      const id = `20250101-101010-${String(index).padStart(6, "0")}`;
      Object.assign(files, oldResult(id));
      return `| 2025-01-01T10:${String(Math.floor(index / 60)).padStart(2, "0")}:${String(index % 60).padStart(2, "0")}.000Z | ${id} | old | 1 | succeeded |  |`;
    });
    const { world } = await finished();
    world.repository.user.commit({ ...files, "tasks.md": `${rows.join("\n")}\n` });
    const first = await world.queries.list({ finished: 999, limit: 10, text: "-000000" });
    expect(first.tasks).toEqual([]);
    const second = await world.queries.list({ finished: 999, limit: 10, text: "-000000", cursor: first.nextCursor });
    expect(second.tasks.map(({ id }) => id)).toEqual(["20250101-101010-000000"]);
    expect(second.nextCursor).toBeUndefined();
  });

  it("says why a queued task waits, as far as files tell, whether or not somebody serves", async () => {
    const { world, ids } = await finished("docs/1");
    const asked = [
      ["a/1", "notBefore: 2027-01-01T00:00:00Z", "not before 2027-01-01T00:00:00Z"],
      ["a/2", "", "behind ID in session a"],
      ["b/1", `dependsOn: [${ids[0]}, ${OLD}]`, `depends on ${OLD}, which no task here is called`],
      ["c/1", `dependsOn: ${ids[0]}\nnotBefore: 2027-01-01T00:00:00Z`, "not before 2027-01-01T00:00:00Z"],
    ] as const;
    for (const [name, keys] of asked) {
      world.drop(`${name}.md`, `---\n${keys}\n---\nDo ${name}.\n`);
      await world.settle();
    }
    const holds = async () => (await world.queries.list({ finished: 0 })).tasks.map(({ hold }) => hold);
    const expected = asked.map(([, , hold]) => hold.replace("ID", world.accepted(1)));
    expect(await holds()).toEqual(expected);
    await world.crash();
    expect(await holds()).toEqual(expected);
    expect((await world.queries.find(world.accepted(-1))).hold).toBe(expected.at(-1));
  });

  it("says what will come of a task that can never run, until somebody serves who ends it", async () => {
    const { world } = await finished();
    await world.crash();
    const ledger = `| 2026-11-20T10:00:00.000Z | ${OLD} | a | 1 | failed |  |\n`;
    const journal = openTaskJournal(world.paths.journal, PLAIN_KEEPER);
    const text = `---\ndependsOn: ${OLD}\n---\nDo it.\n`;
    const id = "20261120-141530-aaaaaa";
    journal.create(id, {
      ...{
        k: "accepted",
        v: 1,
        id,
        session: "docs",
        path: `sessions/docs/2026-11-20/${id}.md`,
        order: 1,
        atMs: 0,
        text,
        clone: "aaaaaa",
      },
      ...{ folderKey: null, source: null },
    });
    world.repository.user.commit({ "tasks.md": ledger });
    const says = `it depends on ${OLD}, which failed`;
    expect(await world.queries.find(id)).toMatchObject({ status: "queued", hold: `will fail: ${says}` });
    await world.start();
    expect(await world.queries.find(id)).toMatchObject({ status: "failed", reason: says, hold: null });
  });

  it("shows a task once, however often it was committed", async () => {
    const { world, ids } = await finished("docs/1");
    world.repository.user.reset(world.repository.log().at(-1)?.id ?? "");
    await world.advance(1_000);
    world.repository.user.commit({ "a.md": "a" });
    const { tasks } = await world.queries.list({ finished: 9 });
    expect(tasks.map(({ id }) => id)).toEqual(ids);
    expect((await world.queries.history(9)).map(({ task }) => task)).toEqual(ids);
  });

  it("goes on in the history where the ledger was rotated: every page, each task once, whatever was committed twice", async () => {
    const { world, ids } = await finished("docs/1", "docs/2", "docs/3", "docs/4", "docs/5");
    world.repository.user.reset(world.repository.log().at(-1)?.id ?? "");
    await world.advance(1_000); // All of them are committed again.
    const rows = (world.committed("tasks.md") ?? "").split("\n");
    const isNew = (row: string): boolean => ids.slice(3).some((id) => row.includes(id));
    world.repository.user.commit({
      "tasks.md": rows.filter((row) => !row.includes("docs") || isNew(row)).join("\n"),
      "tasks/2026-11-20/aaaaaa-0001.md": rows.filter((row) => row.includes("docs") && !isNew(row)).join("\n"),
    });
    for (const limit of [1, 2, 3, 4, 5, 9]) {
      expect(await paged(world, Number.POSITIVE_INFINITY, limit)).toEqual([...ids].reverse());
    }
  });

  it("passes over tasks whose files are gone: as many others are shown, in one page or several", async () => {
    const { world, ids } = await finished("docs/1", "docs/2", "docs/3", "docs/4", "docs/5");
    const gone = [ids[4], ids[2]].map((id = "") => [world.pathOf(id), undefined]);
    world.repository.user.commit(Object.fromEntries(gone));
    await world.advance(1_000);
    for (const limit of [1, 2, 3, 9]) {
      expect(await paged(world, 2, limit)).toEqual([ids[3], ids[1]]);
      expect(await paged(world, 9, limit)).toEqual([ids[3], ids[1], ids[0]]);
      expect(await paged(world, 0, limit)).toEqual([]);
    }
  });

  it("shows open tasks of other clones as what they are", async () => {
    const { world } = await finished();
    const id = "20261119-090000-zzzzzz";
    const path = `sessions/there/2026-11-19/${id}.md`;
    world.repository.user.commit({
      [path]: `---\nformat: 3\nid: ${id}\nsessionKey: there\nstatus: queued\nacceptedBy: zzzzzz\n---\nX\n`,
      "tasks.md": `| 2026-11-19T09:00:00.000Z | ${id} | there | 1 | queued |  |\n`,
    });
    expect((await world.queries.list({ finished: 0 })).tasks).toMatchObject([
      { id, status: "queued", hold: "accepted by another clone (zzzzzz)", committed: true },
    ]);
    expect(await world.queries.status()).toMatchObject({ otherClones: 1, tasks: { queued: 0 } });
  });
});

describe("the transcript of a task", () => {
  it("is in the journal until its commit, and in the branch from then on: the same", async () => {
    const { world } = await finished();
    world.repository.user.beginMerge();
    world.drop("docs/1.md", "Say hello.\n");
    await world.settle();
    const id = world.accepted(0);
    const before = (await world.queries.log(id)).entries;
    expect(before.map(({ body }) => body.kind)).toEqual(["user", "end"]);
    world.repository.user.endMerge();
    await world.settle();
    expect((await world.queries.log(id.slice(-6))).entries).toEqual(before);
  });
});

describe("status", () => {
  it("counts what is queued, runs and waits for its commit, and names what runs", async () => {
    const { world } = await finished();
    world.repository.user.beginMerge();
    world.drop("a/1.md", "One.\n");
    await world.settle();
    world.runner.options.onStart = () => undefined;
    for (const name of ["b/2", "b/3"]) world.drop(`${name}.md`, "More.\n");
    await world.settle();
    const status = await world.queries.status();
    expect(status).toMatchObject({
      ...{
        workspace: world.dir,
        branch: "main",
        server: null,
        health: null,
        broken: [],
        otherClones: 0,
        overlaps: [],
        unlanded: [],
      },
      tasks: { queued: 1, running: 1, uncommitted: 1 },
    });
    expect(status.running.map(({ title, sessionKey }) => [title, sessionKey])).toEqual([["More.", "b"]]);
  });

  it("knows who serves as long as that process lives", async () => {
    const world = createWorld();
    const path = world.paths.server;
    await world.start();
    const record = { ...ownIdentity(), startedAt: "x", version: "1", url: null, branch: "main" };
    expect(readServer(path)).toBeUndefined();
    writeFileSync(path, JSON.stringify(record));
    expect(readServer(path)).toEqual(record);
    expect((await world.queries.status()).server).toEqual(record);
    writeFileSync(path, JSON.stringify({ ...record, token: "secret" }));
    expect(readServer(path)?.token).toBe("secret");
    expect((await world.queries.status()).server).toEqual(record); // The token is for requests alone.
    writeFileSync(path, JSON.stringify({ ...record, startTicks: "1" }));
    expect(readServer(path)).toBeUndefined();
  });
});

describe("an archived session", () => {
  it("is left out of a list, unless it is asked for, also where its rows have moved to the ledger of their day", async () => {
    const { world, ids } = await finished("docs/1", "web/1");
    await world.crash();
    const coordinator = await world.start();
    await coordinator.archive("docs", true);
    await world.settle();
    const [docs, web] = ids;
    const listed = async (archived: boolean) => {
      const options = { finished: 9, archived };
      const tasks = (await world.queries.list(options)).tasks.map(({ id }) => id);
      expect((await world.queries.lines(options)).tasks.map(({ id }) => id)).toEqual(tasks);
      expect((await coordinator.list(options)).tasks.map(({ id }) => id)).toEqual(tasks);
      return tasks;
    };
    expect(await listed(false)).toEqual([web]);
    expect(await listed(true)).toEqual([web, docs]);
    expect((await world.queries.session("docs")).state).toBe("ARCHIVED");
    const [header = "", ...rows] = (world.committed("tasks.md") ?? "").split(/(?<=\| --- \|\n)/);
    const day =
      header +
      rows.join("").replaceAll("](archive/", "](../../archive/").replaceAll("](sessions/", "](../../sessions/");
    world.repository.user.commit({ "tasks.md": header, "tasks/2026-11-20/bbbbbb-0001.md": day });
    await world.advance(1_000);
    expect(await listed(false)).toEqual([web]);
    expect(await listed(true)).toEqual([web, docs]);
  });
});

describe("all that is known of a task", () => {
  it("is told by its journal, and by its committed file once that is gone: prompt, what was verified, and its commit", async () => {
    const world = createWorld();
    world.runner.options.onStart = (run) => world.runner.end(run);
    await world.start();
    world.drop("docs/1.md", "---\nverifyCommand: make check\n---\nDo it,\nplease.\n");
    await world.settle();
    world.verifier.end(world.verifier.current(), { output: "12 passed\n```\n### Verification\n" });
    await world.settle();
    const id = world.accepted(0);
    const known = { prompt: "Do it,\nplease.\n", verificationOutput: "12 passed\n```\n### Verification\n" };
    const shown = await world.queries.show(id.slice(-6));
    expect(shown).toMatchObject({ ...known, id, committed: true, commit: expect.stringMatching(/^[0-9a-z]+$/) });
    await world.crash();
    rmSync(world.paths.journal, { recursive: true });
    const fromFile = await world.queries.show(id);
    expect(fromFile).toMatchObject({ ...known, verificationOutput: known.verificationOutput.trimEnd(), commit: null });
  });

  it("holds the prompt of one that waits, too", async () => {
    const { world } = await finished();
    world.drop("later/3.md", "---\nnotBefore: 2027-01-01T00:00:00Z\n---\nLater.\n");
    await world.settle();
    const id = world.accepted(-1);
    const waits = { holdUntil: "2027-01-01T00:00:00.000Z", holdRemedy: null, progress: null };
    expect(await world.queries.show(id)).toMatchObject({ prompt: "Later.\n", commit: null, ...waits });
    expect((await world.queries.status()).queued).toMatchObject([{ id, ...waits }]);
  });
});

describe("a session", () => {
  it("is found by any unique part of its key or its thread", async () => {
    const { world } = await finished("docs/1", "docs/api/1", "web/1");
    const key = async (part: string) => (await world.queries.session(part)).key;
    expect([await key("docs"), await key("api"), await key("we")]).toEqual(["docs", "docs/api", "web"]);
    const { thread } = await world.queries.session("web");
    expect(await key(thread ?? "none")).toBe("web");
    const message = '"doc" could be any of 2 sessions: docs, docs/api; give more of the key';
    await expect(key("doc")).rejects.toMatchObject({ code: "REFUSED", message });
    for (const part of ["", "none", "../docs"]) await expect(key(part)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("runs, is stopped, or has died where the last run of its last task vanished for good; what runs later says otherwise", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const states = async () => {
      const [fromFiles, fromMemory] = await Promise.all([world.queries.session("docs"), coordinator.session("docs")]);
      expect(fromFiles).toEqual(fromMemory);
      return fromFiles.state;
    };
    world.drop("docs/1.md", "Do it.\n");
    await world.settle();
    expect(await states()).toBe("RUNNING");
    for (const waitMs of [0, 10_000, 20_000]) {
      world.runner.vanish(world.runner.of("docs"));
      await world.settle();
      if (waitMs > 0) await world.advance(waitMs);
    }
    world.repository.user.beginMerge();
    world.runner.vanish(world.runner.of("docs"));
    await world.settle();
    expect(await states()).toBe("DIED"); // Before its commit.
    world.repository.user.endMerge();
    await world.advance(60_000);
    expect((await world.queries.find(world.accepted(0))).committed).toBe(true);
    expect(await states()).toBe("DIED");
    world.runner.options.onStart = (run) => world.runner.end(run);
    world.drop("docs/2.md", "Do it.\n");
    await world.settle();
    expect(await states()).toBe("STOPPED");
  });

  it("is drained: its running turn ends, and nothing that waits behind it begins", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    for (const name of ["docs/1", "docs/2", "docs/3", "web/1"]) {
      world.drop(`${name}.md`, `Do ${name}.\n`);
      await world.settle();
    }
    const [first, second, third, other] = [0, 1, 2, 3].map(world.accepted);
    const inbox = { drops: async () => [], cancel: async () => undefined };
    const { session, running, dropped, left } = await drainSession("docs", coordinator, inbox, coordinator.stop);
    expect([session, running.map(({ id }) => id), dropped, left]).toEqual(["docs", [first], [third, second], []]);
    await world.settle();
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    const found = await Promise.all([first, second, third, other].map((id) => world.queries.find(id ?? "")));
    expect(found.map(({ status }) => status)).toEqual(["succeeded", "cancelled", "cancelled", "running"]);
    expect(world.runner.started).toHaveLength(2);
  });
});
