import type { SyncState } from "../publish/sync-state.ts";
import type { TaskChange } from "../task/file/task-text.ts";
import type { PolicyChange } from "../task/rights/policy-change.ts";
import type { ShownPolicy } from "./actions/change-policy.ts";
import type { CompactedLedger } from "./actions/compact-tasks.ts";
import type { InitOptions } from "./actions/init.ts";
import type { OpenedPage } from "./actions/open-page.ts";
import type { ScanOptions, ScanReport } from "./actions/scan.ts";
import type { ArchiveAnswer } from "./actions/sessions/archive-session.ts";
import type { AttachedHere } from "./actions/sessions/attach-here.ts";
import type { ReleasedView } from "./actions/sessions/attach-session.ts";
import type { DrainAnswer } from "./actions/sessions/drain-session.ts";
import type { RepairRequest } from "./actions/sessions/file-repair.ts";
import type { PauseAnswer, PauseRequest } from "./actions/sessions/pause-queue.ts";
import type { GivenKey } from "./actions/tasks/compose-submission.ts";
import type { EditableTask, EditedTask } from "./actions/tasks/edit-task.ts";
import type { PublishedDrop } from "./actions/tasks/publish-drop.ts";
import type { StopAnswer } from "./actions/tasks/request-stop.ts";
import type { RetriedTask } from "./actions/tasks/retry-task.ts";
import type { WaitedTask, WaitRequest } from "./actions/tasks/wait-for-tasks.ts";
import type { WorktreeReport, WorktreeRequest } from "./actions/worktrees.ts";
import type { DoctorOptions } from "./doctor/examine.ts";
import type { CheckReport, DoctorReport } from "./doctor/report.ts";
import type { LogPiece } from "./log/follow-log.ts";
import type { Queries } from "./queries/queries.ts";
import type { ServeOptions } from "./serve/serve.ts";
/**
 * What can be asked for in one folder, whether or not a coordinator is at work; all that commands know of the product. Those of a
 * coordinator, over HTTP, are `Coordinator`: the same code, in its process.
 */
import type { LandingView } from "./views/landing-view.ts";
import type { LogOptions } from "./views/log-view.ts";

export interface UseCases extends Queries {
  /** Makes the folder a workspace and commits what that adds. Returns what to tell the user, line by line. */
  init(options: InitOptions): Promise<readonly string[]>;
  /** Serves the workspace; returns the exit code. */
  serve(options: ServeOptions): Promise<number>;
  /** Puts a task file, with `keys` added to it, into the inbox under its id. @throws CoordinatorError `USAGE` for a key that both give, `TASK_FILE`, `NOT_ALLOWED`, `QUEUE_FULL` */
  publish(text: string, keys?: readonly GivenKey[]): Promise<PublishedDrop>;
  /** Changes keys or the prompt of a queued task. @throws CoordinatorError as `editTask` */
  edit(part: string, change: TaskChange): Promise<EditedTask>;
  /** Returns a queued task as a person may edit it. @throws CoordinatorError `NOT_FOUND`, `REFUSED` */
  editable(part: string): Promise<EditableTask>;
  /** Changes a queued task from the text `before` to `after`. @throws CoordinatorError as `editTask` */
  editTo(id: string, before: string, after: string): Promise<EditedTask>;
  /** Waits for the thread of a task. @throws CoordinatorError as `awaitThread` */
  thread(id: string, onHold: (why: string) => void): Promise<string>;
  /** As `log`, and then what happens: a task's to its end, a session's until `signal` is aborted. */
  followLog(part: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogPiece>;
  /** Yields codex's own events of a task's runs, JSON without secrets, for as long as they are kept. @throws CoordinatorError `NOT_FOUND` */
  rawLog(part: string, options: { readonly follow: boolean }, signal: AbortSignal): AsyncIterable<string>;
  /** Asks for a task to be stopped; ends its run even if no coordinator is there. */
  stop(part: string): Promise<StopAnswer>;
  /** Ends a session after its running turn: drops what is queued behind that. @throws CoordinatorError as `session` */
  drain(session: string): Promise<DrainAnswer>;
  /** Waits for the end of tasks. @throws CoordinatorError as `waitForTasks` */
  wait(parts: readonly string[], request: WaitRequest): Promise<readonly WaitedTask[]>;
  /** Files a new task that tries a failed or cancelled one again; each call files another. @throws CoordinatorError as `retryTask` */
  retry(part: string): Promise<RetriedTask>;
  /** Syncs the branch with its remote now. @throws CoordinatorError as `syncNow` */
  sync(): Promise<SyncState>;
  /** Returns a `post-receive` hook for a bare repository on this machine. */
  receiveHook(): Promise<string>;
  /** Makes an open task that another clone has this one's; returns its id. @throws CoordinatorError as `takeOverTask` */
  takeOver(part: string): Promise<string>;
  pause(request: PauseRequest): Promise<PauseAnswer>;
  resume(session: string | undefined, tryNow?: boolean): Promise<PauseAnswer>;
  /** Puts a session away, or takes it out of the archive. @throws CoordinatorError as `archiveSession` */
  archive(session: string, archived: boolean): Promise<ArchiveAnswer>;
  /** Merges the branch of a session into the one that is checked out. @throws CoordinatorError as `landSession`, `session`, `publish` */
  land(session: string, repair?: RepairRequest): Promise<LandingView>;
  /** Makes the worktree of a session again, and holds it for the user where `take` says so. @throws CoordinatorError as `attachHere`, `session` */
  attach(session: string, take: boolean): Promise<AttachedHere>;
  /** Gives back a session that somebody has taken. @throws CoordinatorError as `session` */
  release(session: string): Promise<ReleasedView>;
  /** Leaves the latest row of each task in the ledger. @throws CoordinatorError `REFUSED` while a coordinator is at work, unless `force` */
  compactTasks(force: boolean): Promise<CompactedLedger>;
  /** Lists the worktrees of sessions, or does something about them. @throws CoordinatorError as `askWorktrees` */
  worktrees(request: WorktreeRequest): Promise<WorktreeReport>;
  /** Looks for secrets in what a branch holds, or in its whole history. @throws CoordinatorError `NOT_FOUND` */
  scan(options: ScanOptions): Promise<ScanReport>;
  /**
   * Looks whether what must hold of the workspace on the disk does, and repairs what it is told to.
   *
   * @param onChecked is told of each check as soon as it is done
   */
  doctor(options: DoctorOptions, onChecked: (check: CheckReport) => void): Promise<DoctorReport>;
  /** Makes a link to the page of the coordinator at work, and starts a browser with it where `start` says so. @throws CoordinatorError `REFUSED`, `TRY_AGAIN` */
  openPage(start: boolean): Promise<OpenedPage>;
  /** Returns the policy, after `change` where there is one. */
  policy(change: PolicyChange | undefined): Promise<ShownPolicy>;
}
