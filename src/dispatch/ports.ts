import type { CommitPlan, CommitReport, CommitterWait } from "../task/records/commit-plan.ts";
import type { BrokenDrop, Drop, InboxScan } from "../task/file/drop.ts";
import type { CodexInstallation, RunProbe, RunRequest, RunVerdict } from "../task/state/run.ts";
import type { SessionFact } from "../task/session/session-fact.ts";
import type { SessionState } from "../task/session/session-facts.ts";
import type { TaskSpec } from "../task/file/task-spec.ts";
import type { TranscriptEntry } from "../task/session/transcript-entry.ts";
import type { ChangedFile, RunContext } from "../store/journal-record.ts";

/** The branch: what it holds and the one way to add to it. Paths are relative to the workspace. */
export interface BranchPort {
  /** Applies `plans` to the branch, one commit each, chained; the branch moves once. Waits while git is not ours to touch. */
  commit(plans: readonly CommitPlan[], signal: AbortSignal): Promise<CommitReport>;
  waiting(): CommitterWait | undefined;
  /** Looks at the branch again; `foreign`: somebody else moved it since our last look; `lostOurs`: our last commit is no longer in it. */
  refresh(): Promise<{ readonly tip: string | undefined; readonly foreign: boolean; readonly lostOurs: boolean }>;
  readText(path: string): Promise<string | undefined>;
  blobAt(path: string): Promise<string | undefined>;
  treeId(path: string): Promise<string | undefined>;
  listFolder(path: string): Promise<readonly { readonly name: string; readonly kind: "file" | "folder" }[]>;
  headIsOurs(): Promise<boolean>;
  /** Tells whether a git command of the user's that began a moment ago still runs: what it has read of the work tree is not known. */
  isUserAtGit(): boolean;
  indexEntries(folder: string): Promise<ReadonlyMap<string, string>>;
  introducedBy(path: string): Promise<{ readonly commit: string; readonly timeMs: number } | undefined>;
  hashBlob(bytes: Uint8Array): string;
  close(): Promise<void>;
}

/** The inbox folder: the scan is the truth, the hint only says when to look. */
export interface IntakePort {
  start(): Promise<void>;
  scan(): Promise<InboxScan>;
  /** Takes the file unless `isFree`, asked at the last moment, says no; "changed": look at it again later. */
  claim(drop: Drop, id: string, isFree?: () => boolean): Promise<Drop | "changed" | undefined>;
  release(id: string): Promise<void>;
  putBack(id: string): Promise<void>;
  leftClaims(): Promise<readonly { readonly id: string; readonly drop: Drop }[]>;
  reportBroken(broken: readonly BrokenDrop[]): Promise<void>;
  stop(): Promise<void>;
}

/** What the runtime reads of an event of a run; the rest goes into the transcript at the end. */
export interface RunEvent {
  readonly type: string;
  readonly thread_id?: string;
  readonly item?: { readonly type: string };
}

/** The agent's processes. A run belongs to its folder, not to the coordinator: it can be started by one and collected by the next. */
export interface RunnerPort {
  prepare(request: RunRequest): void;
  /** Returns the process id of the run; `onExit` is called once when it ends while this coordinator lives. */
  start(request: RunRequest, onExit: () => void): number;
  probe(runDir: string): RunProbe;
  /** Makes sure that this run never starts; false when it already did. */
  seal(runDir: string): boolean;
  follow(
    runDir: string,
    fromLine: number,
    onEvent: (line: number, event: RunEvent, seenAtMs: number) => void,
  ): { poll(): void; close(): void };
  judge(runDir: string, askedThread: string | undefined): RunVerdict;
  entries(
    runDir: string,
    context: {
      readonly task: string;
      readonly run: number;
      readonly attempt: number;
      readonly prompt: string;
      readonly startedAtMs: number;
      readonly seenAt: ReadonlyMap<number, number>;
    },
  ): readonly TranscriptEntry[];
  /** Ends the run and everything it started; resolves when no process of it is left. */
  stop(runDir: string, graceMs: number): Promise<void>;
  /** Ends every process of this workspace's runs but the live ones. */
  reap(
    isLive: (task: string, run: number) => boolean,
  ): Promise<readonly { readonly pid: number; readonly task: string; readonly run: number }[]>;
}

/** Adds to a prompt what the agent should know besides. Never rejects for what is wrong with notes. */
export interface PromptPort {
  /** @param memory what the task asks for: whether notes are wanted, or terms to search them for beside the prompt's own */
  assemble(
    prompt: string,
    memory: TaskSpec["memory"],
  ): Promise<{
    /** Begins with the prompt. */
    readonly text: string;
    /** What follows it; `undefined` where nothing does. */
    readonly context: RunContext | undefined;
  }>;
}

/** Finds the codex executable and checks that it can work. Rejects with `CoordinatorError` `CODEX`. */
export interface CodexPort {
  check(): Promise<CodexInstallation>;
  /** Changes when what codex works with was changed: its configuration, its login, the settings of its runs. */
  stamp(): string;
}

/** What changed in the work tree the agents work in. */
export interface WorkTreePort {
  /** Absolute root that a task's `workdir` is relative to and may not leave. */
  readonly root: string;
  /** Uncommitted paths below `workdir` that were touched since `sinceMs` (Unix ms), ours left out. */
  changedFiles(workdir: string, sinceMs: number): Promise<readonly ChangedFile[]>;
}

/** Time and chance, so that tests can hold them still. */
export interface Surroundings {
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Calls back once that much time has passed; what it returns takes that back. */
  readonly after: (ms: number, callback: () => void) => () => void;
}

/** One line per event, `key=value`; the wording is stable. */
export type Log = (event: string, fields: Readonly<Record<string, string | number | boolean | undefined>>) => void;

/** What sessions are known to be, and who writes to them. */
export interface SessionPort {
  read(sessionKey: string): Promise<SessionState>;
  /** Remembers facts of `taskId` until `committed` is called for it. */
  add(taskId: string, sessionKey: string, facts: readonly SessionFact[]): void;
  committed(taskId: string): void;
  /** Takes the session for one run; returns its live holder where there is one. */
  take(holder: SessionHolder, isLive: (holder: SessionHolder) => boolean): SessionHolder | undefined;
  release(holder: SessionHolder): void;
  /** Gives back every session whose run has ended. */
  releaseEnded(isLive: (holder: SessionHolder) => boolean): void;
}

/** Who writes to a session's thread. */
export interface SessionHolder {
  readonly task: string;
  readonly run: number;
  readonly sessionKey: string;
}
