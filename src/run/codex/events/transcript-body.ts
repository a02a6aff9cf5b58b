import { relative, sep } from "node:path";
import { asObject, asText, type JsonObject } from "../../../base/json-shape.ts";
import type { TranscriptBody } from "../../../task/session/transcript-entry.ts";
import { asKeptText, type Keeper, type KeptText } from "../../../task/text/kept-text.ts";
import type { CodexItem } from "./events.ts";

/** Of a command's output; a transcript is read by people and committed, the whole output is in neither. */
const OUTPUT_EXCERPT_BYTES = 4 * 1024;
/** Of a prompt, a message or a reasoning summary. */
const TEXT_EXCERPT_BYTES = 64 * 1024;
const COMMAND_EXCERPT_BYTES = 8 * 1024;
/** Of the arguments and results of a tool. */
const DETAIL_EXCERPT_BYTES = 4 * 1024;
/** Of a file's path; no file system has a longer one. */
const PATH_EXCERPT_BYTES = 4 * 1024;
const WORD_EXCERPT_BYTES = 256;
/** What codex says of an item, and of a file that a patch changes; anything else may be anything. */
const WORDS: readonly string[] = ["in_progress", "completed", "failed", "declined", "add", "delete", "update"];
const FILE_CHANGES_MAX = 200;
const TODO_ITEMS_MAX = 200;

/** Returns `text` without secrets, bounded as a transcript's text is. */
export function boundText(keeper: Excerpts, text: string): Promise<KeptText> {
  return keeper.keepExcerpt(text, TEXT_EXCERPT_BYTES);
}

type Excerpts = Pick<Keeper, "keepExcerpt">;

/**
 * Returns what the transcript says of `item`.
 *
 * @param unfinished codex reported its start and never its end
 * @param workdir paths below it are shown relative to it
 */
export async function transcriptBody(
  keeper: Excerpts,
  item: CodexItem,
  unfinished: boolean,
  workdir: string,
): Promise<TranscriptBody> {
  const status = unfinished ? "unfinished" : "status" in item ? await keptWord(keeper, item.status) : "completed";
  switch (item.type) {
    case "agent_message":
      return { kind: "assistant", text: await boundText(keeper, item.text) };
    case "reasoning":
      return { kind: "reasoning", text: await boundText(keeper, item.text) };
    case "command_execution":
      return {
        kind: "command",
        command: await keeper.keepExcerpt(item.command, COMMAND_EXCERPT_BYTES),
        exitCode: item.exit_code,
        status,
        output: await keeper.keepExcerpt(item.aggregated_output, OUTPUT_EXCERPT_BYTES),
        outputBytes: Buffer.byteLength(item.aggregated_output),
      };
    case "file_change": {
      const changes: { path: KeptText; change: string }[] = [];
      for (const { path, kind } of item.changes.slice(0, FILE_CHANGES_MAX))
        changes.push({
          path: await keeper.keepExcerpt(insideOf(workdir, path), PATH_EXCERPT_BYTES),
          change: await keptWord(keeper, kind),
        });
      return { kind: "files", status, changes };
    }
    case "mcp_tool_call": {
      const lines = [`arguments: ${asJson(item.arguments)}`, ...resultLines(item.result, item.error)];
      return tool(keeper, `${item.server}/${item.tool}`, status, lines.join("\n"));
    }
    case "web_search":
      return tool(keeper, "web_search", status, item.query);
    case "todo_list": {
      const lines = item.items
        .slice(0, TODO_ITEMS_MAX)
        .map(({ text, completed }) => `[${completed ? "x" : " "}] ${text}`);
      return tool(keeper, "todo_list", status, lines.join("\n"));
    }
    case "error":
      return { kind: "error", message: await boundText(keeper, item.message) };
    case "unknown":
      return tool(keeper, item.name, status, asJson(withoutKnown(item.raw)));
  }
}

async function keptWord(keeper: Excerpts, word: string): Promise<string> {
  return WORDS.includes(word) ? word : keeper.keepExcerpt(word, WORD_EXCERPT_BYTES);
}

async function tool(keeper: Excerpts, name: string, status: string, detail: string): Promise<TranscriptBody> {
  return {
    kind: "tool",
    name: await keeper.keepExcerpt(name, 256),
    status,
    detail: await keeper.keepExcerpt(detail, DETAIL_EXCERPT_BYTES),
  };
}

function resultLines(result: unknown, error: string | undefined): readonly string[] {
  if (error !== undefined) return [`error: ${error}`];
  const content = asObject(result)?.content;
  const texts = Array.isArray(content) ? content.map((part) => asText(asObject(part)?.text)) : [];
  const text = texts.filter((part) => part !== undefined).join("\n");
  if (text !== "") return [`result: ${text}`];
  return result === null || result === undefined ? [] : [`result: ${asJson(result)}`];
}

function withoutKnown({ id: _id, type: _type, status: _status, ...rest }: JsonObject): JsonObject {
  return rest;
}

/** A value that is nested too deeply for it makes `JSON.stringify` throw (a few thousand levels). */
function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return "(nested too deeply to be shown)";
  }
}

function insideOf(workdir: string, path: string): string {
  const inside = relative(workdir, path);
  return inside === "" || inside === ".." || inside.startsWith(`..${sep}`) ? path : inside;
}

/** Takes out what an agent has printed in parts, over several messages or commands. Each kind of text is a stream of its own. */
export async function withoutSplitSecrets<Entry extends { readonly body: TranscriptBody }>(
  entries: readonly Entry[],
  keeper: Pick<Keeper, "keepSplit">,
): Promise<readonly Entry[]> {
  let result = entries;
  for (const field of ["text", "command", "output", "detail"]) {
    const texts = result.map(({ body }) => String(new Map(Object.entries(body)).get(field) ?? ""));
    const kept = await keeper.keepSplit(texts.map(asKeptText));
    if (kept.every((text, index) => text === texts[index])) continue;
    result = result.map((entry, index) =>
      kept[index] === texts[index] ? entry : { ...entry, body: { ...entry.body, [field]: kept[index] } },
    );
  }
  return result;
}
