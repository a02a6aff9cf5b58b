import type { Log } from "../base/surroundings.ts";
import type { RunDefaults } from "../dispatch/run/run-request.ts";
import type { VerifySettings } from "../dispatch/run/verifications.ts";
import type { FollowUpSettings } from "../intake/follow-ups.ts";
import type { SyncSettings } from "../publish/branch-sync.ts";
import type { WorkplaceSetting } from "../task/workplace/choose-workplace.ts";

/** The settings in force; a getter each, because they may be edited while serving. */
export interface LiveSettings extends VerifySettings, FollowUpSettings {
  readonly maxWorkers: number;
  readonly sharedWriters: number;
  readonly workplace: WorkplaceSetting;
  readonly maxOpenTasks: number;
  readonly minFreeMb: number;
  readonly settleMs: number;
  readonly timeoutMs?: number | undefined;
  readonly stallTimeoutMs: number;
  readonly stopGraceMs: number;
  readonly maxAttempts: number;
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  readonly sync: SyncSettings;
  readonly run: RunDefaults;
}

/** Logs when settings that were edited are read, or are not and why. @param reload returns what is wrong with them now */
export function watchReloads(
  reload: () => string | undefined,
  log: Log,
): { readonly look: () => void; readonly problem: () => string | undefined } {
  let last: string | undefined;
  return {
    look() {
      const problem = reload();
      if (problem !== last) log(problem === undefined ? "settings-read" : "settings-kept", { reason: problem });
      last = problem;
    },
    problem: () => last,
  };
}
