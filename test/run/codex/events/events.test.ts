import { describe, expect, it } from "vitest";
import { type CodexEvent, parseEventLine } from "../../../../src/run/codex/events/events.ts";

/** Lines as codex 0.169.0 writes them. */
describe("a line of codex's events", () => {
  it.each<{ line: string; event: CodexEvent }>([
    {
      line: '{"type":"thread.started","thread_id":"01a1f983-68c0-73f0-b052-b819acb45957"}',
      event: { type: "thread.started", thread_id: "01a1f983-68c0-73f0-b052-b819acb45957" },
    },
    { line: '{"type":"turn.started"}', event: { type: "turn.started" } },
    {
      line: '{"type":"turn.completed","usage":{"input_tokens":14,"cached_input_tokens":0,"cache_write_input_tokens":0,"output_tokens":4,"reasoning_output_tokens":1}}',
      event: {
        type: "turn.completed",
        usage: { inputTokens: 14, cachedInputTokens: 0, outputTokens: 4, reasoningOutputTokens: 1 },
      },
    },
    { line: '{"type":"turn.completed"}', event: { type: "turn.completed", usage: undefined } },
    { line: '{"type":"turn.failed","error":{"message":"no"}}', event: { type: "turn.failed", message: "no" } },
    {
      line: '{"type":"error","message":"Reconnecting... 1/5"}',
      event: { type: "error", message: "Reconnecting... 1/5" },
    },
    {
      line: '{"type":"item.completed","item":{"id":"item_0","type":"reasoning","text":"**Thinking**"}}',
      event: { type: "item.completed", item: { type: "reasoning", id: "item_0", text: "**Thinking**" } },
    },
    {
      line: '{"type":"item.started","item":{"id":"item_2","type":"command_execution","command":"/bin/bash -lc ls","aggregated_output":"","exit_code":null,"status":"in_progress"}}',
      event: {
        type: "item.started",
        item: {
          ...{ type: "command_execution", id: "item_2", command: "/bin/bash -lc ls" },
          ...{ aggregated_output: "", exit_code: null, status: "in_progress" },
        },
      },
    },
    {
      line: '{"type":"item.completed","item":{"id":"item_0","type":"file_change","changes":[{"path":"/w/a","kind":"add"},7],"status":"completed"}}',
      event: {
        type: "item.completed",
        item: { type: "file_change", id: "item_0", changes: [{ path: "/w/a", kind: "add" }], status: "completed" },
      },
    },
    {
      line: '{"type":"item.completed","item":{"id":"item_1","type":"mcp_tool_call","server":"calc","tool":"store","arguments":{},"result":null,"error":{"message":"no"},"status":"failed"}}',
      event: {
        type: "item.completed",
        item: {
          ...{ type: "mcp_tool_call", id: "item_1", server: "calc", tool: "store", arguments: {} },
          ...{ result: null, error: "no", status: "failed" },
        },
      },
    },
    {
      line: '{"type":"item.started","item":{"id":"item_0","type":"web_search","id":"ws_1","query":"how"}}',
      event: { type: "item.started", item: { type: "web_search", id: "ws_1", query: "how" } },
    },
    {
      line: '{"type":"item.updated","item":{"id":"item_0","type":"todo_list","items":[{"text":"one","completed":true}]}}',
      event: {
        type: "item.updated",
        item: { type: "todo_list", id: "item_0", items: [{ text: "one", completed: true }] },
      },
    },
    {
      line: '{"type":"item.completed","item":{"id":"item_0","type":"image_view","path":"/a.png"}}',
      event: {
        type: "item.completed",
        item: {
          ...{ type: "unknown", id: "item_0", name: "image_view", status: "" },
          raw: { id: "item_0", type: "image_view", path: "/a.png" },
        },
      },
    },
  ])("$line", ({ line, event }) => expect(parseEventLine(line)).toEqual(event));

  it.each(["", "not JSON", "[]", "null", '"text"', "{", "12"])("that is no event is kept: %j", (line) => {
    expect(parseEventLine(line)).toEqual({ type: "unknown", raw: line });
  });

  it.each([
    { type: "thread.compacted", saved: 1 },
    { type: "thread.started" },
    { type: 7 },
    { type: "item.completed", item: "text" },
    { type: "__proto__" },
  ])("of an unknown type, or without what it needs, is kept: %j", (raw) => {
    expect(parseEventLine(JSON.stringify(raw))).toEqual({ type: "unknown", raw });
  });

  it("that was too long to keep has nothing in it", () => {
    expect(parseEventLine(undefined)).toEqual({ type: "unknown", raw: undefined });
  });

  it("never fails on an item that lacks its fields", () => {
    const types = [
      "agent_message",
      "reasoning",
      "command_execution",
      "file_change",
      "mcp_tool_call",
      "todo_list",
      3,
      null,
    ];
    for (const type of types) {
      const event = parseEventLine(JSON.stringify({ type: "item.completed", item: { type, id: "item_0" } }));
      expect(event).toMatchObject({ type: "item.completed", item: { type: "unknown", id: "item_0" } });
    }
  });
});
