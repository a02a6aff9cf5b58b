import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import { createFolderNames } from "../base/files/folder-names.ts";
import { writeFileAtomic } from "../base/files/write-file-atomic.ts";
import { isTaskId } from "../task/names/task-id.ts";

const STOP_PREFIX = "stop-";
const TRY_NOW = "try-now";

/** Requests that other processes leave for the coordinator, as files: they outlive both sides. */
export interface StopRequests {
  /** Asks for the end of a task. */
  request(id: string): void;
  /** Returns the tasks whose end is asked for. A request stays until it is acknowledged: a crash before that must not lose it. */
  pending(): readonly string[];
  /** The request to end a task is journaled, or came too late. */
  acknowledge(id: string): void;
  /** Asks that what holds all tasks (a usage limit, a login) is tried at once, instead of at its time. */
  requestTryNow(): void;
  /** Tells whether that was asked for since the last call. */
  takeTryNow(): boolean;
}

/** Opens the requests kept in `dir` (absolute; made when missing). */
export function openStopRequests(dir: string): StopRequests {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  /** Seen to, but still there: they cannot be removed. */
  const left = new Set<string>();
  const readNames = createFolderNames(dir);
  /** A person may have removed the folder: then nothing is asked for. */
  const names = (): readonly string[] => {
    try {
      return readNames() ?? [];
    } catch (error) {
      if (systemErrorCode(error) === "ENOTDIR") return [];
      throw error;
    }
  };
  /** Returns whether it was there and is gone now. */
  const remove = (name: string): boolean => {
    if (!names().includes(name)) return false;
    try {
      rmSync(join(dir, name));
      return true;
    } catch {
      left.add(name); // What cannot be removed (a folder of that name) is asked for once only.
      return false;
    }
  };
  return {
    request(id) {
      left.delete(STOP_PREFIX + id);
      writeFileAtomic(join(dir, STOP_PREFIX + id), "", 0o600);
    },
    pending: () =>
      names()
        .filter((name) => name.startsWith(STOP_PREFIX) && !left.has(name))
        .map((name) => name.slice(STOP_PREFIX.length))
        .filter(isTaskId)
        .sort(),
    acknowledge: (id) => void remove(STOP_PREFIX + id),
    requestTryNow: () => writeFileAtomic(join(dir, TRY_NOW), "", 0o600),
    takeTryNow: () => remove(TRY_NOW),
  };
}

/**
 * Returns what calls `stop` for each request that it was not called for yet; a request is acknowledged once what follows is durable. Where
 * it never is, the next coordinator finds the request.
 */
export function createStopHeeding(
  requests: Pick<StopRequests, "pending" | "acknowledge">,
  durable: () => Promise<void>,
): (stop: (id: string) => void) => void {
  const heeded = new Set<string>();
  return (stop) => {
    for (const id of requests.pending()) {
      if (heeded.has(id)) continue;
      stop(id);
      heeded.add(id);
      const acknowledge = (): void => {
        requests.acknowledge(id);
        heeded.delete(id);
      };
      durable().then(acknowledge, () => undefined);
    }
  };
}
