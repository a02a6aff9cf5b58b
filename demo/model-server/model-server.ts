import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { zstdDecompressSync } from "node:zlib";
import { type Conversation, readConversation } from "./conversation.ts";
import { play } from "./play.ts";

/** One request for an answer, as it arrived. */
export interface ModelRequest {
  /** When the whole request had arrived, Unix ms. */
  readonly timeMs: number;
  readonly model: string;
  /** The codex thread that asks. */
  readonly threadId: string;
  /** Every user message of the conversation sent, oldest first: a resumed turn carries the earlier ones. */
  readonly userTexts: readonly string[];
  /** The whole body, parsed. */
  readonly body: unknown;
}

export interface ModelServer {
  /** What codex takes as `base_url`. */
  readonly baseUrl: string;
  /** Every request for an answer, in order of arrival. */
  readonly requests: readonly ModelRequest[];
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}

export interface ModelServerOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly onRequest?: (request: ModelRequest) => void;
}

/** Far above what codex sends: its prompts end at 1 MiB, and a conversation is compacted long before this. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Starts a model that answers as the messages it is sent ask for (docs/model-server.md): it speaks the part of the Responses
 * API that codex uses, on the loopback interface alone, so that the real codex runs without account or network.
 */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const requests: ModelRequest[] = [];
  const occasions = new Map<string, number>();
  const closing = new AbortController();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    // Codex's own provider asks for a WebSocket first, and goes on without one at once only for this status (0.169.0).
    if (request.headers.upgrade !== undefined) return sendMessage(response, 426, "no WebSocket here");
    if (request.method !== "POST" || path !== "/v1/responses") {
      return sendMessage(response, 404, "the scripted model answers POST /v1/responses only");
    }
    const body: unknown = JSON.parse(await readBody(request));
    const conversation = readConversation(body);
    const { model, threadId, userTexts } = conversation;
    const received: ModelRequest = { timeMs: Date.now(), model, threadId, userTexts, body };
    requests.push(received);
    options.onRequest?.(received);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    await play({
      conversation,
      response,
      signal: AbortSignal.any([closing.signal, gone.signal]),
      isDue: (place, times) => isDue(conversation, place, times),
    });
  }
  function isDue({ threadId }: Conversation, place: string, times: number | undefined): boolean {
    if (times === undefined) return true;
    const key = `${threadId} ${place}`;
    const occasion = (occasions.get(key) ?? 0) + 1;
    occasions.set(key, occasion);
    return occasion <= times;
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // Nobody is left to tell if the client went away or the server closes; else codex shows this as the reason of its turn.
      if (!response.headersSent) sendMessage(response, 400, `the scripted model: ${String(error)}`);
      else response.destroy();
    });
  });
  const port = await listen(server, options.port ?? 0);
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    async close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new Error("the body did not come as bytes");
    sizeBytes += chunk.length;
    if (sizeBytes > BODY_BYTES_MAX) throw new Error(`a body of more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (request.headers["content-encoding"] !== "zstd") return body.toString("utf8");
  return zstdDecompressSync(body, { maxOutputLength: BODY_BYTES_MAX }).toString("utf8");
}

function sendMessage(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { message } }));
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
