import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Coordinator } from "../app/coordinator.ts";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { http } from "../base/http.ts";

/** The only address the interface listens on: whoever can reach it can give work to an agent. */
const LOOPBACK = "127.0.0.1";

const HTTP_PORT = 80;

export interface Listener {
  /** "http://127.0.0.1:8787". */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Begins to serve the HTTP interface on `port` of 127.0.0.1; 0 picks a free one.
 *
 * @throws CoordinatorError `REFUSED` when the port is taken
 */
export async function listen(coordinator: Coordinator, port: number): Promise<Listener> {
  let hosts: readonly string[] = [];
  const server = http.createServer(whenAsked(() => loadApp(coordinator, () => hosts)));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(explain(error, port)));
    server.listen(port, LOOPBACK, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  const suffix = bound === HTTP_PORT ? "" : `:${bound}`; // A client leaves the usual one out.
  hosts = [`${LOOPBACK}${suffix}`, `localhost${suffix}`];
  return {
    url: `http://${LOOPBACK}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The libraries of the interface, and what Node loads for them, take 20 MB and 50 ms: many a coordinator is never asked anything. */
async function loadApp(coordinator: Coordinator, hosts: () => readonly string[]): Promise<RequestListener> {
  const [{ getRequestListener }, { createApp }] = await Promise.all([import("@hono/node-server"), import("./app.ts")]);
  return getRequestListener(createApp(coordinator, hosts).fetch);
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
