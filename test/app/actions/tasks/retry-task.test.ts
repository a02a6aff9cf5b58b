import { readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { retryTask } from "../../../../src/app/actions/tasks/retry-task.ts";
import type { Coordinator } from "../../../../src/app/coordinator.ts";
import { askCoordinator } from "../../../../src/app/queries/coordinator-client.ts";
import { ownIdentity } from "../../../../src/base/process/process-identity.ts";
import { taskIdDate } from "../../../../src/task/names/task-id.ts";
import { taskName } from "../../../../src/task/names/task-name.ts";
import { DEFAULT_RIGHTS } from "../../../../src/task/rights/rights.ts";
import type { RunVerdict } from "../../../../src/task/state/run.ts";
import { failure, THREAD } from "../../../fakes/fake-runner.ts";
import { listenHere } from "../../../support/listening.ts";
import { createWorld, type World } from "../../../support/world.ts";
import { placeOf } from "../../../support/world-actions.ts";

const KEYS =
  "title: Login\npriority: 1\nmax_attempts: 1\nmyKey: [1, {a: b}]\ndependsOn: []\nnotBefore: 2026-11-01T00:00:00Z";
/** All that could go wrong on the way from one task file into another. */
const PROMPT = '\n---\r\nstatus: x\n---\n\uFEFF "Fix" ä💡 it.\r\n<!-- codex-inbox:result -->\n## Result\n\n ';
const FAILED = { outcome: "failed", failure: failure("serverError"), lastMessage: "" } as const;

/** Serves a workspace whose first task has failed; `name` is that of its file in inbox/. */
async function failed(name: string, text = `---\n${KEYS}\n---\n${PROMPT}`, end: Partial<RunVerdict> = FAILED) {
  const world = createWorld();
  world.settings.maxAttempts = 1;
  const coordinator = await world.start();
  world.drop(name, text);
  await world.settle();
  const [first] = world.runner.started;
  if (first === undefined) throw new Error("nothing runs");
  const verdict: Partial<RunVerdict> = { threadId: THREAD, ...end };
  if (verdict.threadId !== undefined) world.runner.open(first, verdict.threadId);
  await world.settle();
  world.runner.end(first, verdict);
  await world.settle();
  return { world, coordinator, id: world.accepted(0) };
}

/** As the command does without a coordinator. */
async function retryByFiles(world: World, part: string) {
  return retryTask(placeOf(world), part, world.queries, {});
}

/** Notes `url` as that of the coordinator at work. */
function serveAt(world: World, url: string, token: string | null = null): void {
  const record = {
    ...ownIdentity(),
    startedAt: "",
    version: "",
    branch: "refs/heads/main",
    url,
    token,
    maxOpenTasks: null,
  };
  writeFileSync(world.paths.server, JSON.stringify(record));
}

/** The two ways in which a retry is filed; each returns the id of the new task once it is accepted. */
const WAYS = [
  { way: "by the coordinator", file: async (_: World, coordinator: Coordinator, id: string) => coordinator.retry(id) },
  {
    way: "by files",
    async file(world: World, coordinator: Coordinator, id: string) {
      const { id: filed, parent } = await retryByFiles(world, id);
      expect(parent).toBe(id);
      await world.hint();
      return coordinator.find(filed);
    },
  },
];

describe.each(WAYS)("a retry, $way,", ({ file }) => {
  it("asks for the same again in the same session, and leaves the task that failed as it ended", async () => {
    const { world, coordinator, id } = await failed("docs/x.md");
    const before = world.results();
    const task = await file(world, coordinator, id);
    expect(task.id).not.toBe(id);
    await world.settle();
    const run = world.runner.of(task.id);
    expect(run.request).toMatchObject({ prompt: PROMPT, sessionKey: "docs", resumeThread: THREAD });
    world.runner.end(run);
    await world.settle();
    const [old, fresh] = world.results().toSorted((a, b) => a.status.localeCompare(b.status));
    expect([old]).toEqual(before);
    expect(fresh).toMatchObject({ id: task.id, status: "succeeded", title: "Login", prompt: PROMPT });
    expect(fresh?.frontMatter).toMatchObject({ priority: 1, maxAttempts: 1, myKey: [1, { a: "b" }], parent: id });
    for (const key of ["dependsOn", "notBefore", "model"]) expect(fresh?.frontMatter).not.toHaveProperty(key);
  });

  it("asks for what the task did while its outcome waits for the commit, too", async () => {
    const { world, coordinator } = await failed("other/x.md");
    world.repository.user.beginMerge();
    world.drop("docs/y.md", `---\n${KEYS}\n---\n${PROMPT}`);
    await world.settle();
    world.runner.end(world.runner.of("docs"), FAILED);
    await world.settle();
    const id = world.accepted(1);
    expect(await coordinator.find(id)).toMatchObject({ status: "failed", committed: false });
    const task = await file(world, coordinator, id);
    await world.settle();
    expect(task).toMatchObject({ parent: id, title: "Login", priority: 1 });
    expect(world.runner.of(task.id).request).toMatchObject({ prompt: PROMPT, sessionKey: "docs" });
  });

  it("goes on with the thread of a session that was made for the task alone", async () => {
    const { world, coordinator, id } = await failed("x.md", "Fix it.\n");
    const { sessionKey } = await coordinator.find(id);
    const task = await file(world, coordinator, id);
    await world.settle();
    expect(world.runner.of(task.id).request).toMatchObject({ sessionKey, resumeThread: THREAD });
  });

  it("has a session of its own where that one never had a thread", async () => {
    const { world, coordinator, id } = await failed("x.md", "Fix it.\n", { ...FAILED, threadId: undefined });
    const task = await file(world, coordinator, id);
    await world.settle();
    expect(task.sessionKey).toBe(`${taskIdDate(task.id)}/${taskName(task.id, "fix-it")}`);
    expect(world.runner.of(task.id).request).toMatchObject({ resumeThread: undefined });
  });

  it("is filed as often as it is asked for", async () => {
    const { world, coordinator, id } = await failed("docs/x.md");
    const [one, two] = [await file(world, coordinator, id), await file(world, coordinator, id)];
    expect(new Set([id, one.id, two.id]).size).toBe(3);
    expect([one.parent, two.parent]).toEqual([id, id]);
  });

  it("tries a cancelled task again, and that one's retry too", async () => {
    const { world, coordinator } = await failed("docs/x.md");
    world.drop("later/y.md", "---\nnotBefore: 2027-01-01T00:00:00Z\n---\nLater.\n");
    await world.settle();
    await coordinator.stop(world.accepted(1));
    await world.settle();
    const first = await file(world, coordinator, world.accepted(1));
    await world.settle();
    world.runner.end(world.runner.of(first.id), FAILED);
    await world.settle();
    const second = await file(world, coordinator, first.id);
    expect(second).toMatchObject({ parent: first.id, sessionKey: "later", title: "Later." });
  });

  it("is refused for a task that has succeeded, with how to send a follow-up", async () => {
    const { world, coordinator, id } = await failed("docs/x.md", "Fix it.\n", {});
    const says = `${id} cannot be retried: it has succeeded; codex-inbox add --session docs "<prompt>" sends a follow-up`;
    await expect(file(world, coordinator, id)).rejects.toMatchObject({
      ...{ code: "REFUSED", message: expect.stringContaining(says) },
    });
    expect(world.logged("accepted")).toHaveLength(1);
    expect(readdirSync(join(world.dir, "inbox"))).toEqual(["docs"]);
  });

  it("is refused for one that is open, here or in another clone, and for none", async () => {
    const { world, coordinator } = await failed("docs/x.md");
    world.drop("a/1.md", "Runs.\n");
    world.drop("a/2.md", "Waits.\n");
    const other = "20261119-090000-zzzzzz";
    world.repository.user.commit({
      [`sessions/there/2026-11-19/${other}.md`]: `---\nformat: 3\nid: ${other}\nsessionKey: there\nstatus: queued\nacceptedBy: zzzzzz\n---\nX\n`,
      "tasks.md": `${world.committed("tasks.md")}| 2026-11-19T09:00:00.000Z | ${other} | there | 1 | queued |  |\n`,
    });
    await world.advance(1_000);
    const open = "only a task that has failed or was cancelled is tried again";
    for (const [part, code, says] of [
      [world.accepted(1), "REFUSED", `it is running; ${open}`],
      [world.accepted(2), "REFUSED", `it is queued; ${open}`],
      [other, "REFUSED", "it belongs to another clone: accepted by another clone (zzzzzz)"],
      ["2026", "REFUSED", "give more of the id"],
      ["nothing", "NOT_FOUND", "there is no task"],
      ["", "NOT_FOUND", "there is no task"],
    ] as const)
      await expect(file(world, coordinator, part)).rejects.toMatchObject({
        ...{ code, message: expect.stringContaining(says) },
      });
    expect(world.logged("accepted")).toHaveLength(3);
  });

  it("is judged by what tasks may ask for now", async () => {
    const world = createWorld();
    world.settings.run = { ...world.settings.run, rights: { ...DEFAULT_RIGHTS, environment: [] } };
    const coordinator = await world.start();
    const id = "20261119-090000-failed";
    const keys = `format: 3\nid: ${id}\nsessionKey: docs\nstatus: failed\nendedAt: 2026-11-19T09:00:00.000Z`;
    world.repository.user.commit({
      [`sessions/docs/2026-11-19/${id}.md`]: `---\nenvironment: [SECRET]\n${keys}\n---\nX\n`,
      "tasks.md": `| 2026-11-19T09:00:00.000Z | ${id} | docs | 1 | failed |  |\n`,
    });
    await world.advance(1_000);
    await expect(file(world, coordinator, id)).rejects.toMatchObject({
      ...{ code: "NOT_ALLOWED", message: expect.stringContaining("SECRET") },
    });
  });
});

describe("a retry that is asked of a coordinator over HTTP", () => {
  it("is filed by it once, not through inbox/", async () => {
    const { world, coordinator, id } = await failed("docs/x.md");
    const listener = await listenHere(coordinator);
    serveAt(world, listener.url, listener.token);
    const filed = await retryTask(placeOf(world), id.slice(-6), world.queries, {});
    expect(filed).toMatchObject({ parent: id, warnings: [expect.stringContaining("myKey")] });
    expect(world.logged("accepted").map(({ task }) => task)).toEqual([id, filed.id]);
    expect(readdirSync(join(world.dir, "inbox"))).toEqual(["docs"]);
  });

  it("is refused in the same words", async () => {
    const { world, coordinator, id } = await failed("docs/x.md", "Fix it.\n", {});
    const listener = await listenHere(coordinator);
    serveAt(world, listener.url, listener.token);
    const remote = askCoordinator(listener, () => world.queries);
    const said = await retryTask(placeOf(world), id, remote, {}).catch(String);
    expect(said).toBe(await retryByFiles({ ...world, paths: createWorld().paths }, id).catch(String));
    expect(said).toContain("it has succeeded");
  });

  it("is put into inbox/ where nobody listens any more", async () => {
    const { world, coordinator, id } = await failed("docs/x.md");
    const listener = await listenHere(coordinator);
    serveAt(world, listener.url, listener.token);
    await listener.close();
    const filed = await retryByFiles(world, id);
    expect(readdirSync(join(world.dir, "inbox"))).toContain(`${filed.id}.md`);
  });

  it.each([
    {
      name: "hangs up",
      answer: undefined,
      says: /has not answered; codex-inbox ls shows whether the new task is there$/,
    },
    { name: "answers what is no JSON", answer: { status: 202, body: "{" }, says: /has not answered/ },
    {
      name: "cannot write its journal",
      answer: { status: 503, body: '{"error":{"code":"TRY_AGAIN","message":"no room"}}' },
      says: /^no room$/,
    },
  ])("is never filed twice: it is not known where the coordinator $name", async ({ answer, says }) => {
    const { world, id } = await failed("docs/x.md");
    const server = createServer((request, response) => {
      if (answer === undefined) request.destroy();
      else response.writeHead(answer.status).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    serveAt(world, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await expect(retryByFiles(world, id)).rejects.toMatchObject({
      ...{ code: "TRY_AGAIN", message: expect.stringMatching(says) },
    });
    expect(readdirSync(join(world.dir, "inbox"))).toEqual(["docs"]);
  });
});
