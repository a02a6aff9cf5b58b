import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CommandResult, type CoordinatorProcess, runCommand } from "../support/coordinator-process.ts";
import { type RealCodex, realCodex } from "../support/real-codex.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";
import { killQuietly, type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

const JSON_TYPE = { "content-type": "application/json" };

async function listed(workspace: TestWorkspace, ...flags: string[]): Promise<readonly Record<string, unknown>[]> {
  return JSON.parse((await workspace.command("ls", "--json", ...flags)).stdout).tasks;
}

/** A workspace that the real codex works in, and how a test asks it. */
interface Conversation {
  readonly workspace: TestWorkspace;
  readonly serving: CoordinatorProcess;
  readonly codex: RealCodex;
  /** Runs a command that has to end with `code` (0 unless given). */
  run(argv: readonly string[], code?: number): Promise<CommandResult>;
  session(key: string): Promise<object>;
  /** Waits until the log of a task has a line. */
  heard(id: string, line: string): Promise<unknown>;
}

async function begin(): Promise<Conversation> {
  const codex = await realCodex({ shellSnapshot: false });
  const workspace = await tempWorkspace({ codex, environment: { CODEX_INBOX_RETRY_BASE_MS: "20" } });
  const serving = workspace.serve();
  await serving.url();
  const run: Conversation["run"] = async (argv, code = 0) => {
    const result = await workspace.command(...argv);
    expect([argv[0], result.code], result.stdout + result.stderr).toEqual([argv[0], code]);
    return result;
  };
  return {
    ...{ workspace, serving, codex, run },
    session: async (key) => JSON.parse((await run(["sessions", "--json", key])).stdout),
    heard: (id, line) =>
      waitFor(async () => (await run(["log", id])).stdout.split("\n").some((text) => text.trim() === line), {
        ...{ what: line, timeoutMs: 20_000, intervalMs: 200 },
      }),
  };
}

/** Kills the worker of a task, and all that it has started, as often as its agent asks the model, until the coordinator gives up. */
async function killUntilGivenUp({ workspace, serving, codex }: Conversation): Promise<void> {
  const isGivenUp = (): boolean =>
    serving.lines("run-ended").some((line) => /^the worker vanished .* in a row/.test(line.field("reason") ?? ""));
  for (let asked = codex.requests.length; !isGivenUp(); asked = codex.requests.length) {
    await waitFor(() => codex.requests.length > asked || isGivenUp(), { what: "the next run", timeoutMs: 20_000 });
    for (const pid of workspace.agentPids()) killQuietly(pid);
  }
}

/** start → send → status → log -f → stop → archive → ls -a; returns the ids of the tasks, the newest first. */
async function converse({ workspace, serving, codex, run, heard }: Conversation): Promise<readonly string[]> {
  const started = await run(["start", "--session", "birds", "The word is plover. [[final: noted]]"]);
  const [first = "", thread = ""] = started.stdout.split("\n");
  expect(started).toMatchObject({ stderr: "", stdout: `${first}\n${thread}\n` });
  expect((await run(["start", "--session", "birds", "Anew."], 4)).stderr).toContain("codex-inbox send birds");
  const sent = await run(["send", "bird", "What was the word? [[shell: echo heard]] [[shell: sleep 600]]"]);
  const second = sent.stdout.trim();
  const following = workspace.command("log", "-f", second);
  const waiting = workspace.command("wait", second);
  await heard(second, "heard");
  expect((await run(["status"])).stdout).toMatch(new RegExp(`^running    ${second}  What was the word`, "m"));
  expect((await run(["archive", "birds"], 4)).stderr).toContain(`open task (${second})`);
  expect((await run(["stop", second.slice(-6)])).stdout).toContain(second);
  const followed = expect.stringMatching(/\n *heard\n[\s\S]*\] cancelled[^\n]*\n$/);
  expect(await following).toMatchObject({ code: 0, stdout: followed });
  expect(await waiting).toMatchObject({ code: 1, stdout: expect.stringContaining("cancelled") });
  await serving.saw("committed", 2);
  expect(codex.requests.at(-1)).toMatchObject({ threadId: thread });
  expect((await run(["archive", "birds"])).stdout).toMatch(/^birds is archived \(commit [0-9a-f]{10}\)\n$/);
  expect(await listed(workspace)).toEqual([]); // The coordinator did it, and knows.
  expect(await listed(workspace, "-a")).toMatchObject([
    { id: second, status: "cancelled", thread, sessionKey: "birds" },
    { id: first, status: "succeeded", thread, sessionKey: "birds", origin: "cli" },
  ]);
  expect((await run(["send", "birds", "More."], 4)).stderr).toContain("archived");
  return [second, first];
}

/** A session dies and is told as dead, and a retry brings it back; returns the ids of its tasks, the newest first. */
async function dieAndRetry(conversation: Conversation): Promise<readonly string[]> {
  const { workspace, run, session } = conversation;
  const prompt = "Who. [[shell: test -e awake && echo awake || sleep 600]] [[final: back]]";
  const died = (await run(["add", "--session", "owls", prompt])).stdout.trim();
  await killUntilGivenUp(conversation);
  await run(["wait", died], 1);
  expect(await session("owls")).toMatchObject({ state: "DIED", tasks: { failed: 1 } });
  expect((await run(["send", "owls", "More."], 4)).stderr).toContain("codex-inbox retry <task>");
  workspace.repo.write("awake", "");
  const retried = (await run(["retry", died])).stdout.trim();
  expect((await run(["wait", retried])).stdout).toContain("succeeded");
  expect(await session("owls")).toMatchObject({ state: "STOPPED", tasks: { failed: 1, succeeded: 1 } });
  return [retried, died];
}

/** The coordinator dies while a task runs, and the same is asked without it; returns the id of that task. */
async function goOnAlone({ workspace, serving, run, session, heard }: Conversation): Promise<string> {
  const started = await run(["start", "--session", "crows", "Call. [[shell: echo caw]] [[shell: sleep 600]]"]);
  const [id = "", thread = ""] = started.stdout.split("\n");
  await heard(id, "caw");
  await serving.saw("committed", 4);
  await serving.kill();
  await heard(id, "caw");
  const status = new RegExp(`^serving    nobody; [\\s\\S]*^running    ${id} `, "m");
  expect((await run(["status"])).stdout).toMatch(status);
  expect((await run(["show", id])).stdout).toContain("Call.");
  expect(await session("crows")).toMatchObject({ state: "RUNNING", thread });
  expect((await run(["wait", "--timeout", "1", id], 75)).stderr).toContain("nobody serves");
  await run(["archive", "crows"], 4);
  await run(["stop", id]);
  expect(workspace.agentPids()).toEqual([]);
  expect((await run(["log", "-f", id], 75)).stderr).toContain("nobody serves this workspace");
  expect((await run(["send", "crows", "Later."])).stderr).toMatch(/codex-inbox serve\n$/);
  await run(["archive", "owls"]);
  expect(await session("owls")).toMatchObject({ state: "ARCHIVED", tasks: { failed: 1, succeeded: 1 } });
  expect((await listed(workspace)).map((task) => task.id)).toEqual([id]);
  return id;
}

describe("a conversation by commands alone, with the real codex", () => {
  it("is held, watched, stopped and put away; one that died is tried again; the files answer alone", async () => {
    const conversation = await begin();
    const birds = await converse(conversation);
    const owls = await dieAndRetry(conversation);
    const crow = await goOnAlone(conversation);
    const all = (await listed(conversation.workspace, "-a")).map(({ id }) => id);
    expect(all).toEqual([crow, ...owls, ...birds]);
  }, 90_000);
});

describe("submitting by commands", () => {
  it("edits a queued task with and without a coordinator, by flags and in an editor, wherever -C stands", async () => {
    const workspace = await tempWorkspace();
    const later = ["--not-before", "+1d", "--priority", "3"];
    const id = (await workspace.command("add", ...later, "--session", "docs", "Old. [[final: ok]]")).stdout.trim();
    const edited = await workspace.command("edit", id.slice(-6), "--title", "In the inbox"); // Nobody has taken it yet.
    expect(edited).toMatchObject({ code: 0, stdout: `${id}\n`, stderr: expect.stringContaining("waits in inbox/") });

    const serving = workspace.serve();
    await serving.saw("accepted");
    expect(await listed(workspace)).toMatchObject([{ id, title: "In the inbox", priority: 3, status: "queued" }]);
    expect(await workspace.command("edit", id, "--priority", "1")).toMatchObject({ code: 0, stderr: "" });
    const refused = await workspace.command("edit", id, "--sandbox", "danger-full-access");
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining("policy set sandbox") });
    await serving.kill();

    const editor = join(tempDir(), "editor");
    writeFileSync(editor, "#!/bin/sh\nsed -i 's/^Old/New/; /^notBefore/d' \"$1\"\n");
    chmodSync(editor, 0o700);
    const environment = { PATH: process.env.PATH ?? "", HOME: workspace.home, EDITOR: editor };
    const byHand = await runCommand(tempDir(), ["edit", id, "-C", workspace.dir], environment);
    expect(byHand).toMatchObject({ code: 0, stdout: `${id}\n` });
    await workspace.serveUntilIdle();
    expect(workspace.results.task("New.")).toMatchObject({ id, title: "In the inbox", status: "succeeded" });
    expect(workspace.stateFiles("drop-receipts")).toEqual([]);
    const ended = await workspace.command("edit", id, "--priority", "0");
    expect(ended).toMatchObject({ code: 4, stderr: expect.stringContaining("only a queued task can be edited") });
  });
});

describe("an idempotency key", () => {
  it("makes one task of what is sent again after a kill -9", async () => {
    const workspace = await tempWorkspace();
    const body = JSON.stringify({ prompt: "Once. [[final: ok]]", sessionKey: "docs" });
    const headers = { ...JSON_TYPE, "idempotency-key": "8e03978e-40d5-43dd-bc93-6894a57f9324" };
    const first = workspace.serve();
    const accepted = await first.ask("/tasks", { method: "POST", headers, body });
    const { id } = (await accepted.json()) as { readonly id: string };
    await first.kill();
    const second = workspace.serve();
    const again = await second.ask("/tasks", { method: "POST", headers, body });
    expect([accepted.status, again.status, await again.json()]).toMatchObject([202, 200, { id }]);
    const other = await second.ask("/tasks", { method: "POST", headers, body: JSON.stringify({ prompt: "Other." }) });
    expect([other.status, await other.json()]).toMatchObject([422, { error: { code: "KEY_REUSED" } }]);
    await waitFor(async () => ((await listed(workspace))[0]?.committed === true ? true : undefined), {
      what: "the result",
    });
    expect(await listed(workspace)).toHaveLength(1);
    expect((await second.ask("/openapi.json")).status).toBe(200);
  });
});
