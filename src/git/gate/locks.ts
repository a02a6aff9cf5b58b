import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { writeNewFile } from "../../base/files/durable-file.ts";
import { readStamp } from "../../base/files/file-stamp.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "../../base/process/process-identity.ts";
import type { Repository } from "../repository/repository.ts";
import { createLockWatch } from "./lock-watch.ts";

/**
 * Git's three lock files, taken by link(2) of a token of ours. A link either exists or not, so a crash never leaves a lock
 * that is half written; and the lock has the token's inode, so the next start knows it for ours and removes it.
 */
export interface Locks {
  /**
   * Makes the tokens, durable: the branch's lock will hold `tip`, the file that becomes the branch when it is moved into place.
   * `undefined`: the branch stays, only the other two are needed.
   */
  prepare(tip: string | undefined): Promise<void>;
  /** Takes the lock now; `false` when somebody holds it. */
  take(name: LockName): boolean;
  /** Gives a lock back. One that is not held is left alone. */
  release(name: LockName): void;
  /** Renames the held lock onto the file it guards, which ends it. */
  moveIntoPlace(name: LockName): void;
  path(name: LockName): string;
  /** Returns how long git's index was locked at a stretch, at most, since this was asked last; milliseconds. */
  indexHeldMs(): number;
  /** Removes the tokens. No lock may be held. */
  close(): void;
}

export type LockName = "head" | "branch" | "index";
const LOCK_NAMES: readonly LockName[] = ["head", "branch", "index"];

/** Begins the content of our locks that never become another file: recognises one whose token was lost with the power. */
const SIGNATURE = "codex-inbox lock";

let opened = 0;

export function createLocks(repository: Repository, stateDir: string): Locks {
  const identity = ownIdentity();
  opened += 1;
  const folder = join(stateDir, "locks", `${nameOf(identity)}.${opened}`);
  const held = new Set<LockName>();
  let ready: string | undefined;
  let [indexSinceMs, indexHeldMs] = [0, 0];
  const tokenPath = (name: LockName): string => join(folder, name);
  const lockPath = (name: LockName): string => `${guardedPath(repository, name)}.lock`;
  const watch = createLockWatch(
    folder,
    LOCK_NAMES.map((name) => [tokenPath(name), lockPath(name)] as const),
  );

  function makeToken(name: LockName, content: string): Promise<void> {
    // Never written in place: the old token may be the very file that is the branch now.
    rmSync(tokenPath(name), { force: true });
    return writeNewFile(tokenPath(name), Buffer.from(content));
  }

  return {
    async prepare(tip) {
      if (!["head", "index"].every((name) => existsSync(join(folder, name)))) {
        mkdirSync(folder, { recursive: true });
        for (const name of ["head", "index"] as const) await makeToken(name, lockContent(identity));
      }
      watch.begin();
      if (tip !== undefined && (ready !== tip || !existsSync(tokenPath("branch")))) {
        // Its content must be durable before it becomes the branch. Its name need not be: a journaling file system makes it so before
        // any lock that is linked to it later.
        await makeToken("branch", `${tip}\n`);
        ready = tip;
      }
    },
    take(name) {
      if (name === "branch") clearEmptyFolders(repository.branchPath);
      if (!linkLock(tokenPath(name), lockPath(name))) return false;
      held.add(name);
      if (name === "index") indexSinceMs = performance.now();
      return true;
    },
    release(name) {
      if (!held.delete(name)) return;
      rmSync(lockPath(name), { force: true });
      if (name === "index") indexHeldMs = Math.max(indexHeldMs, performance.now() - indexSinceMs);
    },
    moveIntoPlace(name) {
      renameSync(lockPath(name), guardedPath(repository, name));
      held.delete(name);
      if (name === "branch") ready = undefined;
    },
    path: lockPath,
    indexHeldMs() {
      const longest = indexHeldMs;
      indexHeldMs = 0;
      return longest;
    },
    close: watch.end,
  };
}

/** Returns what a lock holds that is only ever created and removed. */
function lockContent({ pid, startTicks, bootId }: ProcessIdentity): string {
  return `${SIGNATURE}: pid ${pid}, started ${startTicks}, boot ${bootId}\n`;
}

/** A lock file of git's that is there, and whether it was left by a process of ours that is gone. */
export interface FoundLock {
  readonly path: string;
  readonly isOurs: boolean;
  /** Since it was made. */
  readonly ageMs: number;
}

/** Returns the locks on HEAD, index and branch that are there. Those of a process of ours that lives are not told. */
export function findLeftLocks(
  repository: Repository,
  stateDir: string,
  nowMs: number = Date.now(),
): readonly FoundLock[] {
  const folder = join(stateDir, "locks");
  const owners = existsSync(folder) ? readdirSync(folder) : [];
  const holds = (owner: string, at: number, lock: string): boolean =>
    isSameFile(join(folder, owner, LOCK_NAMES[at] ?? ""), lock);
  return LOCK_NAMES.flatMap((name, at) => {
    const path = `${guardedPath(repository, name)}.lock`;
    const stamp = readStamp(path);
    if (stamp === undefined) return [];
    if (owners.some((owner) => isAliveName(owner) && holds(owner, at, path))) return [];
    const isOurs = isSigned(path) || owners.some((owner) => holds(owner, at, path));
    return [{ path, isOurs, ageMs: Math.max(0, nowMs - stamp.modifiedMs) }];
  });
}

/**
 * Removes the locks that a crash of ours left behind, and returns their paths. Those of a process that lives stay.
 * Foreign locks are never touched, however old.
 */
export function removeLeftLocks(repository: Repository, stateDir: string): readonly string[] {
  const folder = join(stateDir, "locks");
  mkdirSync(folder, { recursive: true });
  const left = findLeftLocks(repository, stateDir).filter(({ isOurs }) => isOurs);
  for (const { path } of left) rmSync(path, { force: true });
  for (const name of readdirSync(folder).filter((one) => !isAliveName(one)))
    rmSync(join(folder, name), { recursive: true, force: true });
  return left.map(({ path }) => path);
}

/** Tells whether another process that lives commits with this state folder: its locks and temporary files are in use. */
export function hasLiveOwner(stateDir: string): boolean {
  const folder = join(stateDir, "locks");
  const own = `${nameOf(ownIdentity())}.`;
  return existsSync(folder) && readdirSync(folder).some((name) => !name.startsWith(own) && isAliveName(name));
}

/** Begins the name of the folder of a committer's tokens. Each has its own: what watches over those of a dead one can never take a lock of its successor for one of them. */
function nameOf({ pid, startTicks, bootId }: ProcessIdentity): string {
  return `${pid}-${startTicks}-${bootId}`;
}

function isAliveName(name: string): boolean {
  const [, pid, startTicks, bootId] = /^(\d+)-(\d+)-([^.]+)\.\d+$/.exec(name) ?? [];
  return startTicks !== undefined && bootId !== undefined && isAlive({ pid: Number(pid), startTicks, bootId });
}

function guardedPath(repository: Repository, name: LockName): string {
  if (name === "head") return repository.headPath;
  return name === "branch" ? repository.branchPath : repository.indexPath;
}

/** Git removes empty folders below refs/ at any time, so making the folder and linking may have to be repeated. */
function linkLock(token: string, lock: string): boolean {
  for (let attempt = 1; ; attempt += 1) {
    try {
      linkSync(token, lock);
      return true;
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === "EEXIST") return false;
      if (code !== "ENOENT" || attempt >= 5) throw error;
      mkdirSync(dirname(lock), { recursive: true });
    }
  }
}

/** Git may leave the empty folders of deleted branches "main/x" where the file of "main" goes. It clears them away likewise. */
function clearEmptyFolders(path: string): void {
  if (readStamp(path)?.kind !== "folder") return;
  for (const name of readdirSync(path)) clearEmptyFolders(join(path, name));
  rmdirSync(path);
}

function isSameFile(token: string, lock: string): boolean {
  const there = readStamp(lock);
  return there !== undefined && there.inode === readStamp(token)?.inode;
}

/** The token of a lock may be lost with the power; then its content tells whose it was. */
function isSigned(lock: string): boolean {
  const stamp = readStamp(lock);
  if (stamp?.kind !== "file" || stamp.sizeBytes > SIGNED_BYTES_MAX) return false;
  const text = readOrNothing(lock);
  const [, pid, startTicks, bootId] = /: pid (\d+), started (\d+), boot (\S+)/.exec(text) ?? [];
  if (!text.startsWith(SIGNATURE) || startTicks === undefined || bootId === undefined) return false;
  return !isAlive({ pid: Number(pid), startTicks, bootId });
}

const SIGNED_BYTES_MAX = 1_000;

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return ""; // Removed meanwhile, by what watches over it.
    throw error;
  }
}
