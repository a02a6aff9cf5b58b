import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { http } from "../base/http.ts";
import { type Access, accessProblem } from "./access/access.ts";
import { boundConnections } from "./access/connections.ts";
import { screenConnections, tooManyHeaders } from "./access/first-request.ts";
import type { HttpLimits } from "./access/limits.ts";
import { ANSWER_HEADERS, type Refusal, refusalBody } from "./refusal.ts";
import { createBodyReader } from "./request-body.ts";

/** How often Node looks for requests whose headers or bodies take too long. */
const CHECK_MS = 5_000;

const NO_BODY = ["GET", "HEAD"];

export interface HttpServer {
  readonly server: Server;
  /** Listens no longer, and ends all connections. */
  close(): Promise<void>;
}

/**
 * Returns a server, not listening yet, that hands `answer` only requests that may ask, with their bodies read whole. Nothing of a
 * refused body is kept, and nothing else is loaded for it.
 */
export function createHttpServer(access: () => Access, limits: HttpLimits, answer: RequestListener): HttpServer {
  const server = http.createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.headersMs + limits.bodyMs + limits.lingerMs, // The body reader is earlier.
    connectionsCheckingInterval: Math.min(CHECK_MS, limits.headersMs),
  });
  server.maxHeadersCount = 0; // Node would leave out the rest unsaid; `headerBytes` bounds them.
  const connections = boundConnections(limits);
  screenConnections(server, access, limits, connections);
  const readBody = createBodyReader(limits);
  let underWay = 0;

  const admit = async (request: IncomingMessage, response: ServerResponse): Promise<Refusal | "gone" | undefined> => {
    if (request.rawHeaders.length > 2 * limits.headerCount) return tooManyHeaders(limits);
    const problem = accessProblem(request.headers, access(), { method: request.method, url: request.url });
    if (problem !== undefined) return problem;
    const { expect } = request.headers;
    if (expect !== undefined && expect.toLowerCase() !== "100-continue")
      return { status: 417, code: "USAGE", message: `nothing is known of "Expect: ${expect}"` };
    if (underWay >= limits.requests) return BUSY;
    underWay += 1;
    response.once("close", () => {
      underWay -= 1;
    });
    return NO_BODY.includes(request.method ?? "") ? undefined : readBody(request, response);
  };

  const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    connections.hold(request.socket, response);
    for (const [name, value] of Object.entries(ANSWER_HEADERS)) response.setHeader(name, value);
    const refusal = await admit(request, response);
    if (response.destroyed || refusal === "gone") return;
    if (refusal === undefined) answer(request, response);
    else refuse(request, response, refusal, limits.lingerMs);
  };
  server.on("request", listener);
  server.on("checkContinue", listener); // A client that asks before it sends its body is told before it does.
  server.on("checkExpectation", listener); // Node would answer it by itself, whoever asks.
  return {
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        setImmediate(() => connections.destroy()); // A stream that has just ended has written its last word by then.
      }),
  };
}

/** Ends the connection of `response` unless its client has read the answer, which is complete, within `answerMs`. */
export function cutSlowReader(
  response: { destroy(): unknown; once(event: "close", listener: () => void): unknown },
  answerMs: number,
): void {
  const timer = setTimeout(() => response.destroy(), answerMs);
  response.once("close", () => clearTimeout(timer));
}

const BUSY: Refusal = {
  ...{ status: 503, code: "TRY_AGAIN", message: "too many requests are under way: send this one again" },
  headers: { "Retry-After": "1" },
};

/**
 * Answers at once. Where the body has not come whole, what still comes is thrown away for a while, and only then the connection is ended:
 * a client that sends all before it reads would not see the answer otherwise.
 */
function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal, lingerMs: number): void {
  const { status, headers } = refusal;
  const { type, text } = refusalBody(refusal);
  const head = { ...headers, "Content-Type": type, "Content-Length": Buffer.byteLength(text) };
  if (request.complete) {
    response.writeHead(status, head).end(text);
    return;
  }
  response.writeHead(status, { ...head, Connection: "close" }).write(text);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.once("end", end).once("close", end).resume();
}
