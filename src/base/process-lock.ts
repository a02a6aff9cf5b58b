import { randomUUID } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { lock } from "proper-lockfile";
import { CoordinatorError, systemErrorCode } from "./errors.ts";
import { isCopyOf } from "./file-stamp.ts";
import { type ChainEntry, lastEntry, replaceEntry } from "./holder-chain.ts";
import { isAlive, ownIdentity, type ProcessIdentity, readBootId, readPidNamespace } from "./process-identity.ts";
import { realPathOf } from "./real-path.ts";

/** A holder whose process we cannot ask gives a sign of life every half of this; without one for the whole of it, it is gone. */
const STALE_MS = 10_000;

export interface LockHolder extends ProcessIdentity {
  /** A process id means something only within it: a container on this machine has ids of its own. */
  readonly pidNamespace: string;
  readonly startedAt: string;
  /** Real path of the folder. Absent in earlier versions. */
  readonly folder?: string;
}

export interface HeldLock {
  /** Gives the lock back; the next taker gets it at once. Calling it twice, or after the lock was lost, does no harm. */
  release(): Promise<void>;
}

export interface LockOptions {
  /** An existing folder. The lock is `<dir>/<name>` (touched as the sign of life) and `<dir>/<name>.holder-<n>.json` (who has it). */
  readonly dir: string;
  readonly name: string;
  /** Told when the lock was taken away from us (the machine slept for long, the folder was removed): stop writing. */
  readonly onLost: (error: Error) => void;
  /** The sentence for the second taker. */
  readonly describeHolder: (holder: LockHolder) => string;
}

/**
 * Takes the lock, or says who holds it. proper-lockfile alone blocks for ten seconds after its holder was killed, and lets two takers
 * in when both find a lock stale at once (it removes what the other has just made). So who has the lock is decided by the chain of
 * holders, by asking for the holder's process; proper-lockfile gives the sign of life for a holder on another machine or in another
 * container, whose process cannot be asked.
 *
 * @throws CoordinatorError `REFUSED` while somebody holds it, this process included
 */
export async function takeLock(options: LockOptions): Promise<HeldLock> {
  const { dir, name } = options;
  const entry = becomeHolder(options);
  const handBack = (): void => void replaceEntry(dir, name, entry, JSON.stringify({ free: randomUUID() }));
  const stopSigns = await startSigns(options).catch((error: unknown) => {
    handBack();
    throw error;
  });
  return {
    async release() {
      try {
        await stopSigns();
      } catch (error) {
        if (systemErrorCode(error) !== "ERELEASED") throw error; // It was lost, or released before.
      }
      handBack();
    },
  };
}

/** Returns who holds the lock, or `undefined`. */
export function findHolder(dir: string, name: string): LockHolder | undefined {
  const holder = holderIn(lastEntry(dir, name));
  return holder !== undefined && isHolding(dir, name, holder) ? holder : undefined;
}

function becomeHolder({ dir, name, describeHolder }: LockOptions): ChainEntry {
  const { pid, startTicks, bootId } = ownIdentity();
  for (;;) {
    const last = lastEntry(dir, name);
    const holder = holderIn(last);
    if (holder !== undefined && isHolding(dir, name, holder)) {
      throw new CoordinatorError("REFUSED", describeHolder(holder));
    }
    const self: LockHolder & { readonly nonce: string } = {
      pid,
      startTicks,
      bootId,
      pidNamespace: readPidNamespace(),
      startedAt: new Date().toISOString(),
      folder: realPathOf(dir),
      nonce: randomUUID(),
    };
    const entry = replaceEntry(dir, name, last, `${JSON.stringify(self)}\n`);
    if (entry !== undefined) return entry; // Otherwise somebody else was first: look who.
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

function isHolding(dir: string, name: string, holder: LockHolder): boolean {
  if (isCopyOf(holder.folder, dir)) return false; // It holds the lock of the folder that this one was copied from.
  const canBeAsked = holder.bootId === readBootId() && holder.pidNamespace === readPidNamespace();
  if (canBeAsked) return isAlive(holder);
  const touched = statSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.parse(holder.startedAt);
  return Date.now() - touched < STALE_MS;
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
