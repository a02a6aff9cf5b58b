import { existsSync } from "node:fs";
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
  /** Refuses a request that would make the coordinator's folder anew where that is away. @throws CoordinatorError `TRY_AGAIN` */
  requireHome(): void;
}

/**
 * @param probe throws what keeps the journal from being written
 * @param monotonicMs a clock that nobody can set back
 * @param home the coordinator's own folder: while it is away nothing is done, since settings and pauses that are not there count as none
 */
export function createJournalGuard(
  probe: () => void,
  faults: WorldFaults,
  monotonicMs: () => number,
  home: string,
): JournalGuard {
  let untilMs: number | undefined;
  const note = (error: unknown): boolean => {
    const delayMs = faults.note(OPERATION, error);
    if (delayMs !== undefined) untilMs = monotonicMs() + delayMs;
    return delayMs !== undefined;
  };
  return {
    note,
    tryAgain: (error) =>
      !(error instanceof CoordinatorError && error.code === "GIT") && note(error)
        ? new CoordinatorError("TRY_AGAIN", faults.current()?.reason ?? "try again later", { cause: error })
        : error,
    requireHome() {
      if (!existsSync(home)) throw new CoordinatorError("TRY_AGAIN", `${home} is not there: try again when it is back`);
    },
    blockedForMs() {
      const isAway = !existsSync(home);
      if (untilMs === undefined && !isAway) return undefined;
      if (untilMs !== undefined && untilMs > monotonicMs()) return untilMs - monotonicMs();
      try {
        if (isAway) throw new Error(`${home} is not there`); // The probe would make it anew.
        probe();
        untilMs = undefined;
        faults.clear(OPERATION);
      } catch (error) {
        if (!note(error) && !isAway) throw error;
      }
      return untilMs === undefined ? undefined : Math.max(0, untilMs - monotonicMs());
    },
  };
}
