import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../base/write-file-atomic.ts";
import { isTaskId } from "../task/records/task-id.ts";

const STOP_PREFIX = "stop-";

/** Wishes that other processes leave for the coordinator, as files: they outlive both sides. */
export interface WishBox {
  /** Asks for the end of a task. */
  wishStop(id: string): void;
  /** Returns the tasks whose end is wished for. A wish stays until it is `granted`: a crash before that must not lose it. */
  stops(): readonly string[];
  /** The wish for the end of a task is journaled, or came too late. */
  granted(id: string): void;
}

/** Opens the box in `dir` (absolute; made when missing). */
export function openWishBox(dir: string): WishBox {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return {
    wishStop(id) {
      writeFileAtomic(join(dir, STOP_PREFIX + id), "", 0o600);
    },
    stops: () =>
      readdirSync(dir)
        .filter((name) => name.startsWith(STOP_PREFIX))
        .map((name) => name.slice(STOP_PREFIX.length))
        .filter(isTaskId)
        .sort(),
    granted: (id) => rmSync(join(dir, STOP_PREFIX + id), { force: true }),
  };
}
