import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { realCodex } from "../support/real-codex.ts";

/** Not below TMPDIR, where the sandbox lets codex write anyway. */
function workingDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "model-server-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

it("answers a message without directives by its first line", async () => {
  const codex = await realCodex();
  const result = await codex.exec("hello there\nmore", { workingDir: workingDirectory() });
  expect(result).toMatchObject({ exitCode: 0, lastMessage: "ok: hello there" });
  expect(codex.requests).toHaveLength(1);
  expect(codex.requests[0]).toMatchObject({ threadId: result.threadId, userTexts: ["hello there\nmore"] });
});

it("shows a resumed turn the texts of the turns before it", async () => {
  const codex = await realCodex();
  const workingDir = workingDirectory();
  const first = await codex.exec("first ALPHA", { workingDir });
  const second = await codex.exec("second BETA [[transcript]]", { workingDir, resume: first.threadId ?? "" });
  expect(second.lastMessage).toBe("1. first ALPHA\n2. second BETA [[transcript]]");
  expect(second.threadId).toBe(first.threadId);
  expect(codex.requests.map(({ userTexts }) => userTexts.length)).toEqual([1, 2]);
});

it("leaves out the messages that codex adds in the user's name", async () => {
  const codex = await realCodex();
  const workingDir = workingDirectory();
  writeFileSync(join(workingDir, "AGENTS.md"), "Be kind.\n");
  await codex.exec("hello", { workingDir });
  expect(codex.requests[0]?.userTexts).toEqual(["hello"]);
});

it("writes a file under workspace-write", async () => {
  const codex = await realCodex();
  const workingDir = workingDirectory();
  const result = await codex.exec("write it\n[[write notes/a.txt: one\n  two 'three']]\n[[final: written]]", {
    workingDir,
  });
  expect(result).toMatchObject({ exitCode: 0, lastMessage: "written" });
  expect(readFileSync(join(workingDir, "notes/a.txt"), "utf8")).toBe("one\n  two 'three'\n");
  expect(codex.requests).toHaveLength(2);
});

it("runs commands and says things, each in its order", async () => {
  const codex = await realCodex();
  const workingDir = workingDirectory();
  const result = await codex.exec(
    "[[say: first]] [[shell: [[ -d . ]] && echo one > a]] [[say: second]] [[shell: cat a; sleep 0.4; exit 7]] [[final: done]]",
    { workingDir },
  );
  const items = result.events.filter(({ type }) => type === "item.completed").map(({ item }) => item);
  expect(items).toMatchObject([
    { type: "agent_message", text: "first" },
    { type: "command_execution", exit_code: 0 },
    { type: "agent_message", text: "second" },
    { type: "command_execution", exit_code: 7, aggregated_output: "one\n" },
    { type: "agent_message", text: "done" },
  ]);
  expect(codex.requests).toHaveLength(3);
  expect(result.events.at(-1)).toMatchObject({
    type: "turn.completed",
    usage: { input_tokens: 300, output_tokens: 30 },
  });
});
