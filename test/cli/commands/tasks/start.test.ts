import { describe, expect, it } from "vitest";
import type { SessionView } from "../../../../src/app/views/session-list.ts";
import { CoordinatorError } from "../../../../src/base/errors.ts";
import { createSendCommand } from "../../../../src/cli/commands/tasks/send.ts";
import { createStartCommand } from "../../../../src/cli/commands/tasks/start.ts";
import { createFakeCliDeps, runCommand, sessionView } from "../../../fakes/fake-cli-deps.ts";

const ID = "20261120-141530-k3f9x2";
const THREAD = "01a1f950-5f71-7472-a9b5-7a2032cb912c";

describe("start", () => {
  it("prints the id of the task, then its thread, and says why it waits meanwhile", async () => {
    const deps = createFakeCliDeps({
      async thread(id, onHold) {
        expect([id, deps.printed]).toEqual([ID, [ID]]);
        onHold("paused");
        onHold("a worker is awaited");
        return THREAD;
      },
    });
    expect(await runCommand(createStartCommand(deps), "--title", "T", "Begin")).toBe(0);
    expect(deps.printed).toEqual([ID, THREAD]);
    expect(deps.warned).toEqual([
      ...["unknown key x", `${ID} waits: paused`, "its thread is waited for; Ctrl-C ends the wait and stops no task"],
      `${ID} waits: a worker is awaited`,
    ]);
    expect(deps.published).toEqual(["Begin"]);
  });

  it("prints both as JSON", async () => {
    const deps = createFakeCliDeps();
    await runCommand(createStartCommand(deps), "--json", "Begin");
    expect(JSON.parse(deps.printed.join(""))).toEqual({ version: 1, id: ID, thread: THREAD });
  });

  it("waits for no thread where nobody serves, and says how to start", async () => {
    const deps = createFakeCliDeps({ thread: () => Promise.reject(new Error("not asked for")) });
    deps.isServed = false;
    expect(await runCommand(createStartCommand(deps), "Begin")).toBe(0);
    expect(deps.printed).toEqual([ID]);
    expect(deps.warned.at(-1)).toMatch(/codex-inbox serve$/);
  });

  it("refuses a session that is there, with what goes on in it, and publishes nothing", async () => {
    const deps = createFakeCliDeps({ session: async (key) => sessionView({ key }) });
    const message = expect.stringContaining('codex-inbox send docs "<prompt>"');
    const refused = runCommand(createStartCommand(deps), "--session", "docs", "Begin");
    await expect(refused).rejects.toMatchObject({ code: "REFUSED", message });
    expect(deps.published).toEqual([]);
    const other = createFakeCliDeps({ session: async () => sessionView({ key: "docs/api" }) });
    await runCommand(createStartCommand(other), "--session", "docs", "Begin");
    expect(other.published).toEqual(["Begin"]);
  });

  it("ends as its task does that has no thread", async () => {
    const thread = () => Promise.reject(new CoordinatorError("TASK_FAILED", "it has failed"));
    const deps = createFakeCliDeps({ thread });
    await expect(runCommand(createStartCommand(deps), "Begin")).rejects.toMatchObject({ exitCode: 1 });
    expect(deps.printed).toEqual([ID]);
  });
});

describe("send", () => {
  it("sends the prompt to the session that a part names, with what is piped and the flags", async () => {
    const deps = createFakeCliDeps({ session: async () => sessionView({ key: "docs/api" }) });
    deps.input = "Piped.\n";
    expect(await runCommand(createSendCommand(deps), "--priority", "0", "api", "Go", "on")).toBe(0);
    expect(deps.published).toEqual(["Go on\n\nPiped.\n"]);
    const keys = (deps.publishedKeys[0] ?? []).map(({ key, value }) => [key, value]);
    expect(Object.fromEntries(keys)).toEqual({ priority: 0, sessionKey: "docs/api" });
    expect(deps.printed).toEqual([ID]);
    deps.printed.length = 0;
    await runCommand(createSendCommand(deps), "--json", "api", "Go");
    expect(JSON.parse(deps.printed.join(""))).toEqual({ version: 1, id: ID, session: "docs/api" });
  });

  it.each<{ change: Partial<SessionView>; says: RegExp }>([
    { change: { state: "ARCHIVED" }, says: /^the session docs is archived: codex-inbox start "<prompt>"/ },
    { change: { state: "DIED" }, says: /^the session docs has died: .*codex-inbox retry <task>.*codex-inbox start/ },
  ])("refuses one that is over, with what to do instead: $change", async ({ change, says }) => {
    const deps = createFakeCliDeps({ session: async () => ({ ...sessionView(), ...change }) });
    const message = expect.stringMatching(says);
    await expect(runCommand(createSendCommand(deps), "docs", "Go")).rejects.toMatchObject({ code: "REFUSED", message });
    expect(deps.published).toEqual([]);
  });

  it("takes a session, and has no flag for one", async () => {
    const deps = createFakeCliDeps({ session: async () => sessionView() });
    for (const argv of [[], ["--session", "x", "docs", "Go"], ["docs"]])
      await expect(runCommand(createSendCommand(deps), ...argv)).rejects.toMatchObject({ code: "USAGE" });
  });
});
