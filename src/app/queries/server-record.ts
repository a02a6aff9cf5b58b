import { dirname } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { isCopyOf } from "../../base/files/file-stamp.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { isAlive, type ProcessIdentity } from "../../base/process/process-identity.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";

/** The coordinator that serves the workspace, as `server.json` tells it. */
export interface ServerRecord extends ProcessIdentity {
  /** Real path of the state folder: in a copy of it, the record is not about the copy. Absent in earlier versions. */
  readonly folder?: string;
  readonly startedAt: string;
  readonly version: string;
  /** Full name of the branch it serves: HEAD may have gone elsewhere since. */
  readonly branch: string;
  /** Base address of the HTTP interface; `null` where it does not listen on a port. */
  readonly url: string | null;
  /** Path of its Unix socket. Absent in earlier versions. */
  readonly socket?: string | null;
  /** What each request has to bring; `null` without an HTTP interface, absent in earlier versions. Never shown: see `withoutToken`. */
  readonly token?: string | null;
  /** `null` where it follows codex-inbox.json. */
  readonly maxOpenTasks: number | null;
}

/** How to ask a coordinator. */
export interface CoordinatorAddress {
  readonly url: string;
  /** Where to connect instead of to the host of `url`. */
  readonly socketPath: string | undefined;
  readonly token: string | undefined;
}

/** Returns how to ask the coordinator of `record`; `undefined` where it cannot be asked. */
export function addressOf(record: ServerRecord | undefined): CoordinatorAddress | undefined {
  if (record === undefined || (record.url === null && record.socket == null)) return undefined;
  const { url, socket, token } = record;
  return {
    url: url ?? "http://localhost",
    socketPath: url === null ? (socket ?? undefined) : undefined,
    token: token ?? undefined,
  };
}

/** What may be shown of a record. */
export type ShownServer = Omit<ServerRecord, "token">;

/** Returns what may be shown of `record`. */
export function withoutToken({ token: _, ...shown }: ServerRecord): ShownServer {
  return shown;
}

/** Returns the coordinator that serves the workspace now; a record that cannot be read, or whose process is gone, counts as none. */
export function readServer(path: string): ServerRecord | undefined {
  try {
    const record: ServerRecord | null = JSON.parse(readBoundedText(path, SMALL_FILE_BYTES_MAX) ?? "null");
    if (typeof record?.pid !== "number" || isCopyOf(record.folder, dirname(path))) return undefined;
    return isAlive(record) ? record : undefined;
  } catch (error) {
    if (error instanceof CoordinatorError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Returns the branch of a workspace, by its full name: `served`, which HEAD may have left, or else the one that HEAD names.
 *
 * @throws CoordinatorError `REFUSED` on no branch
 */
export function requireBranch(place: Pick<WorkspacePlace, "topDir" | "branch">, served: string | undefined): string {
  const branch = served ?? place.branch;
  if (branch !== undefined) return branch;
  const message = `${place.topDir} is on no branch (detached HEAD), so there is no queue to look at`;
  throw new CoordinatorError("REFUSED", message);
}

/** Says who serves a workspace already, and what to do. */
export function describeServed(workspaceDir: string, path: string, pid: number, since: string): string {
  const server = readServer(path);
  const address = server?.url ?? server?.socket;
  const where = address == null ? "" : ` at ${address}`;
  return `${workspaceDir} is served already, by process ${pid} since ${since}${where}; stop that one first`;
}
