import { CoordinatorError, systemErrorCode } from "../../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import { writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { asObject } from "../../base/json-shape.ts";
import { ownIdentity } from "../../base/process/process-identity.ts";
import type { Listener, ListenOptions } from "../../server/listen.ts";
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
  const listener = await listen?.(coordinator, { port, socketPath, signIns: keptSignIns(paths.signIns) });
  const record: ServerRecord = {
    ...{ ...ownIdentity(), folder: realPathOf(paths.root), startedAt: new Date().toISOString(), ...noted },
    ...{ url: listener?.url ?? null, socket: listener?.socketPath ?? null, token: listener?.token ?? null },
  };
  try {
    writeFileAtomic(paths.server, `${JSON.stringify({ v: 1, ...record })}\n`, 0o600);
  } catch (error) {
    await listener?.close();
    throw error;
  }
  return listener;
}

/**
 * Keeps who is signed in at the page in a file that only the user can write; one that cannot be read means that nobody is.
 *
 * @public Tests read what earlier versions have kept.
 */
export function keptSignIns(path: string): NonNullable<ListenOptions["signIns"]> {
  return {
    read() {
      try {
        const kept: unknown = JSON.parse(readBoundedText(path, SMALL_FILE_BYTES_MAX) ?? "[]");
        const signIns: unknown = Array.isArray(kept) ? kept : asObject(kept)?.signIns; // A list alone in earlier versions.
        return Array.isArray(signIns) ? signIns.filter(isSignIn) : [];
      } catch (error) {
        if (error instanceof CoordinatorError || error instanceof SyntaxError) return [];
        throw error;
      }
    },
    write(signIns) {
      try {
        writeFileAtomic(path, `${JSON.stringify({ v: 1, signIns })}\n`, 0o600);
      } catch (error) {
        if (systemErrorCode(error) === undefined) throw error;
        // On a full disk they end with the coordinator.
      }
    },
  };
}

function isSignIn(value: unknown): value is { readonly digest: string; readonly untilMs: number } {
  const { digest, untilMs } = asObject(value) ?? {};
  return typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest) && typeof untilMs === "number";
}
