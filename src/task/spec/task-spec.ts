import type { WorktreeChoice } from "../workplace/choose-workplace.ts";

/** Follow-ups in a chain at most; the settings cannot raise it. */
export const FOLLOW_UP_DEPTH_MAX = 10;
/** Of a task that names none. */
export const PRIORITY_DEFAULT = 2;

/** What a task file asks for, after validation. Absent things are `undefined`; paths are as written (relative to the workspace). */
export interface TaskSpec {
  readonly id: string | undefined;
  readonly sessionKey: string | undefined;
  /** `true`: continue the session's thread if it has one; `false`: a new thread; a thread id: that thread. */
  readonly resume: boolean | string;
  readonly verifyCommand: string | undefined;
  readonly verifyTimeoutMs: number | undefined;
  /** Verifications before a task ends as failed. */
  readonly maxVerifyAttempts: number | undefined;
  /** What becomes of a task that never passes: another one is filed, in this session or a named one, or none. */
  readonly followUp: boolean | string | undefined;
  /** The task whose follow-up this is. */
  readonly parent: string | undefined;
  /** How many tasks of its chain came before it. */
  readonly followUpDepth: number;
  /** From front matter; else the first heading or the first line of the prompt, shortened. Never empty, one line. */
  readonly title: string;
  /** 0 (first) … 4. */
  readonly priority: number;
  readonly dependsOn: readonly string[];
  readonly notBeforeMs: number | undefined;
  readonly timeoutMs: number | undefined;
  /** A run without any event for so long is ended. */
  readonly stallTimeoutMs: number | undefined;
  readonly maxAttempts: number | undefined;
  /** The longest wait between two attempts. */
  readonly retryMaxMs: number | undefined;
  readonly model: string | undefined;
  readonly oss: boolean;
  readonly sandbox: "read-only" | "workspace-write" | "danger-full-access" | undefined;
  readonly workdir: string | undefined;
  readonly images: readonly string[];
  readonly outputSchema: string | undefined;
  /** `key=value` pairs for `-c`; value in TOML. */
  readonly codexConfig: readonly string[];
  /** Names of variables of the coordinator's environment that its runs are passed. */
  readonly environment: readonly string[];
  /** Whether notes that share words with the prompt are put beside it; a list: these terms are searched for too. */
  readonly memory: boolean | readonly string[];
  /** Whether its session works in a worktree; `undefined`: as the settings say. */
  readonly worktree: WorktreeChoice | undefined;
  /** Paths that it is likely to change. */
  readonly touches: readonly string[];
  /** Paths that its session keeps to itself until its work is landed. */
  readonly locks: readonly string[];
  /** Name or label of the clone that it is to run in. */
  readonly runsOn: string | undefined;
  /** Its run begins with what is checked out merged into the worktree of its session, conflicts marked; what it leaves settles that. */
  readonly merge: boolean;
  /** It is not to run any more. */
  readonly cancel: boolean;
  /** The front matter's keys and values as they were read (canonical names), unknown ones included, for writing back. */
  readonly frontMatter: Readonly<Record<string, unknown>>;
}

/** One thing that is wrong with a task file, in words a person can act on. */
export interface TaskProblem {
  /** From 1; `undefined` when the problem has no place (an empty file). */
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** What is wrong. */
  readonly message: string;
  /** What was expected. */
  readonly expected: string;
  /** A line that would be right. */
  readonly example: string | undefined;
}
