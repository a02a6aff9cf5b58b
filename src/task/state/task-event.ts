import type { FinalStatus } from "../ledger/ledger.ts";

/** How an agent's run ended. */
export type ExitVerdict =
  | { readonly kind: "succeeded" }
  /**
   * `retryAtMs`: the time before which another run is of no use (a rate limit, a thread in use). `costsAttempt`: whether it
   * counts against the task.
   */
  | {
      readonly kind: "failed";
      readonly retryable: boolean;
      readonly reason: string;
      readonly retryAtMs: number | undefined;
      readonly costsAttempt: boolean;
    }
  /** It met what would meet every task alike. Uses no attempt; when it runs again is the business of what holds them all. */
  | { readonly kind: "held"; readonly reason: string }
  /** It was told to end, and did, in the middle of its turn. */
  | { readonly kind: "interrupted" }
  /** The thread it was to resume is not there, or is full: the next run begins a new one. Uses no attempt, since nothing could be asked of the agent. */
  | { readonly kind: "threadLost"; readonly reason: string }
  /** Codex could not be run. Uses no attempt either, and is counted like a lost run. */
  | { readonly kind: "codexMissing"; readonly reason: string };

/** What may happen to a task. */
export type TaskEvent =
  | { readonly kind: "started" }
  /** The process of the run is gone and left a verdict. */
  | { readonly kind: "exited"; readonly verdict: ExitVerdict }
  /** The process of the run is gone and left no verdict. */
  | { readonly kind: "vanished" }
  /** The verify command was prepared and never begun: nothing was lost. */
  | { readonly kind: "unbegun" }
  /** `detail`: which limit was reached, and what sets it. */
  | { readonly kind: "stop"; readonly cause: StopCause; readonly detail?: string | undefined }
  /** The user saved the dropped file again. */
  | { readonly kind: "replaced" }
  /** This clone has taken it over: runs are numbered from `run` on. */
  | { readonly kind: "takenOver"; readonly run: number }
  /** It can never run: `reason` says why. */
  | { readonly kind: "unrunnable"; readonly reason: string }
  /** Another clone had taken it over and has brought it to its end. */
  | { readonly kind: "endedElsewhere"; readonly status: FinalStatus; readonly reason: string }
  /** The agent's run succeeded: whether the task did is for its verify command to say. */
  | { readonly kind: "verifyStarted" }
  | { readonly kind: "verified"; readonly outcome: VerifyOutcome; readonly reason: string };

/** `unavailable`: the command could not be run at all, which no agent can mend. */
export type VerifyOutcome = "passed" | "failed" | "unavailable" | "stopped";

/** Why a run is stopped. `output`: a verify command printed more than is kept. */
export type StopCause = "user" | "timeout" | "stall" | "output" | "shutdown";
