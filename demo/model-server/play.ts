import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Conversation } from "./conversation.ts";
import { type Directive, DirectiveError, type Fields, parseDirectives, withoutDirectives } from "./directive.ts";
import { createReply, type Reply } from "./reply.ts";
import { shellCall, writeCall } from "./tool-call.ts";

/** One request to be answered. */
export interface Turn {
  readonly conversation: Conversation;
  readonly response: ServerResponse;
  /** Aborts when the client went away or the server closes. */
  readonly signal: AbortSignal;
  /** Counts one more occasion of a limited directive; tells whether it is still within its limit. */
  readonly isDue: (place: string, times: number | undefined) => boolean;
}

/**
 * Answers one request with the part of the script that is due: what stands after the tool call that was answered last, up to
 * and including the next one. Rejects with AbortError when `signal` aborts.
 */
export async function play(turn: Turn): Promise<void> {
  const { conversation, response } = turn;
  const reply = createReply(response, conversation.model);
  try {
    await playScript(turn, reply);
  } catch (error) {
    if (!(error instanceof DirectiveError)) throw error;
    // codex shows the body of a 400 as the reason of the failed turn, and does not try again.
    if (reply.started) reply.failed({ code: "invalid_prompt", message: error.message });
    else sendError(response, 400, { type: "invalid_request_error", message: error.message });
  }
}

async function playScript(turn: Turn, reply: Reply): Promise<void> {
  const { conversation } = turn;
  const last = conversation.userTexts.at(-1) ?? "";
  let passed = 0;
  let spoke = false;
  for (const { directive, place } of parseDirectives(last)) {
    const isCall = directive.kind === "shell" || directive.kind === "write";
    if (passed < conversation.toolOutputs) {
      if (isCall) passed += 1;
      continue;
    }
    if ("times" in directive && !turn.isDue(place, directive.times)) continue;
    if ((await playOne(turn, reply, directive)) === "ended") return;
    if (isCall) return reply.completed();
    spoke ||= directive.kind !== "sleep";
  }
  if (!spoke) await reply.message([defaultAnswer(last)]);
  reply.completed();
}

/** Returns `ended` when the request has its whole answer. */
async function playOne(turn: Turn, reply: Reply, directive: Directive): Promise<"ended" | "goes on"> {
  const { conversation, response, signal } = turn;
  switch (directive.kind) {
    case "say":
    case "final":
      await reply.message([directive.text]);
      return "goes on";
    case "echo":
      await reply.message([conversation.userTexts.at(-1) ?? ""]);
      return "goes on";
    case "transcript":
      await reply.message([conversation.userTexts.map((text, index) => `${index + 1}. ${text}`).join("\n")]);
      return "goes on";
    case "stream":
      await reply.message(numbers(directive.count, directive.delayMs, signal));
      return "goes on";
    case "sleep":
      await delay(directive.delayMs, undefined, { signal });
      return "goes on";
    case "shell":
    case "write":
      callTool(conversation, reply, directive);
      return "goes on";
    case "hang":
      signal.throwIfAborted();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
      return "ended";
    case "disconnect":
      reply.start();
      // The head of the answer must arrive before the end of the connection does.
      response.write(": cut off\n\n", () => response.destroy());
      return "ended";
    case "http":
      if (reply.started) throw new DirectiveError("[[http …]] must stand before anything the same request says");
      sendError(response, directive.status, directive.fields);
      return "ended";
    case "incomplete":
      reply.incomplete(directive.reason);
      return "ended";
    case "failed":
      reply.failed({ message: `scripted failure: ${directive.code}`, ...directive.fields, code: directive.code });
      return "ended";
  }
}

function callTool(
  { tools }: Conversation,
  reply: Reply,
  directive: Extract<Directive, { readonly kind: "shell" | "write" }>,
): void {
  const call =
    directive.kind === "shell"
      ? shellCall(tools, directive.command)
      : writeCall(tools, directive.path, directive.content);
  if (call === undefined) throw new DirectiveError("the request offers no tool that runs a command or writes a file");
  reply.toolCall(call);
}

async function* numbers(count: number, delayMs: number, signal: AbortSignal): AsyncGenerator<string> {
  for (let number = 1; number <= count; number += 1) {
    await delay(delayMs, undefined, { signal });
    yield number === 1 ? "1" : ` ${number}`;
  }
}

function defaultAnswer(message: string): string {
  const line = withoutDirectives(message)
    .split("\n")
    .find((candidate) => candidate.trim() !== "");
  return line === undefined ? "ok" : `ok: ${line.trim()}`;
}

/**
 * Answers with an error as the API words it. `retry-after` becomes a header, `resets-in` (seconds) the time of a usage limit: in the
 * body, from which codex makes its message, and in the headers, which it notes in the thread's file. `body` takes the place of all.
 */
function sendError(response: ServerResponse, status: number, fields: Fields): void {
  const { "retry-after": retryAfter, "resets-in": resetsIn, body, ...error } = fields;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (retryAfter !== undefined) headers["retry-after"] = retryAfter;
  let reset = {};
  if (resetsIn !== undefined) {
    const resetsAt = Math.ceil(Date.now() / 1000) + Number(resetsIn);
    reset = { resets_in_seconds: Number(resetsIn), resets_at: resetsAt };
    headers["x-codex-primary-used-percent"] = "100";
    headers["x-codex-primary-window-minutes"] = "300";
    headers["x-codex-primary-reset-at"] = String(resetsAt);
  }
  response.writeHead(status, headers);
  response.end(body ?? JSON.stringify({ error: { message: `scripted status ${status}`, ...error, ...reset } }));
}
