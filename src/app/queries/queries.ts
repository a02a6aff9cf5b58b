import type { Branch } from "../../git/branch.ts";
import type { HistoryEntry, TaskHistory } from "../../git/repository/task-history.ts";
import type { RunLog } from "../../run/run-log.ts";
import type { SessionBranch } from "../../run/workplace/worktrees/session-branches.ts";
import type { BranchLedger } from "../../store/branch/branch-ledger.ts";
import type { StatePaths } from "../../store/state-paths.ts";
import type { TaskStatus } from "../../task/ledger/ledger.ts";
import type { Origin } from "../../task/rights/origin.ts";
import type { DiffOptions, TaskDiff } from "../views/diff-view.ts";
import type { LogOptions, LogView } from "../views/log-view.ts";
import type { ClaimsView, Health } from "../views/present-health.ts";
import type { PausedView } from "../views/present-pauses.ts";
import type { SessionView } from "../views/session-list.ts";
import type { TaskDetails, TaskLine, TaskView } from "../views/task-view.ts";
import type { ShownServer } from "./server-record.ts";
import type { OpenTasks } from "./tasks/open-tasks.ts";
import type { InboxView, WaitingDrops } from "./tasks/waiting-drops.ts";

export type { HistoryEntry };

export interface ListOptions {
  /** At most so many finished tasks in all pages together, the newest ones; `Infinity` only beside a `limit`. */
  readonly finished: number;
  /** Tasks of one session alone. */
  readonly session?: string | undefined;
  /** Tasks with one of these statuses alone; none: any. */
  readonly statuses?: readonly TaskStatus[] | undefined;
  /** Also tasks of sessions that are archived. */
  readonly archived?: boolean;
  /**
   * Tasks alone whose title, id or session holds this text, in capitals or not. Of the finished ones at most 500 are looked at for one
   * page, so that one may hold few or none and still have a next one.
   */
  readonly text?: string | undefined;
  /** At most so many tasks in one answer. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

/**
 * Open tasks in order of acceptance, those of other clones after our own, then finished ones, the newest first. A task that ends
 * while pages are turned may come twice.
 */
export interface TaskPage<Shown = TaskView> {
  readonly tasks: readonly Shown[];
  /** Where the next page begins; `undefined` where this is the last one. */
  readonly nextCursor: string | undefined;
}

export interface StatusView {
  readonly workspace: string;
  readonly branch: string;
  readonly server: ShownServer | null;
  /** What the coordinator says of itself, where it could be asked. */
  readonly health: Health | null;
  /** Why no task is started, also while nobody serves. */
  readonly codex: Health["codex"];
  readonly paused: PausedView;
  readonly tasks: { readonly queued: number; readonly running: number; readonly uncommitted: number };
  readonly running: readonly TaskView[];
  /** The first of those that wait, with why. */
  readonly queued: readonly TaskView[];
  /** Open tasks that other clones have accepted; they do not run here. */
  readonly otherClones: number;
  /** Of the open tasks that other clones have too: those claimed here, and those that wait for another clone, as far as is known. */
  readonly claims: ClaimsView | null;
  readonly broken: readonly string[];
  /** What lies in inbox/ while no coordinator answers; `null` where nothing does, or one answers: it takes everything, or says why not. */
  readonly inbox: WaitingDrops | null;
  /** Sessions whose work that is not landed conflicts with what is checked out (`with: null`), or with that of another one. */
  readonly overlaps: readonly {
    readonly session: string;
    readonly with: string | null;
    readonly paths: readonly string[];
  }[];
  /** Sessions with work that the checkout does not hold; `land` merges it. */
  readonly unlanded: readonly string[];
  /** Settings in the work tree that count once they are committed. */
  readonly uncommittedSettings: string | null;
}

/** What a retry submits. */
export interface RetryText {
  /** The task that is tried again. */
  readonly parent: string;
  /** A task file. */
  readonly text: string;
  /** Who had asked for the task that is tried again; `undefined` where this clone does not know any more. */
  readonly origin: Origin | undefined;
}

/** Questions about a workspace, which change nothing. The answers are the same with and without a coordinator. */
export interface Queries {
  /** @throws CoordinatorError `USAGE` for a cursor that no page has named */
  list(options: ListOptions): Promise<TaskPage>;
  /** The same list, with less of each task. */
  lines(options: ListOptions): Promise<TaskPage<TaskLine>>;
  /** Returns the task that `part` names: see `findTaskNamed`. @throws CoordinatorError `NOT_FOUND`, or `REFUSED` where several are meant */
  find(part: string): Promise<TaskView>;
  /** Does the same with all that is known of it. @throws CoordinatorError as `find` */
  show(part: string): Promise<TaskDetails>;
  status(): Promise<StatusView>;
  /** Resolves with what `status` says as `inbox` and `broken`. */
  waiting(): Promise<InboxView>;
  /** The most recently used one first; `own`: also those that were made for a single task each. */
  sessions(options: { readonly own: boolean }): Promise<readonly SessionView[]>;
  /** Returns the session that `part` names: see `findSessionNamed`. @throws CoordinatorError `NOT_FOUND`, `REFUSED` */
  session(part: string): Promise<SessionView>;
  /** The newest finished tasks, as their commits tell them. */
  history(count: number): Promise<readonly HistoryEntry[]>;
  /** What was said and done until now in the task or session that `part` names: see `findEither`. @throws CoordinatorError as `find` */
  log(part: string, options?: LogOptions): Promise<LogView>;
  /** What the runs of a task have changed. @throws CoordinatorError as `find`; `NOT_FOUND` where nothing is recorded */
  diff(part: string, options?: DiffOptions): Promise<TaskDiff>;
  /** What to submit so that a failed or cancelled task is tried again. @throws CoordinatorError `NOT_FOUND`, `REFUSED` */
  retryText(part: string): Promise<RetryText>;
}

export interface QueriesDeps {
  readonly workspaceDir: string;
  /** Absolute: where the code is that agents work on. */
  readonly workRoot: string;
  readonly branchName: string;
  readonly branch: Pick<Branch, "readText" | "listFolder" | "treeId">;
  readonly ledger: BranchLedger;
  readonly history: TaskHistory;
  /** The open tasks as of now. */
  readonly open: () => OpenTasks | Promise<OpenTasks>;
  readonly paths: StatePaths;
  readonly now: () => number;
  /** The sessions whose work is not landed. */
  readonly unlanded: () => Promise<readonly SessionBranch[]>;
  /** What runs under way have said, without secrets; opened when it is needed. */
  readonly runLog: () => RunLog | Promise<RunLog>;
  /** How the coordinator is doing; `undefined` where none is at work, or it does not answer. */
  readonly health: () => Promise<Health | undefined>;
}
