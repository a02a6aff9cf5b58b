import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeDropReceipt } from "../../src/store/drop-receipts.ts";
import { parseDropText } from "../../src/task/file/task-file.ts";
import { rightsByOrigin } from "../../src/task/rights/origin-rights.ts";
import { DEFAULT_POLICY } from "../../src/task/rights/policy.ts";
import { createWorld } from "../support/world.ts";

const ID = "20261120-010203-edited";
const TEXT = `---\nid: ${ID}\nsessionKey: docs\npriority: 3\nmyKey: [1]\n---\n# Old\n\nOld prompt.\n`;

/** A workspace in which nothing starts. */
async function waiting(text = TEXT) {
  const world = createWorld();
  world.settings.maxWorkers = 0;
  const coordinator = await world.start();
  await coordinator.submit(text);
  const lastText = () =>
    readFileSync(join(world.paths.journal, `open/${ID}.jsonl`), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .findLast(({ k }) => k === "accepted" || k === "replaced");
  const spec = () => {
    const parsed = parseDropText(lastText().text, undefined);
    if (!parsed.ok) throw new Error("the journal holds what is no task");
    return { prompt: parsed.prompt, ...parsed.spec.frontMatter };
  };
  return { world, coordinator, lastText, spec };
}

describe("an edit of a queued task", () => {
  it("changes the keys that it names, takes out those that are null, and leaves the prompt as it is, byte for byte", async () => {
    const { world, coordinator, spec } = await waiting(TEXT.replace("Old prompt.\n", "Old\r\n\n prompt. "));
    const task = await coordinator.edit("edited", { keys: { priority: 0, myKey: null, title: 'A "new" one' } });
    expect(task).toMatchObject({ id: ID, priority: 0, title: 'A "new" one', status: "queued" });
    expect(spec()).toEqual({
      ...{ id: ID, sessionKey: "docs", priority: 0, title: 'A "new" one', prompt: "# Old\n\nOld\r\n\n prompt. " },
    });
    await world.crash();
    const after = await world.start();
    expect(await after.find(ID)).toMatchObject({ priority: 0, title: 'A "new" one', status: "queued" });
  });

  it("gives it another prompt, and that is what the agent is told", async () => {
    const { world, coordinator } = await waiting();
    await coordinator.edit(ID, { keys: {}, prompt: "---\nNew prompt.\n" });
    world.settings.maxWorkers = 1;
    await world.advance(1_000);
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    await world.advance(1_000);
    expect(world.results()).toMatchObject([{ id: ID, prompt: "---\nNew prompt.\n", status: "succeeded" }]);
    expect(world.logged("replaced")).toMatchObject([{ task: ID, session: "docs", origin: "http" }]);
  });

  it("that takes out a misspelt key is refused; one that takes out a key of nobody's is none", async () => {
    const { world, coordinator } = await waiting();
    const misspelt = coordinator.edit(ID, { keys: { priorty: null, priority: 1 } });
    await expect(misspelt).rejects.toMatchObject({
      ...{ code: "TASK_FILE", message: 'there is no key "priorty"; did you mean priority?' },
      places: [{ key: "priorty" }],
    });
    await coordinator.edit(ID, { keys: { elsewhere: null } });
    expect(world.logged("replaced")).toEqual([]);
  });

  it("that changes nothing is none, and two at once both count", async () => {
    const { world, coordinator } = await waiting();
    await coordinator.edit(ID, { keys: { priority: 3 } });
    expect(world.logged("replaced")).toEqual([]);
    await Promise.all([
      coordinator.edit(ID, { keys: { priority: 1 } }),
      coordinator.edit(ID, { keys: { title: "T" } }),
    ]);
    expect(await coordinator.find(ID)).toMatchObject({ priority: 1, title: "T" });
  });

  it("is refused for what was settled at its acceptance, and for one that runs or has ended", async () => {
    const { world, coordinator } = await waiting();
    for (const keys of [
      { sessionKey: "other" },
      { id: "20261120-010203-other1" },
      { parent: "20261120-010203-other1" },
    ])
      await expect(coordinator.edit(ID, { keys })).rejects.toMatchObject({ code: "TASK_FILE" });
    world.settings.maxWorkers = 1;
    await world.advance(1_000);
    await expect(coordinator.edit(ID, { keys: { priority: 0 } })).rejects.toMatchObject({ code: "REFUSED" });
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    await world.advance(1_000);
    await expect(coordinator.edit(ID, { keys: { priority: 0 } })).rejects.toMatchObject({ code: "REFUSED" });
    expect(world.logged("replaced")).toEqual([]);
  });

  it("is judged by who edits; a prompt of somebody else's gains nothing by it", async () => {
    const world = createWorld();
    world.settings.maxWorkers = 0;
    const policy = {
      ...DEFAULT_POLICY,
      origins: { http: { sandbox: "danger-full-access", verifyCommand: "none" } },
    } as const;
    world.byOrigin = rightsByOrigin(policy, []);
    const coordinator = await world.start();
    world.drop("docs/mine.md", "Dropped.\n");
    await world.settle();
    const id = world.accepted(0);
    const asked = { keys: { sandbox: "danger-full-access" } };
    await expect(coordinator.edit(id, asked)).rejects.toMatchObject({ code: "NOT_ALLOWED" }); // The drop may not.
    await expect(coordinator.edit(id, { keys: { verifyCommand: "true" } })).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    }); // The editor.
    const edited = await coordinator.edit(id, { ...asked, prompt: "Mine." });
    expect(edited).toMatchObject({ sessionKey: "docs" });
    const shown = { origin: "file", requestedBy: userInfo().username, editedBy: `${userInfo().username} (http)` };
    expect(edited).toMatchObject(shown);
    world.settings.maxWorkers = 1;
    await world.advance(1_000);
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    await world.advance(1_000);
    expect(await coordinator.find(id)).toMatchObject({ status: "succeeded", committed: true, ...shown });
    expect(world.repository.log()[0]?.message).toContain(`\nOrigin: file\nEdited-By: ${shown.editedBy}\n`);
  });

  it("comes through the inbox where a command has put it there: once, and the file goes", async () => {
    const { world, coordinator } = await waiting();
    const text = TEXT.replace("priority: 3", "priority: 0");
    writeDropReceipt(world.paths.dropReceipts, ID, text, { kind: "cli", user: "ada" }, true);
    world.drop(`${ID}.md`, text);
    await world.settle();
    await world.advance(2_000);
    expect(await coordinator.find(ID)).toMatchObject({ priority: 0 });
    expect(world.logged("replaced")).toHaveLength(1);
    expect(existsSync(join(world.dir, `inbox/${ID}.md`))).toBe(false);
  });

  it("that comes through the inbox too late stays there, and is said to be broken", async () => {
    const { world, coordinator } = await waiting();
    world.settings.maxWorkers = 1;
    await world.advance(1_000);
    const text = TEXT.replace("priority: 3", "priority: 0");
    writeDropReceipt(world.paths.dropReceipts, ID, text, { kind: "cli", user: "ada" }, true);
    world.drop(`${ID}.md`, text);
    await world.settle();
    await world.advance(2_000);
    expect(await coordinator.find(ID)).toMatchObject({ priority: 3, status: "running" });
    expect(coordinator.health().broken).toEqual([`inbox/${ID}.md`]);
    expect(existsSync(join(world.dir, `inbox/${ID}.md`))).toBe(true);
  });

  it("never comes from a file alone, whoever has put it there", async () => {
    const { world, coordinator } = await waiting();
    world.drop(`${ID}.md`, TEXT.replace("priority: 3", "priority: 0"));
    await world.settle();
    await world.advance(2_000);
    expect(await coordinator.find(ID)).toMatchObject({ priority: 3 });
    expect(world.logged("replaced")).toEqual([]);
  });
});
