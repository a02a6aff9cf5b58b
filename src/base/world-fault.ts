import { existsSync } from "node:fs";
import { systemErrorCode } from "./errors.ts";
import type { Log, Surroundings } from "./surroundings.ts";

/** What the machine may be short of for a while, and what a person can do about it. Nothing of ours is wrong, so it is tried again. */
const WORLD_FAULTS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: make room on it",
  EDQUOT: "the disk quota is used up: make room, or raise it",
  EROFS: "the file system is read-only: mount it for writing",
  EIO: "the disk reports an error: look at the system's log",
  EMFILE: "this process has too many files open: raise its limit (ulimit -n)",
  ENFILE: "the system has too many files open: close some, or raise fs.file-max",
  EAGAIN: "the system has no more processes for this user: end some, or raise the limit (ulimit -u)",
  ENOMEM: "there is no memory left: end something",
  ESTALE: "the network file system has lost the file: mount it again",
  GIT: "git status and git fsck say more",
};
/** Of the files of one run these say that the run has gone wrong; of what all tasks need, that someone has to mend it. */
const MENDABLE: Readonly<Record<string, string>> = {
  EACCES: "permission is denied: give it back",
  EPERM: "permission is denied: give it back",
};

const FIRST_DELAY_MS = 250;
const DELAY_MAX_MS = 10_000;

/** Returns the code of a fault of the world that `error` is, or was caused by (the first cause says most); `undefined` for anything else. */
export function worldFaultCode(error: unknown): string | undefined {
  let found: string | undefined;
  for (let cause = error, depth = 0; cause instanceof Error && depth < 10; cause = cause.cause, depth += 1) {
    const code = systemErrorCode(cause);
    if (code !== undefined && Object.hasOwn(WORLD_FAULTS, code)) found = code;
  }
  return found;
}

/** Tells whether people can mend what `error` says of something that all tasks need: a fault of the world, or a denied permission. */
export function isMendable(error: unknown): boolean {
  return worldFaultCode(error) !== undefined || Object.hasOwn(MENDABLE, systemErrorCode(error) ?? "");
}

/** Something that cannot be done for a while. */
export interface WorldFault {
  /** What could not be done, why, and what helps: one line. */
  readonly reason: string;
  /** Unix ms. */
  readonly sinceMs: number;
}

/**
 * What the coordinator cannot do just now because of the machine it runs on. Each operation that failed is named, waits, and is tried
 * again; the fault is over when that succeeds.
 */
export interface WorldFaults {
  /**
   * Notes that `operation` failed. Returns in how many milliseconds to try again (longer each time), or `undefined` where the error is
   * none of the world's: then nothing is noted, and the caller throws it.
   */
  note(operation: string, error: unknown): number | undefined;
  /** Tells whether what failed with `error` is worth trying again, because nothing of ours nor of the task is wrong. */
  isPassing(error: unknown): boolean;
  /** The coordinator's own folder is not there: what is not found in it may be there again later. */
  isHomeAway(): boolean;
  /** `operation` has succeeded. */
  clear(operation: string): void;
  /** The fault that has lasted longest. */
  current(): WorldFault | undefined;
}

/**
 * Creates the record of no faults. It logs when the first one begins (`world-fault`) and when the last one is over (`world-ok`).
 *
 * @param home the folder without which nothing can be done; while it is away (moved, not mounted), that is why whatever fails
 */
export function createWorldFaults({ now }: Pick<Surroundings, "now">, log: Log, home?: string): WorldFaults {
  const isHomeAway = (): boolean => home !== undefined && !existsSync(home);
  const describe = (error: unknown): { readonly code: string; readonly why: string } | undefined => {
    const code = worldFaultCode(error);
    const said = error instanceof Error ? error.message : String(error);
    if (isHomeAway()) return { code: "ENOENT", why: `(ENOENT): ${home} is not there: put it back` };
    if (code === "GIT") return { code, why: `(${said}): ${WORLD_FAULTS[code]}` };
    if (code !== undefined) return { code, why: `(${code}): ${WORLD_FAULTS[code]}` };
    const denied = systemErrorCode(error) ?? "";
    return Object.hasOwn(MENDABLE, denied) ? { code: denied, why: `(${said}): ${MENDABLE[denied]}` } : undefined;
  };
  const faults = new Map<string, WorldFault & { readonly code: string; readonly times: number }>();
  return {
    note(operation, error) {
      const fault = describe(error);
      if (fault === undefined) return undefined;
      const { code, why } = fault;
      const before = faults.get(operation);
      const reason = `cannot ${operation} ${why}; it goes on by itself`;
      const times = (before?.times ?? 0) + 1;
      faults.set(operation, { code, reason, times, sinceMs: before?.sinceMs ?? now() });
      if (before?.code !== code) log("world-fault", { reason });
      return Math.min(FIRST_DELAY_MS * 2 ** Math.min(times - 1, 10), DELAY_MAX_MS);
    },
    isHomeAway,
    isPassing: (error) => worldFaultCode(error) !== undefined || isHomeAway(),
    clear(operation) {
      if (faults.delete(operation) && faults.size === 0) log("world-ok", {});
    },
    current() {
      let longest: WorldFault | undefined;
      for (const fault of faults.values())
        if (longest === undefined || fault.sinceMs < longest.sinceMs) longest = fault;
      return longest === undefined ? undefined : { reason: longest.reason, sinceMs: longest.sinceMs };
    },
  };
}
