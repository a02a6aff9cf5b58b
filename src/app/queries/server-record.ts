import { dirname } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { isCopyOf } from "../../base/files/file-stamp.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { isAlive, type ProcessIdentity } from "../../base/process/process-identity.ts";

/** The coordinator that serves the workspace, as `server.json` tells it. */
export interface ServerRecord extends ProcessIdentity {
  /** Real path of the state folder: in a copy of it, the record is not about the copy. Absent in earlier versions. */
  readonly folder?: string;
  readonly startedAt: string;
  readonly version: string;
  /** Full name of the branch it serves: HEAD may have gone elsewhere since. */
  readonly branch: string;
  /** Base address of the HTTP interface; `null` without one. */
  readonly url: string | null;
  /** `null` where it follows codex-inbox.json. */
  readonly maxOpenTasks: number | null;
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
