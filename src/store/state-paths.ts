import { basename, dirname, join } from "node:path";

/** The coordinator's own folder, `.git/codex-inbox/`: local, never committed, out of reach of `git clean` and of a sandboxed agent. */
export interface StatePaths {
  readonly root: string;
  readonly journal: string;
  readonly runs: string;
  /** Runs of committed tasks that failed in a way nobody knows: for whoever wants to find out. */
  readonly unknownRuns: string;
  /** Stop requests of commands that are not the coordinator (`stop`), one file each; any process may add one. */
  readonly stopRequests: string;
  /** What is paused, one file each. */
  readonly paused: string;
  /** What runs have said of the files that they write into inbox/, one file per run. */
  readonly runEvidence: string;
  /** Who writes to which session's thread. */
  readonly sessionLocks: string;
  /** Why no task is started, while that is so. */
  readonly codexHold: string;
  /** That codex's sandbox works, and with which codex and kernel settings; and where that is tried. */
  readonly sandbox: string;
  readonly sandboxProbe: string;
  /** What the owner of the machine allows tasks; see task/policy.ts. */
  readonly policy: string;
  /** Threads that runs of this workspace have begun, one file each. */
  readonly ownThreads: string;
  /** What commands of ours have put into inbox/, one file each. */
  readonly dropReceipts: string;
  /** Idempotency keys of submissions, and the tasks that they stand for. */
  readonly submissionKeys: string;
  readonly server: string;
  /** The Unix socket of the HTTP interface, where no other place was named; alone in its folder. */
  readonly socket: string;
  /** Browsers that are signed in at the page, as digests. */
  readonly signIns: string;
  readonly clone: string;
  /** Full name of the branch that was served last. */
  readonly branch: string;
  /** Indexes of git that hold the user's files alone. */
  readonly codeIndex: string;
  /** The worktrees of sessions: a record each, the indexes by which they are snapshotted, what their setups printed, and what goes. */
  readonly worktrees: string;
  readonly worktreeIndexes: string;
  readonly worktreeSetups: string;
  readonly worktreeTrash: string;
  /** A repository of our own in which merges are made. */
  readonly merging: string;
  /** The log of live events. */
  readonly events: string;
  /** Up to which event hooks were told. */
  readonly hooksTold: string;
  /** What `doctor --fix` has moved out of the way. */
  readonly setAside: string;
}

/** Returns what tells a workspace from others of its repository; `undefined` for the one at the top of the main checkout. */
export function homeName(stateDir: string): string | undefined {
  return basename(dirname(stateDir)) === "homes" ? basename(stateDir) : undefined;
}

/** Returns where everything lies below `stateDir` (absolute). */
export function statePaths(stateDir: string): StatePaths {
  return {
    root: stateDir,
    journal: join(stateDir, "journal"),
    runs: join(stateDir, "runs"),
    unknownRuns: join(stateDir, "unknown-runs"),
    stopRequests: join(stateDir, "stop-requests"),
    paused: join(stateDir, "paused"),
    runEvidence: join(stateDir, "run-evidence"),
    sessionLocks: join(stateDir, "session-locks"),
    codexHold: join(stateDir, "codex-hold.json"),
    sandbox: join(stateDir, "sandbox.json"),
    sandboxProbe: join(stateDir, "sandbox-probe"),
    policy: join(stateDir, "policy.json"),
    ownThreads: join(stateDir, "own-threads"),
    dropReceipts: join(stateDir, "drop-receipts"),
    submissionKeys: join(stateDir, "submission-keys"),
    server: join(stateDir, "server.json"),
    socket: join(stateDir, "socket", "http"),
    signIns: join(stateDir, "sign-ins.json"),
    clone: join(stateDir, "clone"),
    branch: join(stateDir, "branch"),
    codeIndex: join(stateDir, "code-index"),
    worktrees: join(stateDir, "worktrees"),
    worktreeIndexes: join(stateDir, "worktree-indexes"),
    worktreeSetups: join(stateDir, "worktree-setups"),
    worktreeTrash: join(stateDir, "worktree-trash"),
    merging: join(stateDir, "merging"),
    events: join(stateDir, "events"),
    hooksTold: join(stateDir, "hooks-told.json"),
    setAside: join(stateDir, "set-aside"),
  };
}
