import type { RunDefaults } from "../dispatch/run/run-request.ts";
import type { VerifySettings } from "../dispatch/run/verifications.ts";
import type { FollowUpSettings } from "../intake/follow-ups.ts";

/** The settings in force; a getter each, because they may be edited while serving. */
export interface LiveSettings extends VerifySettings, FollowUpSettings {
  readonly maxWorkers: number;
  readonly maxOpenTasks: number;
  readonly settleMs: number;
  readonly timeoutMs?: number | undefined;
  readonly stallTimeoutMs: number;
  readonly stopGraceMs: number;
  readonly maxAttempts: number;
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  readonly run: RunDefaults;
}
