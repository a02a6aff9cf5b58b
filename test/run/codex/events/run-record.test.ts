import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TranscriptBody } from "../../../../src/task/session/transcript-entry.ts";
import { type EndedRun, endedRun, recordOf } from "../../../support/ended-run.ts";
import { realCodex } from "../../../support/real-codex.ts";
import { testRunner } from "../../../support/test-runner.ts";

const THREAD = "01a1f983-68c0-73f0-b052-b819acb45957";
const STARTED = [{ type: "thread.started", thread_id: THREAD }, { type: "turn.started" }];
const COMPLETED = { type: "turn.completed", usage: { input_tokens: 1, output_tokens: 1 } };
function item(phase: "started" | "updated" | "completed", fields: Readonly<Record<string, unknown>>): object {
  return { type: `item.${phase}`, item: { id: "item_0", ...fields } };
}
function command(output: string, exitCode: number | null): Readonly<Record<string, unknown>> {
  const status = exitCode === null ? "in_progress" : "completed";
  return { type: "command_execution", command: "ls", aggregated_output: output, exit_code: exitCode, status };
}
async function bodies(run: Partial<EndedRun>): Promise<readonly (readonly [number, TranscriptBody])[]> {
  const record = await recordOf(endedRun({ events: [], exitCode: 0, ...run }), run.workdir);
  return record.said().map(({ line, body }) => [line, body]);
}

describe("the record of a run", () => {
  it("has a command once, with its end", async () => {
    const events = [...STARTED, item("started", command("", null)), item("completed", command("a\nb\n", 0)), COMPLETED];
    const body = { kind: "command", command: "ls", exitCode: 0, status: "completed", output: "a\nb\n", outputBytes: 4 };
    expect(await bodies({ events })).toEqual([[4, body]]);
  });

  it("has a command that never ended where it began", async () => {
    const say = { type: "item.completed", item: { id: "item_1", type: "agent_message", text: "done" } };
    const events = [
      ...STARTED,
      item("started", command("", null)),
      item("updated", command("so far", null)),
      say,
      COMPLETED,
    ];
    const body = {
      kind: "command",
      command: "ls",
      exitCode: null,
      status: "unfinished",
      output: "so far",
      outputBytes: 6,
    };
    expect(await bodies({ events })).toEqual([
      [3, body],
      [5, { kind: "assistant", text: "done" }],
    ]);
  });

  it("shows head and tail of a long output, in whole characters", async () => {
    const output = `first\n${"ü".repeat(600_000)}\nlast`;
    const [[, body] = []] = await bodies({ events: [...STARTED, item("completed", command(output, 0))] });
    if (body?.kind !== "command") throw new Error("no command");
    expect(body.outputBytes).toBe(Buffer.byteLength(output));
    expect(body.output).toMatch(/^first\nü+\n\[… \d+ bytes left out …\]\nü+\nlast$/);
    expect(Buffer.byteLength(body.output)).toBeLessThan(4_200);
  });

  it("shows changed files as seen from the working directory", async () => {
    const changes = ["/code/src/a.ts", "/elsewhere/b", "/code-2/c", "/code/..d"].map((path) => ({ path, kind: "add" }));
    const events = [...STARTED, item("started", { type: "file_change", changes, status: "in_progress" })];
    events.push(item("completed", { type: "file_change", changes, status: "completed" }));
    const paths = ["src/a.ts", "/elsewhere/b", "/code-2/c", "..d"];
    const body = { kind: "files", status: "completed", changes: paths.map((path) => ({ path, change: "add" })) };
    expect(await bodies({ events, workdir: "/code" })).toEqual([[4, body]]);
  });

  it("says a notice once, however often codex tries again", async () => {
    const notice = (message: string): object => ({ type: "error", message });
    const events = [
      ...STARTED,
      notice("Reconnecting... 1/5 (high demand)"),
      notice("Reconnecting... 2/5 (high demand)"),
      notice("Reconnecting... waiting for network (refused)"),
      notice("broken"),
      notice("broken"),
      item("completed", { type: "agent_message", text: "a" }),
      notice("broken"),
      item("completed", { type: "error", message: "a warning" }),
    ];
    expect(await bodies({ events })).toEqual([
      [3, { kind: "error", message: "Reconnecting... 1/5 (high demand)" }],
      [5, { kind: "error", message: "Reconnecting... waiting for network (refused)" }],
      [6, { kind: "error", message: "broken" }],
      [8, { kind: "assistant", text: "a" }],
      [9, { kind: "error", message: "broken" }],
      [10, { kind: "error", message: "a warning" }],
    ]);
  });

  it("names tools, with what they were asked and what they gave", async () => {
    const call = {
      type: "mcp_tool_call",
      server: "calc",
      tool: "add",
      arguments: { a: 1 },
      error: null,
      status: "completed",
    };
    const result = { content: [{ type: "text", text: "3" }], structured_content: { sum: 3 } };
    const events = [
      item("completed", { ...call, result }),
      item("completed", { ...call, result: null, error: { message: "refused" }, status: "failed" }),
      item("completed", { type: "web_search", query: "how to" }),
      item("completed", {
        type: "todo_list",
        items: [
          { text: "one", completed: true },
          { text: "two", completed: false },
        ],
      }),
      item("completed", { type: "image_view", path: "/a.png", status: "completed" }),
      { type: "thread.compacted", saved: 1 },
      "no event\n",
    ];
    expect(await bodies({ events })).toEqual([
      [1, { kind: "tool", name: "calc/add", status: "completed", detail: 'arguments: {"a":1}\nresult: 3' }],
      [2, { kind: "tool", name: "calc/add", status: "failed", detail: 'arguments: {"a":1}\nerror: refused' }],
      [3, { kind: "tool", name: "web_search", status: "completed", detail: "how to" }],
      [4, { kind: "tool", name: "todo_list", status: "completed", detail: "[x] one\n[ ] two" }],
      [5, { kind: "tool", name: "image_view", status: "completed", detail: '{"path":"/a.png"}' }],
    ]);
  });

  it("bounds what a message brings", async () => {
    const events = [item("completed", { type: "agent_message", text: "日".repeat(500_000) })];
    for (const body of await bodies({ events })) expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThan(66_000);
  });

  it("is the same however often it is made", async () => {
    const events = [...STARTED, item("started", command("", null)), "torn".repeat(3)];
    expect(await bodies({ events })).toEqual(await bodies({ events }));
  });

  it("keeps the first and the last of too many entries, and says what was left out", async () => {
    const count = 100_000;
    const events = Array.from({ length: count }, (_, index) => ({
      type: "item.completed",
      item: { id: `item_${index}`, type: "agent_message", text: `${index}` },
    }));
    const said = await bodies({ events: [...STARTED, ...events, COMPLETED] });
    expect(said).toHaveLength(2_001);
    expect(said[0]).toEqual([3, { kind: "assistant", text: "0" }]);
    expect(said.at(-1)).toEqual([count + 2, { kind: "assistant", text: `${count - 1}` }]);
    expect(said[500]?.[1]).toMatchObject({
      message: expect.stringMatching(/^\[… 98000 entries \(\d+ bytes\) left out …\]$/),
    });
    expect(said.map(([line]) => line)).toEqual(said.map(([line]) => line).toSorted((one, other) => one - other));
  });

  it("keeps no more bytes than fit into one record of the journal", async () => {
    const text = "x".repeat(60_000);
    const events = Array.from({ length: 300 }, () => item("completed", { type: "agent_message", text }));
    expect(JSON.stringify(await bodies({ events })).length).toBeLessThan(4.5 * 1024 * 1024);
  });

  it("remembers so many items that never end, and no more", async () => {
    const events = Array.from({ length: 5_000 }, (_, index) => ({
      type: "item.started",
      item: { id: `item_${index}`, ...command("", null) },
    }));
    const record = await recordOf(endedRun({ events, exitCode: 137 }));
    expect(record.summary().commandCount).toBe(5_000);
    expect(record.said().length).toBeLessThan(3_100);
  });

  it.each([
    { name: "an event", line: `{"type":"item.completed","item":{"id":"i","type":"new","x":NESTED}}` },
    {
      name: "the arguments of a tool",
      line: `{"type":"item.completed","item":{"id":"i","type":"mcp_tool_call","server":"s","tool":"t","arguments":NESTED}}`,
    },
    { name: "no item at all", line: `{"type":"item.completed","item":NESTED}` },
  ])("is not upset by 20,000 nested arrays in $name", async ({ line }) => {
    const nested = "[".repeat(20_000) + "]".repeat(20_000);
    const record = await recordOf(
      endedRun({ events: [`${line.replace("NESTED", nested)}\n`, COMPLETED], exitCode: 0 }),
    );
    expect(record.summary().turnEnd).toEqual({ kind: "completed" });
    expect(JSON.stringify(record.said()).length).toBeLessThan(10_000);
  });

  it("tells what its patches wrote from what they could not", async () => {
    const change = (path: string, status: string): object => ({
      type: "item.completed",
      item: { id: path, type: "file_change", changes: [{ path, kind: "update" }], status },
    });
    const events = [change("/w/a", "completed"), change("/w/b", "failed"), change("/w/a", "declined")];
    const { patches } = await recordOf(endedRun({ events, exitCode: 0 }));
    expect([...patches]).toEqual([
      ["/w/a", "written"],
      ["/w/b", "refused"],
    ]);
  });
});

describe("the record of a run of the real codex", () => {
  it("has all that the agent said and did, in order", async () => {
    const codex = await realCodex({ shellSnapshot: false });
    const { runner, request, run, workdir } = testRunner({
      codexPath: codex.codexPath,
      environment: codex.environment,
    });
    execFileSync("git", ["init", "-q", workdir]);
    const prompt =
      "Go. [[say: I begin]] [[shell: sleep 0.4; echo out; exit 3]] [[write sub/made.txt: x]] [[final: Done.]]";
    const runDir = await run(request(prompt));
    const { said, patches } = await runner.outcome(runDir);
    expect(said.map(({ body }) => body)).toEqual([
      { kind: "assistant", text: "I begin" },
      {
        ...{ kind: "command", command: expect.stringContaining("echo out"), exitCode: 3, status: "failed" },
        ...{ output: "out\n", outputBytes: 4 },
      },
      { kind: "files", status: "completed", changes: [{ path: "sub/made.txt", change: "add" }] },
      { kind: "assistant", text: "Done." },
    ]);
    expect([...patches]).toEqual([[join(workdir, "sub/made.txt"), "written"]]);
  });
});
