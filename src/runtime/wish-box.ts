import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../base/write-file-atomic.ts";
import { isTaskId } from "../task/task-id.ts";

const STOP_PREFIX = "stop-";

/** Wishes that other processes leave for the coordinator, as files: they outlive both sides. */
export interface WishBox {
  /** Asks for the end of a task. */
  wishStop(id: string): void;
  /** Takes the tasks whose end is wished for out of the box. */
  takeStops(): readonly string[];
}

/** Opens the box in `dir` (absolute; made when missing). */
export function openWishBox(dir: string): WishBox {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return {
    wishStop(id) {
      writeFileAtomic(join(dir, STOP_PREFIX + id), "", 0o600);
    },
    takeStops() {
      const names = readdirSync(dir).filter((name) => name.startsWith(STOP_PREFIX));
      for (const name of names) rmSync(join(dir, name), { force: true });
      return names.map((name) => name.slice(STOP_PREFIX.length)).filter(isTaskId);
    },
  };
}
