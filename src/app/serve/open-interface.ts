import { realPathOf } from "../../base/files/real-path.ts";
import { writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { ownIdentity } from "../../base/process/process-identity.ts";
import type { Listener } from "../../server/listen.ts";
import type { StatePaths } from "../../store/state-paths.ts";
import type { Coordinator } from "../coordinator.ts";
import type { ServerRecord } from "../queries/server-record.ts";

/** Where the HTTP interface listens. Only flags say so: a path that is made and replaced is not for the repository to name. */
export interface InterfaceOptions {
  /** Whether it listens on a port at all. */
  readonly hasPort: boolean;
  /** Whether it listens on a Unix socket too, or that one's absolute path. */
  readonly socket: boolean | string;
}

/**
 * Opens the HTTP interface where one is wanted, and notes in server.json who serves, where, and with which token. Nobody but the user
 * can read that file at any moment: it gets its name only with its content and its mode.
 *
 * @throws CoordinatorError `REFUSED` when the port or the socket cannot be had
 */
export async function openInterface(
  coordinator: Coordinator,
  paths: StatePaths,
  { hasPort, socket, port: asked }: InterfaceOptions & { readonly port: number | undefined },
  noted: Pick<ServerRecord, "branch" | "maxOpenTasks" | "version">,
): Promise<Listener | undefined> {
  const port = hasPort ? asked : undefined;
  const socketPath = typeof socket === "string" ? socket : socket ? paths.socket : undefined;
  const isWanted = port !== undefined || socketPath !== undefined;
  // Loaded where it is needed: it costs a fifth of the time of a start.
  const { listen } = isWanted ? await import("../../server/listen.ts") : { listen: undefined };
  const listener = await listen?.(coordinator, { port, socketPath });
  const record: ServerRecord = {
    ...{ ...ownIdentity(), folder: realPathOf(paths.root), startedAt: new Date().toISOString(), ...noted },
    ...{ url: listener?.url ?? null, socket: listener?.socketPath ?? null, token: listener?.token ?? null },
  };
  try {
    writeFileAtomic(paths.server, `${JSON.stringify(record)}\n`, 0o600);
  } catch (error) {
    await listener?.close();
    throw error;
  }
  return listener;
}
