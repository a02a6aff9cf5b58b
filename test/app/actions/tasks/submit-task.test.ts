import { appendFileSync, copyFileSync, mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { RunningCoordinator } from "../../../../src/app/start-coordinator.ts";
import { openSubmissionKeys } from "../../../../src/store/submission-keys.ts";
import { listenHere } from "../../../support/listening.ts";
import { createWorld } from "../../../support/world.ts";

const TEXT = "---\nsessionKey: docs\n---\nFix it.\n";

async function twice(coordinator: RunningCoordinator, key: string, texts: readonly string[]) {
  return Promise.all(texts.map((text) => coordinator.submit(text, key)));
}

describe("a submission with a key", () => {
  it("makes one task, however often and however quickly it is sent again", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const answers = await twice(coordinator, "k", [TEXT, TEXT, TEXT]);
    expect(new Set(answers.map(({ task }) => task.id)).size).toBe(1);
    expect(answers.map(({ known }) => known)).toEqual([false, true, true]);
    expect(world.logged("accepted")).toHaveLength(1);
  });

  it("is known after a kill, and once its task has ended", async () => {
    const world = createWorld();
    const first = await (await world.start()).submit(TEXT, "k");
    await world.crash();
    const coordinator = await world.start();
    expect(await coordinator.submit(TEXT, "k")).toMatchObject({ task: { id: first.task.id }, known: true });
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    await world.advance(1_000);
    const again = await coordinator.submit(TEXT, "k");
    expect(again).toMatchObject({ task: { id: first.task.id, status: "succeeded" }, known: true });
    expect(world.logged("accepted")).toHaveLength(1);
  });

  it("that a kill has cut off before its task was accepted gets the id that was noted for it", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const noted = await coordinator.submit(TEXT, "k");
    await world.crash();
    // As it stands after a kill between the two: the key is there, the task is not.
    const other = createWorld();
    mkdirSync(other.paths.root, { recursive: true });
    copyFileSync(world.paths.submissionKeys, other.paths.submissionKeys);
    const after = await (await other.start()).submit(TEXT, "k");
    expect(after).toMatchObject({ task: { id: noted.task.id }, known: false });
  });

  it("stands for one text: another one is refused, and no second task made", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const { task } = await coordinator.submit(TEXT, "k");
    const message = expect.stringContaining(`has become the task ${task.id}`);
    await expect(coordinator.submit(`${TEXT}More.\n`, "k")).rejects.toMatchObject({ code: "KEY_REUSED", message });
    expect(world.logged("accepted")).toHaveLength(1);
    expect((await coordinator.submit(`${TEXT}More.\n`, "other")).known).toBe(false);
  });

  it("that is refused does not take the key", async () => {
    const world = createWorld();
    world.settings.maxOpenTasks = 0;
    const coordinator = await world.start();
    await expect(coordinator.submit("---\npriority: 9\n---\nx", "k")).rejects.toMatchObject({ code: "TASK_FILE" });
    await expect(coordinator.submit(TEXT, "k")).rejects.toMatchObject({ code: "QUEUE_FULL" });
    world.settings.maxOpenTasks = 9;
    expect((await coordinator.submit("Another one.\n", "k")).known).toBe(false);
  });
});

describe("the keys of submissions", () => {
  it("are read over a torn line, and the newest ones are kept, at least as many as fit one file", async () => {
    const world = createWorld();
    await world.start();
    const path = world.paths.submissionKeys;
    const [perFile, submission] = [20, { id: "20261120-010203-given1", digest: "d" }];
    const keys = openSubmissionKeys(path, perFile);
    await keys.note("first", submission);
    appendFileSync(path, '{"v":1,"key":"torn');
    await Promise.all([keys.note("second", submission), keys.note("third", submission)]);
    const again = openSubmissionKeys(path, perFile);
    expect(["first", "second", "third", "torn"].map((key) => again.find(key)?.id)).toEqual([
      ...[submission.id, submission.id, submission.id],
      undefined,
    ]);
    await Promise.all(Array.from({ length: perFile }, (_, index) => again.note(`a${index}`, submission)));
    await again.note("b", submission);
    expect(openSubmissionKeys(path).find("first")).toEqual(submission);
    await Promise.all(Array.from({ length: perFile }, (_, index) => again.note(`c${index}`, submission)));
    await again.note("d", submission);
    const last = openSubmissionKeys(path, perFile);
    expect([last.find("first"), last.find("c0"), last.find("d")]).toEqual([undefined, submission, submission]);
  });
});

it("hundreds of submissions at once are each accepted exactly once, or refused clearly", async () => {
  const world = createWorld();
  world.settings.maxOpenTasks = 200;
  world.settings.maxWorkers = 0;
  const { ask } = await listenHere(await world.start());
  /** What was cut off before it was read, or found no room to be read, is sent again. */
  const send = (index: number): Promise<number> => sendOnce(index).catch(() => send(index));
  const sendOnce = (index: number): Promise<number> =>
    ask("/tasks", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": `k${index}` },
      body: JSON.stringify({ prompt: `Task ${index}.`, sessionKey: `s${index % 50}` }),
    }).then(async (answer) => {
      const { error } = (await answer.json()) as { readonly error?: { readonly code: string } };
      const isBusy = answer.status === 503 && error?.code === "TRY_AGAIN" && answer.headers.get("retry-after") !== null;
      return isBusy ? send(index) : answer.status; // More at once than are read: it says so.
    });
  const first = await Promise.all(Array.from({ length: 250 }, (_, index) => send(index)));
  const accepted = first.filter((status) => status === 202).length;
  expect([accepted, first.filter((status) => status === 429).length]).toEqual([200, 50]);
  expect(world.logged("accepted")).toHaveLength(200);
  const second = await Promise.all(first.map((_, index) => send(index)));
  expect(second).toEqual(first.map((status) => (status === 202 ? 200 : 429)));
  expect(world.logged("accepted")).toHaveLength(200);
}, 60_000);
