import { readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { publishDrop } from "../../../src/app/actions/tasks/publish-drop.ts";
import { localUserName } from "../../../src/base/local-user.ts";
import type { RunEvent } from "../../../src/run/driver.ts";
import { openDropReceipts } from "../../../src/store/drop-receipts.ts";
import { failure, THREAD } from "../../fakes/fake-runner.ts";
import { AN_ITEM } from "../../support/an-item.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { createWorld, type World } from "../../support/world.ts";
import { finishAll, placeOf } from "../../support/world-actions.ts";

const ME = localUserName();
const COMMIT = { origin: expect.stringMatching(/^commit \w+$/), requestedBy: "Ada <ada@example.org>" };
const ID = "20261120-101010-abcdef";

async function add(world: World, text: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const { id } = await publishDrop(placeOf(world), text, environment);
  await world.hint();
  return id;
}

/** An agent runs a command that names the inbox from now on, so that whatever is written there may be its own. */
async function agentAtWork(world: World): Promise<string> {
  world.drop("agent/work.md", "Make tasks.\n");
  await world.settle();
  const body = { kind: "command", command: "ls inbox", exitCode: null, status: "started", output: "", outputBytes: 0 };
  const event = { ...AN_ITEM, phase: "started", id: "item_1", body, paths: [], atMs: 0, isOld: false };
  world.runner.act(world.runner.of("agent"), event as unknown as RunEvent);
  await world.settle();
  return world.accepted(0);
}

async function shown(world: World, id = world.accepted(-1)) {
  const { origin, requestedBy, parent } = await world.queries.find(id);
  return { origin, requestedBy, parent };
}

describe("who asks for a task", () => {
  it("is the author of the commit that brought it, where the branch has the very file", async () => {
    const world = createWorld();
    const commit = world.repository.user.commit({ "inbox/docs/x.md": "Do it.\n" });
    await world.start();
    await world.advance(60_000);
    expect(await shown(world)).toEqual({
      origin: `commit ${commit}`,
      requestedBy: "Ada <ada@example.org>",
      parent: null,
    });
    await finishAll(world);
    const { message } = world.repository.log()[0] ?? { message: "" };
    expect(message).toContain(`\nRequested-By: Ada <ada@example.org>\nOrigin: commit ${commit}\n`);
    expect(world.results()[0]?.frontMatter).toMatchObject({
      origin: `commit ${commit}`,
      requestedBy: COMMIT.requestedBy,
    });
    expect(await shown(world)).toMatchObject({ origin: `commit ${commit}`, requestedBy: COMMIT.requestedBy });
  });

  it("is not that author any more once the file was changed", async () => {
    const world = createWorld();
    world.repository.user.commit({ "inbox/docs/x.md": "Do it.\n" });
    world.repository.user.write("inbox/docs/x.md", "Do something else.\n");
    await world.start();
    await world.advance(60_000);
    expect(await shown(world)).toEqual({ origin: "file", requestedBy: ME, parent: null });
  });

  it("is the user of this machine for a command, a request, and a file that nobody has committed", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    await add(world, "Do it.\n");
    expect(await shown(world)).toEqual({ origin: "cli", requestedBy: ME, parent: null });
    await coordinator.submit("---\nsessionKey: h\n---\nDo it.\n");
    expect(await shown(world)).toEqual({ origin: "http", requestedBy: ME, parent: null });
    world.drop("docs/x.md", "Do it.\n");
    await world.settle();
    expect(await shown(world)).toEqual({ origin: "file", requestedBy: ME, parent: null });
    expect(readdirSync(world.paths.dropReceipts)).toEqual([]);
  });

  it("is the task whose run has left the file, and that of a follow-up", async () => {
    const world = createWorld();
    await world.start();
    const agent = await agentAtWork(world);
    world.drop("docs/x.md", "Do it.\n");
    await world.settle();
    await world.advance(60_000);
    expect(await shown(world)).toEqual({ origin: "agent", requestedBy: `task ${agent}`, parent: agent });
  });

  it("is said by what the task was made of where a command put it there and nobody served", async () => {
    const world = createWorld();
    await publishDrop(placeOf(world), "Do it.\n", {});
    await world.start();
    expect(await shown(world)).toMatchObject({ origin: "cli" });
  });

  it("is put nowhere else: an inbox that an agent has made a link is refused", async () => {
    const world = createWorld();
    const [inbox, elsewhere] = [join(world.dir, "inbox"), tempDir()];
    rmSync(inbox, { recursive: true, force: true });
    symlinkSync(elsewhere, inbox);
    await expect(publishDrop(placeOf(world), "Do it.\n", {})).rejects.toMatchObject({ code: "REFUSED" });
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  it("survives a kill between the inbox and the journal", async () => {
    const world = createWorld();
    await world.start();
    await world.crash();
    await publishDrop(placeOf(world), "Do it.\n", {});
    await world.start();
    await world.crash();
    await world.start();
    expect(await shown(world)).toMatchObject({ origin: "cli" });
    expect(world.logged("accepted")).toHaveLength(1);
  });

  it("stays who it was when the task is tried again", async () => {
    const world = createWorld();
    world.settings.maxAttempts = 1;
    world.repository.user.commit({ "inbox/docs/x.md": "Do it.\n" });
    const coordinator = await world.start();
    await world.advance(60_000);
    const first = world.accepted(0);
    const [run] = world.runner.started;
    if (run === undefined) throw new Error("nothing runs");
    world.runner.open(run, THREAD);
    world.runner.end(run, { outcome: "failed", failure: failure("serverError") });
    await world.settle();
    const { path } = await world.queries.find(first);
    const file = world.committed(path) ?? "";
    expect(file).toContain("Do it.");
    world.repository.user.commit({ [path]: file.replaceAll("Do it.", "Do more.") }); // Whoever may push may write that.
    expect(await coordinator.retryText(first)).toMatchObject({ text: expect.stringContaining("Do it.") });
    expect(await coordinator.retry(first)).toMatchObject(COMMIT);
  });
});

describe("an agent that would pass for the user of a command", () => {
  it("does not by naming its file as a command would", async () => {
    const world = createWorld();
    await world.start();
    world.drop(`${ID}.md`, "---\norigin: cli\nrequestedBy: root\n---\nDo it.\n");
    await world.settle();
    expect(await shown(world)).toMatchObject({ origin: "file", requestedBy: ME });
  });

  it("does not by exchanging the text that a command has put there", async () => {
    const world = createWorld();
    const { id, path } = await publishDrop(placeOf(world), "Do it.\n", {});
    writeFileSync(join(world.dir, path), "Do something else.\n");
    await world.start();
    await world.advance(60_000);
    expect(await shown(world, id)).toMatchObject({ origin: "file" });
  });

  it("does not by running the command itself", async () => {
    const world = createWorld();
    await world.start();
    await add(world, "Do it.\n", { CODEX_INBOX_RUN: "aaaaaa/x/1" });
    await world.advance(60_000);
    expect(await shown(world)).toMatchObject({ origin: "file" });
  });

  it("does not keep the user's own command from being the user's", async () => {
    const world = createWorld();
    await world.start();
    await agentAtWork(world);
    await add(world, "Do it.\n");
    await world.advance(60_000);
    expect(await shown(world)).toEqual({ origin: "cli", requestedBy: ME, parent: null });
  });
});

it("a receipt whose file never came is removed after a month, and no sooner", async () => {
  const world = createWorld();
  const receipts = openDropReceipts(world.paths.dropReceipts);
  receipts.prune(Date.now());
  await publishDrop(placeOf(world), "Do it.\n", {});
  const count = (): number => readdirSync(world.paths.dropReceipts).length;
  receipts.prune(Date.now() + 29 * 86_400_000);
  const kept = count();
  receipts.prune(Date.now() + 31 * 86_400_000);
  expect([kept, count()]).toEqual([1, 0]);
});
