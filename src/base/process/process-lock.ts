import { randomUUID } from "node:crypto";
import { existsSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { lock } from "proper-lockfile";
import { CoordinatorError, systemErrorCode } from "../errors.ts";
import { isCopyOf } from "../files/file-stamp.ts";
import { realPathOf } from "../files/real-path.ts";
import { type ChainEntry, lastEntry, replaceEntry } from "./holder-chain.ts";
import { openLifeLine, probeLifeLine } from "./life-line.ts";
import { isAlive, ownIdentity, type ProcessIdentity, readBootId, readPidNamespace } from "./process-identity.ts";

/** A holder whose process we cannot ask gives a sign of life every half of this; without one for the whole of it, it is gone. */
const STALE_MS = 10_000;
/** Of the file that says who holds it; absent in earlier versions. */
const FORMAT = 1;
/** How often a folder that is away is looked for. */
const AWAY_LOOK_MS = 250;

export interface LockHolder extends ProcessIdentity {
  /** A process id means something only within it: a container on this machine has ids of its own. */
  readonly pidNamespace: string;
  readonly startedAt: string;
  /** Real path of the folder. Absent in earlier versions, as are the next two. */
  readonly folder?: string;
  /** Number of the device that the folder lies on, as this boot counts them. */
  readonly device?: string;
  /** Name of a socket in the folder that the holder listens at. */
  readonly lifeLine?: string;
}

export interface HeldLock {
  /** Gives the lock back; the next taker gets it at once. Calling it twice, or after the lock was lost, does no harm. */
  release(): Promise<void>;
}

export interface LockOptions {
  /** An existing folder. The lock is `<dir>/<name>` (touched as the sign of life) and `<dir>/<name>.holder-<n>.json` (who has it). */
  readonly dir: string;
  readonly name: string;
  /**
   * Told when the lock was taken away from us (the machine slept for long, the lock was removed): stop writing. A folder that is away (it
   * was moved) is waited for: the lock is ours still if it comes back as it was.
   */
  readonly onLost: (error: Error) => void;
  /** The sentence for the second taker. */
  readonly describeHolder: (holder: LockHolder) => string;
}

/**
 * Takes the lock, or says who holds it. proper-lockfile alone blocks for ten seconds after its holder was killed, and lets two takers
 * in when both find a lock stale at once (it removes what the other has just made). So who has the lock is decided by the chain of
 * holders, by asking for the holder's process, or in another container of this machine, at its socket; proper-lockfile gives the sign of
 * life for a holder that cannot be asked in either way: on another machine, or before the machine was started anew.
 *
 * @throws CoordinatorError `REFUSED` while somebody holds it, this process included
 */
export async function takeLock(options: LockOptions): Promise<HeldLock> {
  const { dir, name } = options;
  const lifeLine = await openLifeLine(dir, `.${name}.alive-${randomUUID().slice(0, 8)}`);
  const entry = await becomeHolder(options, lifeLine.name).catch((error: unknown) => {
    lifeLine.close();
    throw error;
  });
  const handBack = (): void => {
    replaceEntry(dir, name, entry, JSON.stringify({ v: FORMAT, free: randomUUID() }));
    lifeLine.close();
  };
  const signs = async (): Promise<() => Promise<void>> =>
    startSigns({ ...options, onLost: (error) => void regain(error).catch(options.onLost) });
  const regain = async (error: Error): Promise<void> => {
    if (existsSync(dir)) return options.onLost(error);
    while (!existsSync(dir) && !released) await delay(AWAY_LOOK_MS, undefined, { ref: false });
    if (released) return;
    if (lastEntry(dir, name)?.text !== entry.text) return options.onLost(error);
    stopSigns = await signs();
  };
  let released = false;
  let stopSigns = await signs().catch((error: unknown) => {
    handBack();
    throw error;
  });
  return {
    async release() {
      released = true;
      try {
        await stopSigns();
      } catch (error) {
        // It was lost, or released before; or the folder is away, and the lock with it.
        if (systemErrorCode(error) !== "ERELEASED" && existsSync(dir)) throw error;
      }
      if (existsSync(dir)) handBack();
      else lifeLine.close();
    },
  };
}

/** Returns who holds the lock, or `undefined`. */
export async function findHolder(dir: string, name: string): Promise<LockHolder | undefined> {
  const holder = holderIn(lastEntry(dir, name));
  return holder !== undefined && (await isHolding(dir, name, holder)) ? holder : undefined;
}

/** Returns who took the lock last and has not given it back, alive or not; `undefined` where it is free. */
export function lastHolder(dir: string, name: string): LockHolder | undefined {
  return holderIn(lastEntry(dir, name));
}

async function becomeHolder(
  { dir, name, describeHolder }: LockOptions,
  lifeLine: string | undefined,
): Promise<ChainEntry> {
  const { pid, startTicks, bootId } = ownIdentity();
  for (;;) {
    const last = lastEntry(dir, name);
    const holder = holderIn(last);
    if (holder !== undefined && (await isHolding(dir, name, holder))) {
      throw new CoordinatorError("REFUSED", describeHolder(holder));
    }
    const self: LockHolder & { readonly v: number; readonly nonce: string } = {
      v: FORMAT,
      pid,
      startTicks,
      bootId,
      pidNamespace: readPidNamespace(),
      startedAt: new Date().toISOString(),
      folder: realPathOf(dir),
      device: deviceOf(dir),
      ...(lifeLine === undefined ? {} : { lifeLine }),
      nonce: randomUUID(),
    };
    const entry = replaceEntry(dir, name, last, `${JSON.stringify(self)}\n`);
    if (entry === undefined) continue; // Somebody else was first: look who.
    if (holder?.lifeLine !== undefined) rmSync(join(dir, basename(holder.lifeLine)), { force: true });
    return entry;
  }
}

/** Only the holder may call this: what it finds of an earlier one is removed. */
async function startSigns({ dir, name, onLost }: LockOptions): Promise<() => Promise<void>> {
  const path = join(dir, name);
  rmSync(path, { recursive: true, force: true });
  return await lock(path, {
    lockfilePath: path,
    realpath: false,
    stale: STALE_MS,
    update: STALE_MS / 2,
    onCompromised: onLost,
  });
}

async function isHolding(dir: string, name: string, holder: LockHolder): Promise<boolean> {
  if (isCopyOf(holder.folder, dir)) return false; // It holds the lock of the folder that this one was copied from.
  if (holder.bootId === readBootId()) {
    if (holder.pidNamespace === readPidNamespace()) return isAlive(holder);
    // Another container of this machine. A folder that is mounted twice has two device numbers, and two sockets in the place of one.
    const isOneMount = holder.lifeLine !== undefined && holder.device === deviceOf(dir);
    const answer = isOneMount ? await probeLifeLine(dir, basename(holder.lifeLine ?? "")) : "unknown";
    if (answer !== "unknown") return answer === "alive";
  }
  const touched = statSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.parse(holder.startedAt);
  return Date.now() - touched < STALE_MS;
}

function deviceOf(dir: string): string {
  return String(statSync(dir).dev);
}

/** Returns the holder that an entry names; `undefined` where the lock was given back, or the text is none of ours. */
function holderIn(entry: ChainEntry | undefined): LockHolder | undefined {
  if (entry === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(entry.text);
  } catch {
    return undefined; // Power was lost before the text reached the disk, and its process with it.
  }
  return isHolder(value) ? value : undefined;
}

function isHolder(value: unknown): value is LockHolder {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const texts = ["startTicks", "bootId", "pidNamespace", "startedAt"].every(
    (name) => typeof fields.get(name) === "string",
  );
  return texts && typeof fields.get("pid") === "number";
}
