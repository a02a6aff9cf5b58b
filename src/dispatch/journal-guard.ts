import { CoordinatorError } from "../base/errors.ts";
import type { WorldFaults } from "../base/world-fault.ts";

const OPERATION = "write the journal";

/** Keeps everything that writes the journal waiting while it cannot be written: a full disk, a read-only moment. */
export interface JournalGuard {
  /** When it is worth trying again, Unix ms; `undefined` where the journal can be written. When that time has come, it is tried. */
  blockedUntilMs(): number | undefined;
  /** Notes that it cannot be written; false where `error` says nothing of the kind. */
  note(error: unknown): boolean;
  /** Returns what to tell the caller whose request failed with `error`: to try again, where it is the world's fault; that is noted. */
  tryAgain(error: unknown): unknown;
}

/** @param probe throws what keeps the journal from being written */
export function createJournalGuard(probe: () => void, faults: WorldFaults, now: () => number): JournalGuard {
  let untilMs: number | undefined;
  const note = (error: unknown): boolean => {
    const delayMs = faults.note(OPERATION, error);
    if (delayMs !== undefined) untilMs = now() + delayMs;
    return delayMs !== undefined;
  };
  return {
    note,
    tryAgain: (error) =>
      note(error)
        ? new CoordinatorError("TRY_AGAIN", faults.current()?.reason ?? "try again later", { cause: error })
        : error,
    blockedUntilMs() {
      if (untilMs === undefined || untilMs > now()) return untilMs;
      try {
        probe();
        untilMs = undefined;
        faults.clear(OPERATION);
      } catch (error) {
        if (!note(error)) throw error;
      }
      return untilMs;
    },
  };
}
