import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { ToolCall } from "./tool-call.ts";

/** One answer as a stream of server-sent events. Nothing is sent before the first call, so that an error may still take its place. */
export interface Reply {
  readonly started: boolean;
  /** Sends one message of the assistant, each piece as a delta of its own. */
  message(pieces: Iterable<string> | AsyncIterable<string>): Promise<void>;
  toolCall(call: ToolCall): void;
  /** Begins the stream without saying anything yet. */
  start(): void;
  /** Ends the response as failed, after the stream has begun. */
  failed(error: Readonly<Record<string, unknown>>): void;
  /** Ends the response as cut short. */
  incomplete(reason: string): void;
  completed(): void;
}

/** The same for every request, so that a test can tell the sum over a thread. */
const USAGE = {
  input_tokens: 100,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 10,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 110,
} as const;

/** Returns the reply that is written to `response`. */
export function createReply(response: ServerResponse, model: string): Reply {
  const id = `resp_${randomUUID()}`;
  const output: unknown[] = [];
  let started = false;
  let sequence = 0;

  function send(type: string, fields: Readonly<Record<string, unknown>>): void {
    const data = JSON.stringify({ type, sequence_number: sequence++, ...fields });
    response.write(`event: ${type}\ndata: ${data}\n\n`);
  }
  function about(status: string, more: Readonly<Record<string, unknown>> = {}) {
    return { response: { id, object: "response", model, status, output, error: null, ...more } };
  }
  function start(): void {
    if (started) return;
    started = true;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    send("response.created", about("in_progress"));
  }
  function end(status: string, more: Readonly<Record<string, unknown>>): void {
    start();
    send(`response.${status}`, about(status, more));
    response.end();
  }

  return {
    get started() {
      return started;
    },
    start,
    async message(pieces) {
      start();
      const place = { item_id: `msg_${randomUUID()}`, output_index: output.length, content_index: 0 };
      const item = { id: place.item_id, type: "message", role: "assistant" };
      send("response.output_item.added", { ...place, item: { ...item, status: "in_progress", content: [] } });
      send("response.content_part.added", { ...place, part: { type: "output_text", text: "", annotations: [] } });
      let text = "";
      for await (const delta of pieces) {
        text += delta;
        send("response.output_text.delta", { ...place, delta });
      }
      const part = { type: "output_text", text, annotations: [] };
      send("response.output_text.done", { ...place, text });
      send("response.content_part.done", { ...place, part });
      const done = { ...item, status: "completed", content: [part] };
      output.push(done);
      send("response.output_item.done", { output_index: place.output_index, item: done });
    },
    toolCall(call) {
      start();
      const item = { id: `call_item_${randomUUID()}`, call_id: `call_${randomUUID()}`, status: "completed", ...call };
      send("response.output_item.added", { output_index: output.length, item });
      send("response.output_item.done", { output_index: output.length, item });
      output.push(item);
    },
    failed: (error) => end("failed", { error }),
    incomplete: (reason) => end("incomplete", { incomplete_details: { reason }, usage: USAGE }),
    completed: () => end("completed", { usage: USAGE }),
  };
}
