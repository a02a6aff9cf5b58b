import { randomBytes } from "node:crypto";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Coordinator } from "../app/coordinator.ts";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { HTTP_LIMITS, type HttpLimits } from "./access/limits.ts";
import { createSignIns, type SignInStore, signInLink, withSignIn } from "./access/sign-in.ts";
import { createHttpServer, cutSlowReader, type HttpServer } from "./http-server.ts";
import { listenOnSocket } from "./unix-socket.ts";

/** The only address of TCP that the interface listens on; other users of the machine reach it too, hence the token. */
const LOOPBACK = "127.0.0.1";

const HTTP_PORT = 80;

/** What clients of a Unix socket name as the host. */
const SOCKET_HOST = "localhost";

/** 256 bits. */
const TOKEN_BYTES = 32;

const IN_MEMORY: SignInStore = { read: () => [], write: () => undefined };

/** Where to listen. */
export interface ListenOptions {
  /** Port on 127.0.0.1; 0 picks a free one; `undefined`: none. */
  readonly port: number | undefined;
  /** Absolute path of a Unix socket beside it. */
  readonly socketPath?: string | undefined;
  readonly limits?: Partial<HttpLimits>;
  /** Where browsers that are signed in are kept; in memory alone unless given. */
  readonly signIns?: SignInStore;
}

export interface Listener {
  /** "http://127.0.0.1:8787"; `undefined` without a port. */
  readonly url: string | undefined;
  readonly socketPath: string | undefined;
  /** What every request has to bring as a bearer token: drawn anew at each start, and kept nowhere but in server.json. */
  readonly token: string;
  /** Makes a link to the page that signs one browser in, for ten minutes; `undefined` without a port. */
  pageLink(): string | undefined;
  close(): Promise<void>;
}

/**
 * Begins to serve the HTTP interface.
 *
 * @throws CoordinatorError `REFUSED` when the port or the socket is taken or not ours to use
 */
export async function listen(
  coordinator: Coordinator,
  { port, socketPath, limits: changed, signIns: store = IN_MEMORY }: ListenOptions,
): Promise<Listener> {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const limits = { ...HTTP_LIMITS, ...changed };
  let url: string | undefined;
  const cookieName = (): string => `codex-inbox-${new URL(url ?? "http://localhost").port || HTTP_PORT}`;
  const signIns = createSignIns(store, cookieName, Date.now);
  const app = whenAsked(() => loadApp(coordinator, limits));
  const answer = withSignIn(signIns, () => url, app);
  const servers: HttpServer[] = [];
  const create = (hosts: () => readonly string[]): Server => {
    const made = createHttpServer(() => ({ hosts: hosts(), token, signIns }), limits, answer);
    servers.push(made);
    return made.server;
  };
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((one) => one.close()));
  };
  try {
    if (port !== undefined) {
      let hosts: readonly string[] = [];
      const server = create(() => hosts);
      const bound = await listenOnPort(server, port);
      const suffix = bound === HTTP_PORT ? "" : `:${bound}`; // A client leaves the usual one out.
      hosts = [`${LOOPBACK}${suffix}`, `localhost${suffix}`];
      url = `http://${LOOPBACK}:${bound}`;
    }
    if (socketPath !== undefined) {
      const server = create(() => [SOCKET_HOST]);
      await listenOnSocket(server, socketPath);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const pageLink = (): string | undefined =>
    url === undefined ? undefined : signInLink(url, signIns.issueCode().code);
  return { url, socketPath, token, pageLink, close };
}

async function listenOnPort(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(explain(error, port)));
    server.listen(port, LOOPBACK, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** The libraries of the interface, and what Node loads for them, take 20 MB and 50 ms: many a coordinator is never asked anything. */
async function loadApp(coordinator: Coordinator, limits: HttpLimits): Promise<RequestListener> {
  const [{ getRequestListener }, { createApp }] = await Promise.all([import("@hono/node-server"), import("./app.ts")]);
  const app = createApp(coordinator, limits);
  return getRequestListener(async (request, { outgoing }) => {
    const answer = await app.fetch(request, { outgoing });
    if (!outgoing.headersSent) cutSlowReader(outgoing, limits.answerMs); // Else it is a stream, which sees to its reader.
    return answer;
  });
}

/** Returns a listener that is loaded by the first request; the others wait with it. */
function whenAsked(load: () => Promise<RequestListener>): RequestListener {
  let loading: Promise<RequestListener> | undefined;
  return (request, response) => {
    loading ??= load();
    loading.then(
      (listener) => listener(request, response),
      () => response.writeHead(500).end(),
    );
  };
}

function explain(error: Error, port: number): Error {
  const code = systemErrorCode(error);
  if (code === "EADDRINUSE") {
    return new CoordinatorError(
      "REFUSED",
      `port ${port} is in use: choose another with --port, or --port 0 for any free one`,
      { cause: error },
    );
  }
  if (code === "EACCES") {
    return new CoordinatorError("REFUSED", `port ${port} is not ours to use: choose one above 1023 with --port`, {
      cause: error,
    });
  }
  return error;
}
