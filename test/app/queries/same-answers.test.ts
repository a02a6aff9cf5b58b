import { describe, expect, it } from "vitest";
import { createUseCases, type Health } from "../../../src/app/coordinator.ts";
import { askCoordinator } from "../../../src/app/queries/coordinator-client.ts";
import type { ListOptions, Queries } from "../../../src/app/queries/queries.ts";
import type { RunningCoordinator } from "../../../src/app/start-coordinator.ts";
import type { TaskLine } from "../../../src/app/views/task-view.ts";
import { createBranchLedger } from "../../../src/store/branch/branch-ledger.ts";
import type { JournalRecord } from "../../../src/store/journal/journal-record.ts";
import { statePaths } from "../../../src/store/state-paths.ts";
import { fold, type OpenTask } from "../../../src/store/tasks/open-task.ts";
import { DEFAULT_RIGHTS } from "../../../src/task/rights/rights.ts";
import { asKept } from "../../../src/task/text/kept-text.ts";
import { sharedPlaces } from "../../fakes/shared-places.ts";
import { PLAIN_KEEPER } from "../../support/kept.ts";
import { listenHere } from "../../support/listening.ts";
import { sameRights } from "../../support/same-rights.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { createWorld, type World } from "../../support/world.ts";

const FIRST_YEAR = "notBefore: 2027-01-01T00:00:00Z";

/** A workspace with tasks in every state: finished, waiting for their commit, running, retried, queued, of another clone. */
async function busyWorld(): Promise<{ world: World; coordinator: RunningCoordinator }> {
  const world = createWorld();
  world.settings.maxWorkers = 8;
  world.runner.options.onStart = (run) => world.runner.end(run);
  const coordinator = await world.start();
  const other = "20261119-090000-zzzzzz";
  world.repository.user.commit({
    [`sessions/there/2026-11-19/${other}.md`]: `---\nformat: 3\nid: ${other}\nsessionKey: there\nstatus: queued\nacceptedBy: zzzzzz\n---\nX\n`,
    "tasks.md": `| 2026-11-19T09:00:00.000Z | ${other} | there | 1 | queued |  |\n`,
  });
  for (const name of ["docs/1", "docs/2", "api/1"]) {
    world.drop(`${name}.md`, `Do ${name}.\n`);
    await world.settle();
    await world.advance(1_000);
  }
  world.repository.user.beginMerge();
  world.drop("ended/1.md", "---\ncolour: red\nmodel: fast\n---\nEnds, and waits for its commit.\n");
  await world.settle();
  world.runner.options.onStart = () => undefined;
  world.drop("runs/1.md", "Runs.\n");
  world.drop("runs/2.md", "---\npriority: 0\ncolour: blue\n---\nIs behind the one that runs.\n");
  world.drop("later/1.md", `---\n${FIRST_YEAR}\ntitle: Next year\nmodel: slow\n---\nWaits.\n`);
  world.drop("paused/1.md", "Is paused.\n");
  await coordinator.pause({ session: "paused", reason: "a release" });
  await world.settle();
  return { world, coordinator };
}

/** Every question that does not ask for the process that answers. */
async function answers(queries: Queries, ids: readonly string[]) {
  const status = await queries.status();
  const statuses = ["queued", "running", "succeeded", "failed"] as const;
  return {
    all: await queries.list({ finished: 20 }),
    bySession: await queries.list({ finished: 20, session: "docs" }),
    byStatus: await Promise.all(statuses.map((word) => queries.list({ finished: 1, statuses: [word] }))),
    byText: await Promise.all(["WAITS", "year", "docs"].map((text) => queries.list({ finished: 20, text }))),
    lines: (await queries.lines({ finished: 20 })).tasks.map(asLine),
    page: await queries.list({ finished: 20, limit: 2 }),
    shown: await Promise.all(ids.map((id) => queries.show(id))),
    found: await Promise.all(ids.flatMap((id) => [queries.find(id), queries.find(id.slice(-6))])),
    sessions: await queries.sessions({ own: true }),
    named: await queries.sessions({ own: false }),
    session: await queries.session("docs"),
    history: await queries.history(9),
    logs: await Promise.all(ids.map((id) => queries.log(id))),
    status: { ...status, server: null, health: null, codex: null },
  };
}

function asLine(task: TaskLine): TaskLine {
  const { id, sessionKey, title, status, hold, holdUntil, holdRemedy, reason, acceptedAt, startedAt, endedAt } = task;
  return { id, sessionKey, title, status, hold, holdUntil, holdRemedy, reason, acceptedAt, startedAt, endedAt };
}

async function allPages(queries: Queries, options: ListOptions): Promise<readonly (readonly string[])[]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await queries.list({ ...options, cursor });
    pages.push(page.tasks.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return pages;
}

async function refusals(queries: Queries): Promise<readonly string[]> {
  const asked = [queries.find("zzzz-none"), queries.find("2026"), queries.find(""), queries.session("none")];
  const results = await Promise.allSettled(asked);
  return results.map((result) => (result.status === "rejected" ? String(result.reason) : "answered"));
}

describe("a question has one answer", () => {
  it("from the memory of a coordinator, over HTTP, and from files", async () => {
    const { world, coordinator } = await busyWorld();
    const listener = await listenHere(coordinator);
    try {
      let fallbacks = 0;
      const remote = askCoordinator(listener, () => {
        fallbacks += 1;
        return world.queries;
      });
      const ids = world.logged("accepted").map(({ task }) => String(task));
      expect(ids).toHaveLength(8);
      const fromFiles = await answers(world.queries, ids);
      expect(fromFiles.lines).toEqual(fromFiles.all.tasks.map(asLine));
      expect(await answers(coordinator, ids)).toEqual(fromFiles);
      expect(fallbacks).toBe(0);
      expect(await answers(remote, ids)).toEqual(fromFiles);
      expect(fallbacks).toBe(1); // History and transcripts are read from files: they are nobody's memory.
      const refused = await refusals(world.queries);
      expect(refused.every((said) => said.startsWith("CoordinatorError"))).toBe(true);
      expect(await refusals(coordinator)).toEqual(refused);
      expect(await refusals(remote)).toEqual(refused);
    } finally {
      await listener.close();
    }
  });

  it("from files where the coordinator does not answer, or answers what is no answer", async () => {
    const { world, coordinator } = await busyWorld();
    const expected = await world.queries.list({ finished: 9 });
    const listener = await listenHere({ ...coordinator, list: () => Promise.reject(new Error("broken")) });
    const remote = askCoordinator(listener, () => world.queries);
    expect(await remote.list({ finished: 9 })).toEqual(expected);
    await listener.close();
    expect(await remote.list({ finished: 9 })).toEqual(expected);
    expect((await remote.find(expected.tasks[0]?.id ?? "")).id).toBe(expected.tasks[0]?.id);
  });
});

describe("a long queue", () => {
  it("is answered page by page, each task once and in order", async () => {
    const { coordinator } = await busyWorld();
    for (const finished of [20, 1]) {
      const whole = (await coordinator.list({ finished })).tasks.map(({ id }) => id);
      for (const limit of [1, 2, 3, whole.length - 1, whole.length]) {
        const pages = await allPages(coordinator, { finished, limit });
        expect(pages.flat()).toEqual(whole);
        expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
        expect(pages.at(-1)).not.toEqual([]);
      }
    }
  });

  it("goes on over HTTP where its page ended, and from files where the coordinator ends meanwhile", async () => {
    const { world, coordinator } = await busyWorld();
    const listener = await listenHere(coordinator);
    const remote = askCoordinator(listener, () => world.queries);
    const whole = (await coordinator.list({ finished: 20 })).tasks.map(({ id }) => id);
    expect((await allPages(remote, { finished: Number.POSITIVE_INFINITY, limit: 3 })).flat()).toEqual(whole);
    const { nextCursor } = await remote.list({ finished: 20, limit: 3 });
    await listener.close();
    const { tasks } = await remote.list({ finished: 20, limit: 500, cursor: nextCursor });
    expect(tasks.map(({ id }) => id)).toEqual(whole.slice(3));
  });

  it.each(["", "x1", "a", "s-1", "s1", "s9999999-0", "a1.5", "41"])("has no page %j", async (cursor) => {
    const { queries } = createWorld();
    const message = expect.stringContaining("expected the nextCursor of the page before");
    await expect(queries.list({ finished: 1, cursor })).rejects.toMatchObject({ code: "USAGE", message });
  });

  it("costs no read of a journal but of those that have started, and those alone that are shown", async () => {
    const tasks = Array.from({ length: 50 }, (_, order) => queuedTask(order));
    const read: string[] = [];
    const [first, second] = tasks;
    if (first === undefined || second === undefined) throw new Error("no tasks");
    const started: OpenTask = {
      ...second,
      state: { kind: "running", run: 1, attempts: 1, vanished: 0, startedAtMs: 1 },
    };
    const branch = { readText: async () => undefined, listFolder: async () => [], treeId: async () => undefined };
    const app = createUseCases({
      sync: async () => undefined,
      table: { all: () => [first, started, ...tasks.slice(2)], get: () => undefined },
      journal: {
        read(id) {
          read.push(id);
          return [asKept(acceptedRecord(1))];
        },
        readDone: () => [],
      },
      ...{ branch, ledger: createBranchLedger(branch), hold: () => undefined, now: () => 0, wake: () => undefined },
      history: { newest: async () => [], withId: async () => [], inThread: async () => [], inSession: async () => [] },
      ...{ workspaceDir: "/repo", workRoot: "/repo", branchName: "main" },
      ...{ paths: statePaths(tempDir()), keeper: PLAIN_KEEPER },
      health: () => ({ broken: [] as readonly string[] }) as Health,
      stopRequests: { request: () => undefined },
      acceptance: { submit: () => Promise.reject(new Error("nothing is submitted")) },
      takeOvers: { one: () => Promise.reject(new Error("nothing is taken over")) },
      edits: { edit: () => Promise.reject(new Error("nothing is edited")) },
      submissionKeys: { find: () => undefined, note: async () => undefined },
      ...{
        bound: { refuseWhenFull: () => undefined },
        guard: { tryAgain: (error) => error, requireHome: () => undefined },
      },
      rights: () => sameRights(DEFAULT_RIGHTS),
      sessions: { read: () => Promise.reject(new Error("nothing is submitted")) },
      ...{ underWay: () => undefined, after: () => () => undefined },
      places: sharedPlaces("/repo", "/repo/.git/codex-inbox"),
      onLanded: () => undefined,
      archive: () => Promise.reject(new Error("nothing is archived")),
      ...{ progress: () => undefined, waits: { untilEnded: async () => undefined } },
      user: "ada",
      events: { reader: () => ({ seq: 0, next: async () => undefined }) },
    });
    expect((await app.list({ finished: 9, limit: 1 })).nextCursor).toBe("a0");
    expect((await app.list({ finished: 9, statuses: ["queued"] })).tasks).toHaveLength(49);
    expect((await app.find(tasks[7]?.id ?? "")).status).toBe("queued");
    expect(read).toEqual([]);
    expect((await app.list({ finished: 9 })).tasks).toHaveLength(50);
    expect((await app.status()).running.map(({ id }) => id)).toEqual([started.id]);
    expect(read).toEqual([started.id, started.id]);
  });
});

function acceptedRecord(order: number): JournalRecord & { readonly k: "accepted" } {
  const id = `20261120-141530-${String(order).padStart(6, "0")}`;
  return {
    ...{
      k: "accepted",
      v: 1,
      id,
      session: "docs",
      path: `sessions/docs/2026-11-20/${id}.md`,
      order,
      atMs: 0,
      text: "Do it.\n",
    },
    ...{ clone: "aaaaaa", folderKey: null, source: null },
  };
}

function queuedTask(order: number): OpenTask {
  return fold([acceptedRecord(order)]);
}
