import type { IncomingHttpHeaders, Server } from "node:http";
import type { Socket } from "node:net";
import { http } from "../../base/http.ts";
import { ANSWER_HEADERS, type Refusal, refusalBody } from "../refusal.ts";
import { createGrowingBuffer } from "../request-body.ts";
import { type Access, accessProblem } from "./access.ts";
import type { Connections } from "./connections.ts";
import type { HttpLimits } from "./limits.ts";

const HEAD_END = "\r\n\r\n";
const REQUEST_LINE = /^([A-Z]{1,20}) (\S{1,16384}) HTTP\/1\.[01]$/;
const FIRST_BYTES = 1_024;
/** What begins otherwise is no request: TLS, say. */
const METHOD_START = /^[A-Z]$/;

const NO_ROOM: Refusal = {
  ...{ status: 503, code: "TRY_AGAIN", message: "too many connections are open: connect again" },
  headers: { "Retry-After": "1" },
};

const NO_HTTP: Refusal = { status: 400, code: "USAGE", message: "this is no HTTP/1.1 request" };

/**
 * Has `server` see a connection only once the head of its first request says that it may ask: all others are answered from here, once,
 * and ended. Node makes some objects for each request, and reads a piece of 64 KB to its end whatever becomes of the first in it: 600
 * requests sent in a row cost a megabyte and 10 ms. What is passed on is read again by Node, and judged by what that reads.
 */
export function screenConnections(
  server: Server,
  access: () => Access,
  limits: HttpLimits,
  connections: Pick<Connections, "enter" | "pass">,
): void {
  const [serve] = server.listeners("connection") as ((socket: Socket) => void)[];
  if (serve === undefined) throw new Error("a server of Node's HTTP listens to its connections");
  server.off("connection", serve).on("connection", (socket: Socket) => {
    const turnAway = readHead(socket, limits, access, () => {
      connections.pass(socket);
      serve.call(server, socket);
    });
    connections.enter(socket, turnAway);
  });
}

/** Returns what ends the connection where there is no room for it: its request is answered, and not looked at. */
function readHead(socket: Socket, limits: HttpLimits, access: () => Access, pass: () => void): () => void {
  let head: ReturnType<typeof createGrowingBuffer> | undefined;
  let isJudged = false;
  const done = (): void => {
    clearTimeout(timer);
    socket.off("data", take).off("end", leave).off("close", done);
  };
  const leave = (): void => {
    done();
    socket.destroy();
  };
  const timer = setTimeout(leave, limits.headersMs);
  const take = (chunk: Buffer): void => {
    const before = head?.size() ?? 0;
    head?.append(chunk);
    const bytes = head?.bytes() ?? chunk;
    const end = bytes.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
    const isTooLong = (end === -1 ? bytes.length : end) > limits.headerBytes;
    if (end === -1 && !isTooLong && METHOD_START.test(String.fromCharCode(bytes[0] ?? 0))) {
      if (head !== undefined) return;
      head = createGrowingBuffer(Math.max(FIRST_BYTES, bytes.length), Number.POSITIVE_INFINITY);
      head.append(bytes);
      return;
    }
    done();
    isJudged = true;
    const { method, url, headers, count } = parseHead(bytes.toString("latin1", 0, end === -1 ? 0 : end));
    const refusal = isTooLong
      ? tooLarge(`the headers of a request may have at most ${limits.headerBytes} bytes`)
      : method === undefined
        ? NO_HTTP
        : count > limits.headerCount
          ? tooManyHeaders(limits)
          : accessProblem(headers, access(), { method, url });
    if (refusal !== undefined) {
      refuse(socket, refusal, { limits, isHead: method === "HEAD", rest: bodyLeft(headers, bytes.length - end - 4) });
      return;
    }
    socket.pause();
    socket.unshift(bytes);
    pass();
    process.nextTick(() => socket.resume());
  };
  socket.on("error", leave).on("data", take).on("end", leave).on("close", done);
  return () => {
    const said = head?.bytes();
    head = undefined;
    if (isJudged) socket.destroy();
    else turnAway(socket, limits, said, done);
  };
}

/** Answers once something was said, which is not looked at: a client may drop what comes before it has asked. */
function turnAway(socket: Socket, limits: HttpLimits, said: Buffer | undefined, unread: () => void): void {
  const answer = (bytes?: Buffer): void => {
    clearTimeout(timer);
    socket.off("data", answer).off("end", answer);
    const isHead = bytes?.toString("latin1", 0, 5) === "HEAD ";
    refuse(socket, NO_ROOM, { limits, isHead, rest: Number.POSITIVE_INFINITY });
  };
  unread();
  const timer = setTimeout(answer, limits.lingerMs);
  if (said === undefined) socket.on("data", answer).on("end", answer);
  else answer(said);
  socket.once("close", () => clearTimeout(timer));
}

/** @returns the refusal of a request with more headers than are read */
export function tooManyHeaders({ headerCount }: Pick<HttpLimits, "headerCount">): Refusal {
  return tooLarge(`a request may have at most ${headerCount} headers`);
}

function tooLarge(message: string): Refusal {
  return { status: 431, code: "TOO_LARGE", message };
}

/** Of headers that are there more than once the first counts. */
function parseHead(text: string): {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly count: number;
} {
  const [line = "", ...fields] = text.split("\r\n");
  const headers: Record<string, string> = Object.create(null);
  for (const field of fields) {
    const colon = field.indexOf(":");
    const name = field.slice(0, Math.max(0, colon)).toLowerCase();
    headers[name] ??= field.slice(colon + 1).trim();
  }
  const [, method, url] = REQUEST_LINE.exec(line) ?? [];
  return { method, url, headers, count: fields.length };
}

/** How many bytes of the body have not come; as many as there may be where nobody says. */
function bodyLeft(
  { "content-length": length, "transfer-encoding": coding }: IncomingHttpHeaders,
  come: number,
): number {
  if (coding !== undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, Number(length ?? 0) - come) || 0;
}

/**
 * Answers, and ends the connection. What still comes of the request's body is thrown away for a while before: a client that sends all
 * before it reads would not see the answer otherwise.
 */
function refuse(
  socket: Socket,
  refusal: Refusal,
  { limits, isHead, rest }: { readonly limits: HttpLimits; readonly isHead: boolean; readonly rest: number },
): void {
  const { status, headers } = refusal;
  const { type, text: body } = refusalBody(refusal);
  const lines = Object.entries({
    ...ANSWER_HEADERS,
    ...headers,
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(body),
    Connection: "close",
  }).map(([name, value]) => `${name}: ${value}`);
  socket.write([`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`, ...lines, "", isHead ? "" : body].join("\r\n"));
  let left = rest;
  let unread = limits.bodyBytes;
  if (left === 0) socket.end();
  const timer = setTimeout(() => socket.destroySoon(), limits.lingerMs);
  socket.on("data", ({ length }: Buffer) => {
    left -= length;
    unread -= length;
    if (unread < 0) socket.destroy();
    else if (left <= 0 && !socket.writableEnded) socket.end();
  });
  socket.once("end", () => socket.end()).once("close", () => clearTimeout(timer));
}
