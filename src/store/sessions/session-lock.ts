import { createHash } from "node:crypto";
import { linkSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { makeDirectory } from "../../base/files/write-file-atomic.ts";

/** Who writes to a session's thread. */
export interface SessionHolder {
  readonly task: string;
  readonly run: number;
  readonly sessionKey: string;
}

/**
 * One writer per session, over crashes: a lock outlives its coordinator, because the run that it guards does too. The coordinator
 * alone takes and releases them, and there is only one: a lock of a run that has ended is replaced without a contest. They are not
 * synced: a loss of power ends every run, and a lock that it left empty counts as none.
 */
export interface SessionLocks {
  /**
   * Takes the session for one run. A lock whose run has ended is taken over: `isLive` says so of its holder.
   *
   * @returns `undefined` when it is taken, otherwise the live holder
   */
  take(holder: SessionHolder, isLive: (holder: SessionHolder) => boolean): SessionHolder | undefined;
  /** Gives the session back, if that run holds it. */
  release(holder: SessionHolder): void;
  /** Gives back every session whose run has ended: a crash came before its coordinator could. */
  releaseEnded(isLive: (holder: SessionHolder) => boolean): void;
}

/** The file of a session, by a hash: a key is as long as a path. Anything else in the folder was left by a crash. */
const LOCK_NAME = /^[0-9a-f]{32}\.json$/;

/** Creates the locks as files in `dir` (absolute; made when missing). */
export function createSessionLocks(dir: string): SessionLocks {
  makeDirectory(dir, 0o700);
  for (const name of readdirSync(dir)) if (!LOCK_NAME.test(name)) rmSync(join(dir, name), { force: true });
  const pathOf = (sessionKey: string): string =>
    join(dir, `${createHash("sha256").update(sessionKey).digest("hex").slice(0, 32)}.json`);

  return {
    take(holder, isLive) {
      const path = pathOf(holder.sessionKey);
      const mine = `${path}.${holder.task}`;
      makeDirectory(dir, 0o700); // A person may have removed it.
      writeFileSync(mine, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
      try {
        while (!tryLink(mine, path)) {
          const current = readHolder(path);
          if (current !== undefined && !isSame(current, holder) && isLive(current)) return current;
          rmSync(path, { force: true });
        }
        return undefined;
      } finally {
        rmSync(mine, { force: true });
      }
    },
    release(holder) {
      const path = pathOf(holder.sessionKey);
      const current = readHolder(path);
      if (current !== undefined && isSame(current, holder)) rmSync(path, { force: true });
    },
    releaseEnded(isLive) {
      for (const name of readdirSync(dir).filter((file) => LOCK_NAME.test(file))) {
        const holder = readHolder(join(dir, name));
        if (holder === undefined || !isLive(holder)) rmSync(join(dir, name), { force: true });
      }
    },
  };
}

function isSame(one: SessionHolder, other: SessionHolder): boolean {
  return one.task === other.task && one.run === other.run;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Returns who holds the lock; `undefined` where nobody does, or the file is damaged. */
function readHolder(path: string): SessionHolder | undefined {
  try {
    const value: unknown = JSON.parse(readBoundedText(path, SMALL_FILE_BYTES_MAX) ?? "null");
    return isHolder(value) ? value : undefined;
  } catch (error) {
    if (error instanceof CoordinatorError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isHolder(value: unknown): value is SessionHolder {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return (
    typeof fields.get("task") === "string" &&
    typeof fields.get("run") === "number" &&
    typeof fields.get("sessionKey") === "string"
  );
}
