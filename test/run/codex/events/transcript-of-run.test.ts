import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { entriesOfRun } from "../../../../src/run/codex/events/transcript-of-run.ts";
import type { TranscriptBody } from "../../../../src/task/session/transcript-entry.ts";
import { type EndedRun, endedRun } from "../../../support/ended-run.ts";
import { realCodex } from "../../../support/real-codex.ts";
import { TASK_ID, testRunner } from "../../../support/test-runner.ts";

const THREAD = "01a1f983-68c0-73f0-b052-b819acb45957";
const STARTED = [{ type: "thread.started", thread_id: THREAD }, { type: "turn.started" }];
const COMPLETED = { type: "turn.completed", usage: { input_tokens: 1, output_tokens: 1 } };
const CONTEXT = {
  task: TASK_ID,
  run: 3,
  attempt: 2,
  prompt: "Do it.",
  startedAtMs: 900,
  seenAt: new Map<number, number>(),
};

function item(phase: "started" | "updated" | "completed", fields: Readonly<Record<string, unknown>>): object {
  return { type: `item.${phase}`, item: { id: "item_0", ...fields } };
}
function command(output: string, exitCode: number | null): Readonly<Record<string, unknown>> {
  const status = exitCode === null ? "in_progress" : "completed";
  return { type: "command_execution", command: "ls", aggregated_output: output, exit_code: exitCode, status };
}
function bodies(run: Partial<EndedRun>): readonly (readonly [number, TranscriptBody])[] {
  const entries = entriesOfRun(endedRun({ events: [], exitCode: 0, ...run }), CONTEXT);
  return entries.slice(1, -1).map(({ line, body }) => [line, body]);
}

describe("the transcript of a run", () => {
  it("has the prompt, what codex said by its lines, and the end", () => {
    const seenAt = new Map([[3, 2_000]]);
    const say = (text: string): object => item("completed", { type: "agent_message", text });
    const runDir = endedRun({ events: [...STARTED, say("one"), say("two"), COMPLETED], exitCode: 0, endedAtMs: 3_000 });
    const common = { v: 1, task: TASK_ID, run: 3, attempt: 2, thread: THREAD };
    const at = (timeMs: number): string => new Date(timeMs).toISOString();
    expect(entriesOfRun(runDir, { ...CONTEXT, seenAt })).toEqual([
      { ...common, line: 0, time: at(900), body: { kind: "user", text: "Do it." } },
      { ...common, line: 3, time: at(2_000), body: { kind: "assistant", text: "one" } },
      { ...common, line: 4, time: at(3_000), body: { kind: "assistant", text: "two" } },
      { ...common, line: 6, time: at(3_000), body: { kind: "end", outcome: "succeeded", reason: null } },
    ]);
  });

  it("has no time later than the file's last change, even if we looked later", () => {
    const events = [...STARTED, item("completed", { type: "agent_message", text: "a" })];
    const runDir = endedRun({ events, exitCode: 0, endedAtMs: 3_000 });
    const entries = entriesOfRun(runDir, { ...CONTEXT, seenAt: new Map([[3, 99_000]]) });
    expect(entries[1]?.time).toBe(new Date(3_000).toISOString());
  });

  it("says why a run failed, and has no thread when none was opened", () => {
    const entries = entriesOfRun(endedRun({ events: [], exitCode: 1, stderr: "Error: no\n" }), CONTEXT);
    expect(entries.map(({ line, thread, body }) => ({ line, thread, body }))).toEqual([
      { line: 0, thread: null, body: { kind: "user", text: "Do it." } },
      {
        line: 1,
        thread: null,
        body: { kind: "end", outcome: "failed", reason: "failed for an unknown reason: Error: no" },
      },
    ]);
  });

  it("judges the end by the thread that was asked for", () => {
    const runDir = endedRun({
      events: [...STARTED, COMPLETED],
      exitCode: 0,
      resumeThread: "01a1f984-1111-7222-8333-444455556666",
    });
    expect(entriesOfRun(runDir, CONTEXT).at(-1)?.body).toMatchObject({ kind: "end", outcome: "failed" });
  });

  it("has a command once, with its end", () => {
    const events = [...STARTED, item("started", command("", null)), item("completed", command("a\nb\n", 0)), COMPLETED];
    const body = { kind: "command", command: "ls", exitCode: 0, status: "completed", output: "a\nb\n", outputBytes: 4 };
    expect(bodies({ events })).toEqual([[4, body]]);
  });

  it("has a command that never ended where it began", () => {
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
    expect(bodies({ events })).toEqual([
      [3, body],
      [5, { kind: "assistant", text: "done" }],
    ]);
  });

  it("shows head and tail of a long output, in whole characters", () => {
    const output = `first\n${"ü".repeat(600_000)}\nlast`;
    const [[, body] = []] = bodies({ events: [...STARTED, item("completed", command(output, 0))] });
    if (body?.kind !== "command") throw new Error("no command");
    expect(body.outputBytes).toBe(Buffer.byteLength(output));
    expect(body.output).toMatch(/^first\nü+\n\[… \d+ bytes left out …\]\nü+\nlast$/);
    expect(Buffer.byteLength(body.output)).toBeLessThan(4_200);
  });

  it("shows changed files as seen from the working directory", () => {
    const changes = ["/code/src/a.ts", "/elsewhere/b", "/code-2/c", "/code/..d"].map((path) => ({ path, kind: "add" }));
    const events = [...STARTED, item("started", { type: "file_change", changes, status: "in_progress" })];
    events.push(item("completed", { type: "file_change", changes, status: "completed" }));
    const paths = ["src/a.ts", "/elsewhere/b", "/code-2/c", "..d"];
    const body = { kind: "files", status: "completed", changes: paths.map((path) => ({ path, change: "add" })) };
    expect(bodies({ events, workdir: "/code" })).toEqual([[4, body]]);
  });

  it("says a notice once, however often codex tries again", () => {
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
    expect(bodies({ events })).toEqual([
      [3, { kind: "error", message: "Reconnecting... 1/5 (high demand)" }],
      [5, { kind: "error", message: "Reconnecting... waiting for network (refused)" }],
      [6, { kind: "error", message: "broken" }],
      [8, { kind: "assistant", text: "a" }],
      [9, { kind: "error", message: "broken" }],
      [10, { kind: "error", message: "a warning" }],
    ]);
  });

  it("names tools, with what they were asked and what they gave", () => {
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
    expect(bodies({ events })).toEqual([
      [1, { kind: "tool", name: "calc/add", status: "completed", detail: 'arguments: {"a":1}\nresult: 3' }],
      [2, { kind: "tool", name: "calc/add", status: "failed", detail: 'arguments: {"a":1}\nerror: refused' }],
      [3, { kind: "tool", name: "web_search", status: "completed", detail: "how to" }],
      [4, { kind: "tool", name: "todo_list", status: "completed", detail: "[x] one\n[ ] two" }],
      [5, { kind: "tool", name: "image_view", status: "completed", detail: '{"path":"/a.png"}' }],
    ]);
  });

  it("bounds what a prompt and a message bring", () => {
    const runDir = endedRun({
      events: [item("completed", { type: "agent_message", text: "x".repeat(1_000_000) })],
      exitCode: 0,
    });
    const entries = entriesOfRun(runDir, { ...CONTEXT, prompt: "日".repeat(500_000) });
    for (const entry of entries) expect(Buffer.byteLength(JSON.stringify(entry))).toBeLessThan(66_000);
  });

  it("is the same however often it is made", () => {
    const events = [...STARTED, item("started", command("", null)), "torn".repeat(3)];
    const runDir = endedRun({ events, exitCode: 137 });
    expect(entriesOfRun(runDir, CONTEXT)).toEqual(entriesOfRun(runDir, CONTEXT));
    expect(new Set(entriesOfRun(runDir, CONTEXT).map(({ line }) => line)).size).toBe(3);
  });
});

describe("the transcript of a run of the real codex", () => {
  it("has all that the agent said and did, in order", async () => {
    const codex = await realCodex();
    const { runner, request, run, workdir } = testRunner({
      codexPath: codex.codexPath,
      environment: codex.environment,
    });
    execFileSync("git", ["init", "-q", workdir]);
    const prompt =
      "Go. [[say: I begin]] [[shell: sleep 0.4; echo out; exit 3]] [[write sub/made.txt: x]] [[final: Done.]]";
    const runDir = await run(request(prompt));
    const entries = runner.entries(runDir, { ...CONTEXT, prompt });
    expect(entries.map(({ body }) => body)).toEqual([
      { kind: "user", text: prompt },
      { kind: "assistant", text: "I begin" },
      {
        ...{ kind: "command", command: expect.stringContaining("echo out"), exitCode: 3, status: "failed" },
        ...{ output: "out\n", outputBytes: 4 },
      },
      { kind: "files", status: "completed", changes: [{ path: "sub/made.txt", change: "add" }] },
      { kind: "assistant", text: "Done." },
      { kind: "end", outcome: "succeeded", reason: null },
    ]);
    expect(new Set(entries.map(({ thread }) => thread)).size).toBe(1);
  });
});
