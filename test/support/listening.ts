import type { Coordinator } from "../../src/app/coordinator.ts";
import type { CoordinatorAddress } from "../../src/app/queries/server-record.ts";
import { type ListenOptions, listen } from "../../src/server/listen.ts";
import { askWith } from "./coordinator-process.ts";
import { onTestFinished } from "./test-end.ts";

/** The HTTP interface of a coordinator in this process, on a free port. */
export interface Listening extends CoordinatorAddress {
  readonly token: string;
  /** Sends a request with the token. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** Listens until the test is finished. */
export async function listenHere(
  coordinator: Coordinator,
  options: Omit<ListenOptions, "port"> = {},
): Promise<Listening> {
  const listener = await listen(coordinator, { port: 0, ...options });
  onTestFinished(() => listener.close());
  const { url, token } = listener;
  if (url === undefined) throw new Error("it does not listen on a port");
  return { url, token, socketPath: undefined, ask: askWith(url, token), close: () => listener.close() };
}
