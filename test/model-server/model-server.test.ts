import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { realCodex } from "../support/real-codex.ts";
import { waitFor } from "../support/wait-for.ts";

function workingDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "model-server-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

it("answers a message without directives by its first line", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const result = await codex.exec("hello there\nmore", { workingDir: workingDirectory(), args: ["--strict-config"] });
  expect(result).toMatchObject({ exitCode: 0, lastMessage: "ok: hello there" });
  expect(codex.requests).toHaveLength(1);
  expect(codex.requests[0]).toMatchObject({ threadId: result.threadId, userTexts: ["hello there\nmore"] });
});

it("shows a resumed turn the texts of the turns before it", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workingDir = workingDirectory();
  const first = await codex.exec("first ALPHA", { workingDir });
  const second = await codex.exec("second BETA [[transcript]]", { workingDir, resume: first.threadId ?? "" });
  expect(second.lastMessage).toBe("1. first ALPHA\n2. second BETA [[transcript]]");
  expect(second.threadId).toBe(first.threadId);
  expect(codex.requests.map(({ userTexts }) => userTexts.length)).toEqual([1, 2]);
});

it("leaves out the messages that codex adds in the user's name", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workingDir = workingDirectory();
  writeFileSync(join(workingDir, "AGENTS.md"), "Be kind.\n");
  await codex.exec("hello", { workingDir });
  expect(codex.requests[0]?.userTexts).toEqual(["hello"]);
});

it("writes a file under workspace-write", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workingDir = workingDirectory();
  const result = await codex.exec("write it\n[[write notes/a.txt: one\n  two 'three']]\n[[final: written]]", {
    workingDir,
  });
  expect(result).toMatchObject({ exitCode: 0, lastMessage: "written" });
  expect(readFileSync(join(workingDir, "notes/a.txt"), "utf8")).toBe("one\n  two 'three'\n");
  expect(codex.requests).toHaveLength(2);
});

it("runs commands and says things, each in its order", async () => {
  const codex = await realCodex({ shellSnapshot: false });
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

it.each([{ model: "gpt-6.1-sol" }, { model: "unheard-of" }])(
  "plays commands and edits with $model too",
  async ({ model }) => {
    const codex = await realCodex({ model, shellSnapshot: false });
    const workingDir = workingDirectory();
    const result = await codex.exec("[[write a.txt: one]] [[shell: cat a.txt > b.txt]] [[final: done]]", {
      workingDir,
    });
    expect(result).toMatchObject({ exitCode: 0, lastMessage: "done" });
    expect(readFileSync(join(workingDir, "b.txt"), "utf8")).toBe("one\n");
  },
);

it("cannot write under read-only, and still ends its turn", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workingDir = workingDirectory();
  const prompt = "[[write a.txt: one]] [[shell: touch b.txt]] [[final: done]]";
  const result = await codex.exec(prompt, { workingDir, sandbox: "read-only" });
  expect(result).toMatchObject({ exitCode: 0, lastMessage: "done" });
  expect(readdirSync(workingDir)).toEqual([]);
});

it.each([
  {
    name: "a used-up limit",
    prompt: "[[http 429 type=usage_limit_reached resets-in=3600]]",
    message: /^You.ve hit your usage limit/,
  },
  { name: "a bad key", prompt: "[[http 401]]", message: /^unexpected status 401 Unauthorized: scripted status 401/ },
  {
    name: "a full context window",
    prompt: "[[http 400 code=context_length_exceeded]]",
    message: /^Codex ran out of room/,
  },
  {
    name: "a failed response",
    prompt: '[[say: so far]] [[response.failed invalid_prompt message="not this"]]',
    message: /^not this$/,
  },
  {
    name: "an answer that was cut short",
    prompt: "[[say: so far]] [[response.incomplete max_output_tokens]]",
    message: /^Incomplete response returned, reason: max_output_tokens$/,
  },
  { name: "a body that is no JSON", prompt: '[[http 400 body="no such luck"]]', message: /^no such luck$/ },
  { name: "a cut connection", prompt: "[[disconnect]]", message: /^stream disconnected before completion/ },
  { name: "a misspelt directive", prompt: "[[finale: x]]", message: /no directive .*finale/ },
  { name: "an error after words", prompt: "[[say: x]] [[http 500]]", message: /must stand before/ },
])("fails the turn by $name, in one request", async ({ prompt, message }) => {
  const codex = await realCodex({ shellSnapshot: false });
  const result = await codex.exec(prompt, { workingDir: workingDirectory() });
  expect(result.exitCode).toBe(1);
  expect(result.events.at(-1)).toMatchObject({
    type: "turn.failed",
    error: { message: expect.stringMatching(message) },
  });
  expect(codex.requests).toHaveLength(1);
});

it("recovers from a fault that is limited, if codex may try again", async () => {
  const codex = await realCodex({ retriesMax: 2, shellSnapshot: false });
  const result = await codex.exec("go on [[disconnect x1]] [[http 503 x1]]", { workingDir: workingDirectory() });
  expect(result).toMatchObject({ exitCode: 0, lastMessage: "ok: go on" });
  expect(codex.requests).toHaveLength(3);
});

it("remembers a limited fault over the turns of a thread", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workingDir = workingDirectory();
  const first = await codex.exec("work [[http 500 x1]]", { workingDir });
  const second = await codex.exec("work [[http 500 x1]]", { workingDir, resume: first.threadId ?? "" });
  expect([first.exitCode, second.exitCode]).toEqual([1, 0]);
});

it("takes the time it is told to", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const startedAtMs = performance.now();
  const result = await codex.exec("slowly [[sleep 400]] [[stream 4 50]]", { workingDir: workingDirectory() });
  expect(result).toMatchObject({ exitCode: 0, lastMessage: "1 2 3 4" });
  expect(performance.now() - startedAtMs).toBeGreaterThan(600);
});

it("hangs until codex is interrupted, and the thread goes on afterwards", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workingDir = workingDirectory();
  const abort = new AbortController();
  const hanging = codex.exec("wait [[hang x1]]", { workingDir, signal: abort.signal });
  const request = await waitFor(() => codex.requests[0], { what: "the request" });
  abort.abort();
  expect((await hanging).exitCode).toBe(1);
  const result = await codex.exec("again [[transcript]]", { workingDir, resume: request.threadId });
  expect(result).toMatchObject({ exitCode: 0, threadId: request.threadId });
});

it("serves four runs at once without mixing them", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const names = ["a", "b", "c", "d"];
  const results = await Promise.all(
    names.map(async (name) => {
      const workingDir = workingDirectory();
      const prompt = `[[write 1: ${name}]] [[shell: cat 1 > 2]] [[sleep 50]] [[shell: cat 2 > 3]] [[final: I am ${name}]]`;
      const { lastMessage, events } = await codex.exec(prompt, { workingDir });
      return { lastMessage, end: events.at(-1)?.type, written: readFileSync(join(workingDir, "3"), "utf8") };
    }),
  );
  expect(results).toEqual(
    names.map((name) => ({ lastMessage: `I am ${name}`, end: "turn.completed", written: `${name}\n` })),
  );
  expect(codex.requests).toHaveLength(16);
});
