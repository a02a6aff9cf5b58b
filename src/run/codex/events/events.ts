import { asNumber, asObject, asText, type JsonObject, parseObject } from "../../../base/json-shape.ts";
import type { Usage } from "../../../task/state/run.ts";

/**
 * One line of `codex exec --json`, with codex's own names for type and fields. What this version does not know, or what lacks
 * a field it needs, is `unknown`: kept, counted and passed on, never a failure.
 */
export type CodexEvent =
  | { readonly type: "thread.started"; readonly thread_id: string }
  | { readonly type: "turn.started" }
  /** `usage` is the running total of the thread, not of the turn. */
  | { readonly type: "turn.completed"; readonly usage: Usage | undefined }
  | { readonly type: "turn.failed"; readonly message: string }
  /** Mostly a notice that codex tries again; never a verdict. */
  | { readonly type: "error"; readonly message: string }
  | { readonly type: "item.started" | "item.updated" | "item.completed"; readonly item: CodexItem }
  | { readonly type: "unknown"; readonly raw: unknown };

/** `id` tells items of one run apart; codex writes a second, other id into web searches, and that one is seen here. */
export type CodexItem =
  | { readonly type: "agent_message" | "reasoning"; readonly id: string; readonly text: string }
  | {
      readonly type: "command_execution";
      readonly id: string;
      readonly command: string;
      readonly aggregated_output: string;
      readonly exit_code: number | null;
      readonly status: string;
    }
  | {
      readonly type: "file_change";
      readonly id: string;
      readonly changes: readonly FileChange[];
      readonly status: string;
    }
  | {
      readonly type: "mcp_tool_call";
      readonly id: string;
      readonly server: string;
      readonly tool: string;
      readonly arguments: unknown;
      readonly result: unknown;
      readonly error: string | undefined;
      readonly status: string;
    }
  | { readonly type: "web_search"; readonly id: string; readonly query: string }
  | { readonly type: "todo_list"; readonly id: string; readonly items: readonly TodoItem[] }
  | { readonly type: "error"; readonly id: string; readonly message: string }
  | {
      readonly type: "unknown";
      readonly id: string;
      readonly name: string;
      readonly status: string;
      readonly raw: JsonObject;
    };

export interface FileChange {
  /** Absolute, as codex reports it. Of a move only the old path is reported (codex 0.169.0). */
  readonly path: string;
  /** add, delete or update. */
  readonly kind: string;
}

export interface TodoItem {
  readonly text: string;
  readonly completed: boolean;
}

/** Reads one line of events.jsonl; `undefined` stands for a line that was too long to keep. */
export function parseEventLine(line: string | undefined): CodexEvent {
  const raw = line === undefined ? undefined : parseObject(line);
  if (raw === undefined) return { type: "unknown", raw: line };
  return parseEvent(raw) ?? { type: "unknown", raw };
}

function parseEvent(raw: JsonObject): CodexEvent | undefined {
  switch (raw.type) {
    case "thread.started": {
      const threadId = asText(raw.thread_id);
      return threadId === undefined ? undefined : { type: "thread.started", thread_id: threadId };
    }
    case "turn.started":
      return { type: "turn.started" };
    case "turn.completed":
      return { type: "turn.completed", usage: parseUsage(asObject(raw.usage)) };
    case "turn.failed":
      return { type: "turn.failed", message: asText(asObject(raw.error)?.message) ?? "" };
    case "error":
      return { type: "error", message: asText(raw.message) ?? "" };
    case "item.started":
    case "item.updated":
    case "item.completed": {
      const item = asObject(raw.item);
      return item === undefined ? undefined : { type: raw.type, item: parseItem(item) };
    }
    default:
      return undefined;
  }
}

/** Returns token counts as codex writes them; `undefined` where they are none. */
export function parseUsage(raw: JsonObject | undefined): Usage | undefined {
  const inputTokens = asNumber(raw?.input_tokens);
  const outputTokens = asNumber(raw?.output_tokens);
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  return {
    inputTokens,
    cachedInputTokens: asNumber(raw?.cached_input_tokens) ?? 0,
    outputTokens,
    reasoningOutputTokens: asNumber(raw?.reasoning_output_tokens) ?? 0,
  };
}

function parseItem(raw: JsonObject): CodexItem {
  const id = asText(raw.id) ?? "";
  const status = asText(raw.status) ?? "";
  return parseKnownItem(raw, id, status) ?? { type: "unknown", id, name: asText(raw.type) ?? "", status, raw };
}

function parseKnownItem(raw: JsonObject, id: string, status: string): CodexItem | undefined {
  switch (raw.type) {
    case "agent_message":
    case "reasoning": {
      const text = asText(raw.text);
      return text === undefined ? undefined : { type: raw.type, id, text };
    }
    case "command_execution": {
      const command = asText(raw.command);
      if (command === undefined) return undefined;
      const output = asText(raw.aggregated_output) ?? "";
      return {
        type: raw.type,
        id,
        command,
        aggregated_output: output,
        exit_code: asNumber(raw.exit_code) ?? null,
        status,
      };
    }
    case "file_change": {
      const changes = listOf(raw.changes, parseFileChange);
      return changes === undefined ? undefined : { type: raw.type, id, changes, status };
    }
    case "mcp_tool_call": {
      const [server, tool] = [asText(raw.server), asText(raw.tool)];
      if (server === undefined || tool === undefined) return undefined;
      const error = asText(asObject(raw.error)?.message);
      return { type: raw.type, id, server, tool, arguments: raw.arguments, result: raw.result, error, status };
    }
    case "web_search":
      return { type: raw.type, id, query: asText(raw.query) ?? "" };
    case "todo_list": {
      const items = listOf(raw.items, parseTodoItem);
      return items === undefined ? undefined : { type: raw.type, id, items };
    }
    case "error":
      return { type: raw.type, id, message: asText(raw.message) ?? "" };
    default:
      return undefined;
  }
}

function parseFileChange(raw: JsonObject): FileChange | undefined {
  const path = asText(raw.path);
  return path === undefined ? undefined : { path, kind: asText(raw.kind) ?? "" };
}

function parseTodoItem(raw: JsonObject): TodoItem | undefined {
  const text = asText(raw.text);
  return text === undefined ? undefined : { text, completed: raw.completed === true };
}

/** Returns what `parse` makes of every element, or `undefined` if `value` is no array. Elements it refuses are left out. */
function listOf<Value>(value: unknown, parse: (raw: JsonObject) => Value | undefined): readonly Value[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((element) => {
    const raw = asObject(element);
    const parsed = raw === undefined ? undefined : parse(raw);
    return parsed === undefined ? [] : [parsed];
  });
}
