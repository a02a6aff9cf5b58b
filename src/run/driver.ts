import type { TranscriptBody } from "../task/session/transcript-entry.ts";
import type { RunProbe, RunRequest, RunVerdict, Usage } from "../task/state/run.ts";
import type { VerifyFacts, VerifyRequest } from "../task/state/verification.ts";

/** The name of a run: every run of a task, whatever its kind, has a number of its own. */
export interface RunKey {
  readonly task: string;
  readonly run: number;
}

/** Plain data: all that another coordinator needs to go on with a run. */
export interface RunLease extends RunKey {
  /** The thread that an agent was to resume. */
  readonly resume: string | undefined;
}

/** What a run does, in the order in which it did it. */
export type RunEvent =
  /** The thread of an agent is known. */
  | Seen<{ readonly kind: "thread"; readonly thread: string }>
  /** The model has answered: an item of its turn. `paths` are the absolute paths of files that it changes. */
  | Seen<{
      readonly kind: "item";
      readonly phase: "started" | "updated" | "completed";
      readonly id: string;
      readonly body: TranscriptBody;
      readonly paths: readonly string[];
      /** Of the run's events, from 1: where this was said, and where the item began. */
      readonly line: number;
      readonly firstLine: number;
      /** Of an item that was seen to begin and to end. */
      readonly durationMs: number | undefined;
    }>
  /** Tokens that the run has used until now, where codex notes it. */
  | Seen<{ readonly kind: "usage"; readonly usage: Usage }>
  /** A sign of life that says no more. */
  | Seen<{ readonly kind: "notice" }>
  /** How much it has written until now; a sign of nothing but that. */
  | { readonly kind: "output"; readonly bytes: number }
  /**
   * Its process has ended: once, as soon as that is known. What was not read until then may still follow. `exitCode` is `undefined`
   * where it is not on record.
   */
  | { readonly kind: "exited"; readonly exitCode: number | undefined };

/** `isOld`: it was there before this coordinator looked. `atMs` (Unix ms): when it was seen, at the latest the last change of its file. */
type Seen<Event> = Event & { readonly atMs: number; readonly isOld: boolean };

/** A run under way. Its events are read by one reader, to their end; only then its outcome is known. */
export interface RunHandle<Outcome> {
  readonly lease: RunLease;
  /** How long it had been silent when it was adopted, in milliseconds; 0 for one that was started here. */
  readonly silentMs: number;
  /** Ends after the last event of a run that has ended, or with `detach`. */
  events(): AsyncIterable<RunEvent>;
  /** Resolves once all that it had said before this call was handed out as events, or when no more will be. */
  caughtUp(): Promise<void>;
  /**
   * Asks the run to end, ends it by force after `graceMs`, and everything that it started; resolves when no process of it is left. A
   * run that was not begun yet never will be. @throws CoordinatorError `TRY_AGAIN` if a process outlives that by seconds
   */
  stop(graceMs: number): Promise<void>;
  /** Resolves once the events have ended. What can be read no more is part of the outcome, not an exception. */
  outcome(): Promise<Outcome>;
  /** Lets go of the run without ending it. */
  detach(): void;
}

/**
 * How runs of one kind are started, found again and looked at. A run belongs to its lease and not to the coordinator that started it:
 * all but `start` works as well on a run that another one began.
 */
export interface Driver<Request, Outcome> {
  /**
   * Starts a run. `isWanted` is asked once, when nothing is missing but the process, and nothing happens between its answer and the
   * start: what it journals is durable before the run begins. Resolves with `undefined` where it says no.
   *
   * @throws CoordinatorError `TASK_FILE` before `isWanted` is asked, where the request can never run; `CODEX` where no process could
   * be made, and then this run is sealed: it never starts
   */
  start(request: Request, isWanted: () => boolean | Promise<boolean>): Promise<RunHandle<Outcome> | undefined>;
  adopt(lease: RunLease): Promise<RunHandle<Outcome>>;
  probe(run: RunKey): RunProbe["kind"];
  /** Makes sure that this run never starts; false when it already did. */
  seal(run: RunKey): boolean;
}

export type AgentDriver = Driver<RunRequest, AgentOutcome>;
export type VerifyDriver = Driver<VerifyRequest, VerifyFacts>;

/** What an agent's run left behind. */
export interface AgentOutcome {
  readonly verdict: RunVerdict;
  /** What the transcript says of it, between the prompt and the end, by line of its events. */
  readonly said: readonly SaidLine[];
  /** Complete lines of its events. */
  readonly lineCount: number;
  /** Unix ms. */
  readonly endedAtMs: number;
  /** The files (absolute) that its patches were to write: whether one did. */
  readonly patches: ReadonlyMap<string, "written" | "refused">;
}

/** One entry of a transcript. */
export interface SaidLine {
  /** Of the run's events, from 1. */
  readonly line: number;
  /** Unix ms. */
  readonly atMs: number;
  /** Of an item that was seen to begin and to end. */
  readonly durationMs?: number | undefined;
  readonly body: TranscriptBody;
}

/** All runs of this workspace, as they lie on the disk and in the process table. */
export interface RunStore {
  /** Tells whether anything was prepared for a run; without a look at the process table. */
  has(run: RunKey): boolean;
  /** Ends a run of either kind where no coordinator does. Rejects as `RunHandle.stop`. */
  stop(run: RunKey, graceMs: number): Promise<void>;
  /**
   * Forgets the runs of a task that is done with, in a quiet moment; with `keep` they are put aside at once for a person to look at, up
   * to a number of tasks.
   */
  forget(task: string, options: { readonly keep: boolean }): void;
  /** Forgets the runs of all other tasks. */
  forgetOthers(isOpen: (task: string) => boolean): void;
  /** Resolves when nothing is left of what was forgotten. */
  close(): Promise<void>;
  /** Ends every process of this workspace's runs but the live ones; resolves with what it found. */
  reap(isLive: (task: string, run: number) => boolean): Promise<readonly (RunKey & { readonly pid: number })[]>;
}
