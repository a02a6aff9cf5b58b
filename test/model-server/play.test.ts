import { get } from "node:http";
import { zstdCompressSync } from "node:zlib";
import { expect, it, onTestFinished } from "vitest";
import { type ModelServer, startModelServer } from "../../demo/model-server/model-server.ts";
import { waitFor } from "../support/wait-for.ts";

async function server(): Promise<ModelServer> {
  const started = await startModelServer();
  onTestFinished(() => started.close());
  return started;
}

async function post(to: ModelServer, body: unknown): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${to.baseUrl}/responses`, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}

function user(text: string) {
  return { type: "message", role: "user", content: [{ type: "input_text", text }] };
}

/** The items that a reply completed. */
function itemsOf(text: string): readonly unknown[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => JSON.parse(line.slice("data: ".length)))
    .filter(({ type }) => type === "response.output_item.done")
    .map(({ item }) => item);
}

const WRITE_COMMAND = `mkdir -p -- "$(dirname -- 'a/b')" && printf '%s\\n' 'it'\\''s' 'x' > 'a/b'`;
const PATCH = "*** Begin Patch\n*** Add File: a/b\n+it's\n+x\n*** End Patch\n";

it.each<{ name: string; tools: readonly unknown[]; shell: object; write: object }>([
  {
    name: "exec_command and apply_patch",
    tools: [
      { type: "custom", name: "apply_patch" },
      { type: "function", name: "exec_command" },
    ],
    shell: {
      type: "function_call",
      name: "exec_command",
      arguments: '{"cmd":"ls","login":false,"yield_time_ms":30000}',
    },
    write: { type: "custom_tool_call", name: "apply_patch", input: PATCH },
  },
  {
    name: "shell",
    tools: [{ type: "function", name: "shell" }],
    shell: { type: "function_call", name: "shell", arguments: '{"command":["bash","-c","ls"]}' },
    write: { type: "function_call", arguments: JSON.stringify({ command: ["bash", "-c", WRITE_COMMAND] }) },
  },
  {
    name: "shell_command",
    tools: [{ type: "function", name: "shell_command" }],
    shell: { type: "function_call", name: "shell_command", arguments: '{"command":"ls","login":false}' },
    write: { type: "function_call", arguments: JSON.stringify({ command: WRITE_COMMAND, login: false }) },
  },
  {
    name: "local_shell",
    tools: [{ type: "local_shell" }],
    shell: { type: "local_shell_call", action: { type: "exec", command: ["bash", "-c", "ls"] } },
    write: { type: "local_shell_call", action: { type: "exec", command: ["bash", "-c", WRITE_COMMAND] } },
  },
])("calls the tools of a request that offers $name", async ({ tools, shell, write }) => {
  const to = await server();
  const first = await post(to, { tools, input: [user("[[shell: ls]]")] });
  const second = await post(to, { tools, input: [user("[[write a/b: it's\nx]]")] });
  expect(itemsOf(first.text)).toMatchObject([shell]);
  expect(itemsOf(second.text)).toMatchObject([write]);
});

it("refuses a call that no tool of the request can make", async () => {
  const reply = await post(await server(), { tools: [], input: [user("[[shell: ls]]")] });
  expect(reply).toMatchObject({ status: 400, text: expect.stringContaining("offers no tool") });
});

it("goes on after as many calls as the conversation shows answered", async () => {
  const to = await server();
  const tools = [{ type: "function", name: "shell" }];
  const done = { type: "function_call_output", call_id: "x", output: "" };
  const script = user("[[shell: one]] [[say: between]] [[shell: two]] [[final: end]]");
  const replies = await Promise.all([
    post(to, { tools, input: [script, done, done] }),
    post(to, { tools, input: [script, done] }),
    post(to, { tools, input: [user("[[shell: old]]"), done, script] }),
  ]);
  expect(replies.map(({ text }) => itemsOf(text))).toMatchObject([
    [{ type: "message", content: [{ text: "end" }] }],
    [{ content: [{ text: "between" }] }, { arguments: expect.stringContaining("two") }],
    [{ arguments: expect.stringContaining("one") }],
  ]);
});

it("counts the occasions of a limited fault by thread", async () => {
  const to = await server();
  const ask = async (thread: string) =>
    (await post(to, { prompt_cache_key: thread, input: [user("hi [[http 500 x2]]")] })).status;
  expect([await ask("a"), await ask("b"), await ask("a"), await ask("a"), await ask("b"), await ask("b")]).toEqual([
    500, 500, 500, 200, 500, 200,
  ]);
});

it("answers an unreadable body and an unknown address with an error, and does not record them", async () => {
  const to = await server();
  const unreadable = await fetch(`${to.baseUrl}/responses`, { method: "POST", body: "{" });
  const unknown = await fetch(`${to.baseUrl}/models`);
  expect([unreadable.status, unknown.status, to.requests.length]).toEqual([400, 404, 0]);
});

it("closes while a request hangs", async () => {
  const to = await startModelServer();
  const hanging = post(to, { input: [user("[[hang]]")] });
  hanging.catch(() => undefined); // It fails when the server closes; looked at below.
  await waitFor(() => to.requests.length === 1, { what: "the request" });
  await to.close();
  await expect(hanging).rejects.toThrow();
});

it("speaks with codex's own provider: no WebSocket, and bodies that are compressed", async () => {
  const { baseUrl, requests } = await server();
  const status = await new Promise((resolve, reject) => {
    const headers = { connection: "upgrade", upgrade: "websocket" };
    get(`${baseUrl}/responses`, { headers }, (response) => resolve(response.resume().statusCode)).on("error", reject);
  });
  expect(status).toBe(426);
  const body = zstdCompressSync(JSON.stringify({ model: "m", input: [user("hello")] }));
  await fetch(`${baseUrl}/responses`, { method: "POST", headers: { "content-encoding": "zstd" }, body });
  expect(requests.map(({ userTexts }) => userTexts)).toEqual([["hello"]]);
});
