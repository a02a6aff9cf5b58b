import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import { makeDirectory } from "../base/files/write-file-atomic.ts";
import { isThreadId } from "../task/names/thread-id.ts";

/**
 * The codex threads that runs of this workspace have begun: only these may be gone on in, whatever the branch or a task file names.
 * One empty file each, in the coordinator's own folder.
 */
export interface OwnThreads {
  has(thread: string): boolean;
  /** Notes a thread that a run has begun, not durably: what a loss of power takes back is not gone on in, and a fresh one is begun. */
  add(thread: string): void;
}

export function openOwnThreads(dir: string): OwnThreads {
  return {
    has: (thread) => isThreadId(thread) && existsSync(join(dir, thread)),
    add(thread) {
      if (!isThreadId(thread)) return;
      const put = (): void => writeFileSync(join(dir, thread), "", { mode: 0o600 });
      try {
        try {
          put();
        } catch (error) {
          if (systemErrorCode(error) !== "ENOENT") throw error;
          makeDirectory(dir, 0o700);
          put();
        }
      } catch (error) {
        if (systemErrorCode(error) === undefined) throw error; // Else a fresh thread is begun next time, with what was said in this one.
      }
    },
  };
}
