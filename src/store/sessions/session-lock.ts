import { createHash } from "node:crypto";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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
 * synced: a loss of power ends every run. A lock that a crash left empty or torn counts as none: its run had not been started.
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
  /** Taken by this coordinator, by session: of these the file is not read. */
  const taken = new Map<string, SessionHolder>();

  return {
    take(holder, isLive) {
      const path = pathOf(holder.sessionKey);
      while (!tryCreate(path, `${JSON.stringify(holder)}\n`)) {
        const current = readHolder(path);
        if (current !== undefined && !isSame(current, holder) && isLive(current)) return current;
        rmSync(path, { force: true });
      }
      taken.set(holder.sessionKey, holder);
      return undefined;
    },
    release(holder) {
      const path = pathOf(holder.sessionKey);
      const current = taken.get(holder.sessionKey) ?? readHolder(path);
      if (current === undefined || !isSame(current, holder)) return;
      rmSync(path, { force: true });
      taken.delete(holder.sessionKey);
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

/** False where there is one already. One that could not be written whole (a full disk) is taken away again. */
function tryCreate(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EEXIST") return false;
    if (code === "ENOENT") {
      makeDirectory(dirname(path), 0o700); // A person has removed it.
      return tryCreate(path, text);
    }
    rmSync(path, { force: true });
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
