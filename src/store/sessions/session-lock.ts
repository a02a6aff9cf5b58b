import { appendFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../../base/errors.ts";
import { readBoundedText } from "../../base/files/read-bounded.ts";
import { makeDirectory } from "../../base/files/write-file-atomic.ts";
import { parseObject } from "../../base/json-shape.ts";

/** Who writes to a session's thread. */
export interface SessionHolder {
  readonly task: string;
  readonly run: number;
  readonly sessionKey: string;
}

/**
 * One writer per session, over crashes: a lock outlives its coordinator, because the run that it guards does too. The coordinator
 * alone takes and releases them, and there is only one: a lock of a run that has ended is replaced without a contest. They are not
 * synced: a loss of power ends every run. A line that a crash left torn counts as none: its run had not been started.
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

/** A line says who took a session, or, without a task, that it was given back; the last one of a session counts. */
const FILE = "held.jsonl";
/** Then it is written anew, with what is held. More is written by nobody, and not read. */
const REWRITE_BYTES = 64 * 1024;
const FILE_BYTES_MAX = 64 * REWRITE_BYTES;

/** Returns the file that says it, below `dir`. */
export function sessionLocksFile(dir: string): string {
  return join(dir, FILE);
}

/** Returns who holds which session, and changes nothing. @param dir absolute; may be missing */
export function readSessionHolders(dir: string): readonly SessionHolder[] {
  return [...readHeld(sessionLocksFile(dir)).values()];
}

/** Opens the locks in `dir` (absolute; made when missing): one file, which is there while a session is held. */
export function createSessionLocks(dir: string): SessionLocks {
  const path = sessionLocksFile(dir);
  makeDirectory(dir, 0o700);
  for (const name of readdirSync(dir)) if (name !== FILE) rmSync(join(dir, name), { recursive: true, force: true }); // Left by a crash.
  /** By session. */
  const held = readHeld(path);
  /** Of the file; what an earlier coordinator wrote is written anew at the first line. */
  let bytes = REWRITE_BYTES;
  const removeFile = (): void => {
    rmSync(path, { force: true });
    bytes = 0;
  };
  if (held.size === 0) removeFile();

  const rewrite = (): void => {
    const text = [...held.values()].map(lineOf).join("");
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    bytes = text.length;
  };
  /** Each line begins with a line end: what a full disk has cut short spoils no other. */
  const write = (line: string): void => {
    try {
      appendFileSync(path, line, { mode: 0o600 });
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw error;
      makeDirectory(dir, 0o700); // A person has removed it.
      bytes = REWRITE_BYTES;
    }
    bytes += line.length;
    if (bytes > REWRITE_BYTES) rewrite();
  };
  const giveBack = ({ sessionKey }: SessionHolder): void => {
    held.delete(sessionKey);
    if (held.size === 0) removeFile();
    else {
      try {
        write(lineOf({ sessionKey }));
      } catch (error) {
        if (systemErrorCode(error) === undefined) throw error; // Else its run is found to have ended.
      }
    }
  };

  return {
    take(holder, isLive) {
      const current = held.get(holder.sessionKey);
      if (current !== undefined && !isSame(current, holder) && isLive(current)) return current;
      held.set(holder.sessionKey, holder);
      try {
        write(lineOf(holder));
      } catch (error) {
        if (current === undefined) held.delete(holder.sessionKey);
        else held.set(holder.sessionKey, current);
        throw error;
      }
      return undefined;
    },
    release(holder) {
      const current = held.get(holder.sessionKey);
      if (current !== undefined && isSame(current, holder)) giveBack(current);
    },
    releaseEnded(isLive) {
      for (const holder of [...held.values()]) if (!isLive(holder)) giveBack(holder);
    },
  };
}

function isSame(one: SessionHolder, other: SessionHolder): boolean {
  return one.task === other.task && one.run === other.run;
}

function lineOf(value: SessionHolder | Pick<SessionHolder, "sessionKey">): string {
  return `\n${JSON.stringify(value)}`;
}

function readHeld(path: string): Map<string, SessionHolder> {
  const held = new Map<string, SessionHolder>();
  for (const line of textOf(path).split("\n")) {
    const { sessionKey, task, run } = parseObject(line) ?? {};
    if (typeof sessionKey !== "string") continue;
    if (typeof task === "string" && typeof run === "number") held.set(sessionKey, { task, run, sessionKey });
    else held.delete(sessionKey);
  }
  return held;
}

/** "" where there is none, or none that can be ours. */
function textOf(path: string): string {
  try {
    return readBoundedText(path, FILE_BYTES_MAX) ?? "";
  } catch (error) {
    if (error instanceof CoordinatorError) return "";
    throw error;
  }
}
