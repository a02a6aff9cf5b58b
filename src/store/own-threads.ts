import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { readBoundedText } from "../base/files/read-bounded.ts";
import { makeDirectory } from "../base/files/write-file-atomic.ts";
import { isThreadId } from "../task/names/thread-id.ts";

/**
 * The codex threads that runs of this workspace have begun: only these may be gone on in, whatever the branch or a task file names.
 * In the coordinator's own folder, one line each. The threads of 17 minutes share a file: the id of a thread begins with its time of
 * birth, in milliseconds (UUIDv7), and so does the name of the file.
 */
export interface OwnThreads {
  has(thread: string): boolean;
  /** Notes a thread that a run has begun, not durably: what a loss of power takes back is not gone on in, and a fresh one is begun. */
  add(thread: string): void;
}

const NAME_DIGITS = 7;
/** 200 threads a second; those of a larger file are not gone on in. */
const FILE_BYTES_MAX = 8 * 1024 * 1024;

export function openOwnThreads(dir: string): OwnThreads {
  const pathOf = (thread: string): string => join(dir, thread.slice(0, NAME_DIGITS));
  return {
    has: (thread) => isThreadId(thread) && `${textOf(pathOf(thread))}\n`.includes(`\n${thread}\n`),
    add(thread) {
      if (!isThreadId(thread)) return;
      // A line begins with a line end: what a full disk has cut short spoils no other.
      const put = (): void => appendFileSync(pathOf(thread), `\n${thread}`, { mode: 0o600 });
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

function textOf(path: string): string {
  try {
    return readBoundedText(path, FILE_BYTES_MAX) ?? "";
  } catch (error) {
    if (error instanceof CoordinatorError) return "";
    throw error;
  }
}
