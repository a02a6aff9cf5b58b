import type { Confinement } from "../spec/sandbox-profile.ts";
import type { TaskSpec } from "../spec/task-spec.ts";
import type { Failure } from "./failure.ts";

/** What an agent is to do in one run. All paths absolute. */
export interface RunRequest {
  readonly taskId: string;
  readonly sessionKey: string;
  readonly run: number;
  readonly prompt: string;
  /** The thread to resume; `undefined` starts a new one. Must be a well-formed thread id. */
  readonly resumeThread: string | undefined;
  readonly workdir: string;
  readonly sandbox: NonNullable<TaskSpec["sandbox"]>;
  readonly confinement: Confinement;
  readonly model: string | undefined;
  readonly oss: boolean;
  /** Absolute paths. */
  readonly images: readonly string[];
  readonly outputSchema: string | undefined;
  /** `key=value` settings for `-c`, value in TOML. */
  readonly codexConfig: readonly string[];
  /** Names of variables of the coordinator's environment that codex and its tools are passed beside the usual ones. */
  readonly environment: readonly string[];
  /** Variables of the workplace, with their values. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** What is known of a run from its directory and the process table. */
export type RunProbe =
  | { readonly kind: "alive"; readonly pids: readonly number[] }
  /** `exitCode` ≥ 128 from the shim means killed by signal (exitCode − 128). `undefined`: no exit record, but the turn completed. */
  | { readonly kind: "ended"; readonly exitCode: number | undefined }
  /** Claimed, no exit record, no process, no completed turn. */
  | { readonly kind: "vanished" }
  /** Nobody has claimed it yet, and no process with its marker is there. */
  | { readonly kind: "unclaimed" };

/** Token counts; codex reports the running total of the thread, not of the turn. */
export interface Usage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningOutputTokens: number;
}

/** What codex noted of a run in its thread's own file. */
export interface RunAccount {
  /** The one it used, whoever chose it. */
  readonly model: string | undefined;
  /** Of the run alone. */
  readonly usage: Usage | undefined;
  /** Of the whole thread, at the end of the run. */
  readonly threadUsage: Usage | undefined;
}

/** How a run ended, judged from its files. */
export interface RunVerdict {
  readonly outcome: "succeeded" | "failed" | "interrupted" | "vanished";
  /** Why it did not succeed; `undefined` where it did. */
  readonly failure: Failure | undefined;
  readonly threadId: string | undefined;
  /** The final answer; empty when there is none. */
  readonly lastMessage: string;
  readonly usageTotal: Usage | undefined;
  /** Absent where codex noted nothing. */
  readonly account?: RunAccount;
  readonly commandCount: number;
  /** Milliseconds between the claim and the exit record, where both are there. */
  readonly durationMs: number | undefined;
}

/** The codex executable that will be run. */
export interface CodexInstallation {
  /** Absolute path of the native binary (never the npm wrapper, where it can be told). */
  readonly path: string;
  readonly version: string;
  readonly foundBy: "flag" | "environment" | "policy" | "path" | "package";
}

/** A path that differs since the run began, from the top of the work tree, and how ("added", "modified", "deleted"). */
export interface ChangedFile {
  readonly path: string;
  readonly change: string;
  /** `patch`: the agent's own patch wrote it; `other`: a command, or somebody else meanwhile. Absent in records of earlier versions. */
  readonly by?: "patch" | "other";
}

/** Which commit holds what a run has changed. */
export interface RunChange {
  /** Of its session, without `refs/heads/`; `null` in a shared checkout, where no branch holds it. */
  readonly branch: string | null;
  /** The run's own commit; `null` where it changed nothing, or what it changed is held. */
  readonly commit: string | null;
  /** What that is compared with. */
  readonly parent: string | null;
  /** The branch as the run left it. */
  readonly tip: string | null;
  readonly insertions: number;
  readonly deletions: number;
  /** What is in no commit, and why. */
  readonly leftOut: readonly { readonly path: string; readonly bytes: number; readonly why: string }[];
  /** A change that holds what looks like a secret: it is on this ref alone, which never leaves the machine. */
  readonly held: { readonly ref: string; readonly commit: string; readonly paths: readonly string[] } | null;
  /** Why it could not be recorded. */
  readonly problem?: string;
  /** The commit of what somebody else had edited before the run: no part of the change. */
  readonly outside?: string;
  /** The commit that it merges besides: the second parent of the run's own. */
  readonly merged?: string;
  /** What the branch did not merge with when the run had ended: work of sessions; `null`: what is checked out. */
  readonly overlaps?: readonly { readonly session: string | null; readonly paths: readonly string[] }[];
}

/** How a shared checkout was before a run that may write: what its change is compared with. */
export interface RunStart {
  /** The top of the work tree (absolute). */
  readonly topDir: string;
  /** It holds the tree as it was; `null` before the first commit of a repository, and where nothing was recorded. */
  readonly commit: string | null;
  /** The same commit, where it was made because somebody had edited something since the last one. */
  readonly outside: string | null;
  /** What was left out then; while it stays as it was, nothing is said of it. */
  readonly leftOut: readonly { readonly path: string; readonly stamp: string }[];
  /** Why nothing was recorded. */
  readonly problem?: string;
}

/** What an agent was told after the user's prompt: the text as it was sent, how many lines of notes are in it, and what found them. */
export interface RunContext {
  readonly text: string;
  readonly lines: number;
  readonly tool: string;
}
