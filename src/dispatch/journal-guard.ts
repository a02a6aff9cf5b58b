import { CoordinatorError } from "../base/errors.ts";
import type { WorldFaults } from "../base/world-fault.ts";

const OPERATION = "write the journal";

/** Keeps everything that writes the journal waiting while it cannot be written: a full disk, a read-only moment. */
export interface JournalGuard {
  /** In how many milliseconds it is worth trying again; `undefined` where the journal can be written. When that time has come, it is tried. */
  blockedForMs(): number | undefined;
  /** Notes that it cannot be written; false where `error` says nothing of the kind. */
  note(error: unknown): boolean;
  /** Returns what to tell the caller whose request failed with `error`: to try again, where it is the world's fault; that is noted. */
  tryAgain(error: unknown): unknown;
}

/**
 * @param probe throws what keeps the journal from being written
 * @param monotonicMs a clock that nobody can set back
 */
export function createJournalGuard(probe: () => void, faults: WorldFaults, monotonicMs: () => number): JournalGuard {
  let untilMs: number | undefined;
  const note = (error: unknown): boolean => {
    const delayMs = faults.note(OPERATION, error);
    if (delayMs !== undefined) untilMs = monotonicMs() + delayMs;
    return delayMs !== undefined;
  };
  return {
    note,
    tryAgain: (error) =>
      note(error)
        ? new CoordinatorError("TRY_AGAIN", faults.current()?.reason ?? "try again later", { cause: error })
        : error,
    blockedForMs() {
      if (untilMs === undefined) return undefined;
      if (untilMs > monotonicMs()) return untilMs - monotonicMs();
      try {
        probe();
        untilMs = undefined;
        faults.clear(OPERATION);
      } catch (error) {
        if (!note(error)) throw error;
      }
      return untilMs === undefined ? undefined : Math.max(0, untilMs - monotonicMs());
    },
  };
}
