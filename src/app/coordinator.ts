import { CoordinatorError } from "../base/errors.ts";
import type { Surroundings } from "../base/surroundings.ts";
import type { JournalGuard } from "../dispatch/journal-guard.ts";
import { openPauseStore } from "../dispatch/pauses.ts";
import type { Runs } from "../dispatch/runs.ts";
import type { StopRequests } from "../dispatch/stop-requests.ts";
import type { Acceptance } from "../intake/acceptance.ts";
import type { Edits } from "../intake/edits.ts";
import type { QueueLimit } from "../intake/queue-limit.ts";
import type { BranchSync } from "../publish/branch-sync.ts";
import type { SyncState } from "../publish/sync-state.ts";
import { openRunLog } from "../run/run-log.ts";
import type { RunPlaces } from "../run/workplace/run-places.ts";
import type { SessionEdits } from "../run/workplace/worktrees/session-edits.ts";
import type { EventLog } from "../store/events/event-log.ts";
import type { TaskJournal } from "../store/journal/task-journal.ts";
import type { Sessions } from "../store/sessions/session-store.ts";
import type { SubmissionKeys } from "../store/submission-keys.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import { type ComposedText, type TaskChange, wholeText } from "../task/file/task-text.ts";
import { asksAgain, type Origin } from "../task/rights/origin.ts";
import type { RightsByOrigin } from "../task/rights/origin-rights.ts";
import { type Hold, type HoldView, viewHold } from "../task/schedule/hold.ts";
import { takerOf } from "../task/schedule/pause.ts";
import { type Keeper, keptError } from "../task/text/kept-text.ts";
import type { ArchiveAnswer } from "./actions/sessions/archive-session.ts";
import {
  type AttachedView,
  attachSession,
  type ReleasedView,
  releaseSession,
} from "./actions/sessions/attach-session.ts";
import { type RepairRequest, withRepair } from "./actions/sessions/file-repair.ts";
import { editsObstacle, landSession } from "./actions/sessions/land-session.ts";
import { type PauseAnswer, type PauseRequest, pauseQueue, resumeQueue } from "./actions/sessions/pause-queue.ts";
import { refuseUnclaimed, requestStop, type StopAnswer } from "./actions/tasks/request-stop.ts";
import { createSubmissions } from "./actions/tasks/submit-task.ts";
import type { TakeOverTasks } from "./actions/tasks/take-over-tasks.ts";
import { createFollow, type Follow } from "./log/follow-events.ts";
import { createQueries } from "./queries/create-queries.ts";
import type { Queries, QueriesDeps } from "./queries/queries.ts";
import { openTasksInMemory } from "./queries/tasks/open-tasks.ts";
import type { TaskWaits } from "./queries/tasks/task-waits.ts";
import { type LandingView, presentLanding } from "./views/landing-view.ts";
import type { Health } from "./views/present-health.ts";
import { presentOpen } from "./views/present-open.ts";
import type { TaskView } from "./views/task-view.ts";

export type { Health };

/** What interfaces may ask of a running coordinator, which answers from its memory. */
export interface Coordinator extends Queries {
  /**
   * Accepts a task given as the text of a task file; once this resolves, no crash loses it.
   *
   * @param key the client's own name for this submission, under which it may send it again
   * @returns the task, and whether it was known before (its `id` or its key had been given already)
   * @throws CoordinatorError `TASK_FILE` listing every problem; `NOT_ALLOWED`; `QUEUE_FULL` when too many are open; `KEY_REUSED`
   */
  submit(given: string | ComposedText, key?: string): Promise<{ readonly task: TaskView; readonly known: boolean }>;
  /** Asks for the end of an open task; its exit is recorded later. @throws CoordinatorError `NOT_FOUND`, `REFUSED` */
  stop(part: string): Promise<StopAnswer<TaskView>>;
  /** Accepts a task that tries a failed or cancelled one again; each call accepts another. @throws CoordinatorError as `submit`, `NOT_FOUND`, `REFUSED` */
  retry(part: string): Promise<TaskView>;
  /** Makes an open task that another clone has this one's. @throws CoordinatorError `NOT_FOUND`, as `TakeOverTasks.one` */
  takeOver(part: string): Promise<TaskView>;
  /** Changes keys or the prompt of a queued task. @throws CoordinatorError `NOT_FOUND`, `REFUSED`; `TASK_FILE`, `NOT_ALLOWED` as `submit` */
  edit(part: string, change: TaskChange): Promise<TaskView>;
  /** Puts a session away, or takes it out of the archive. @throws CoordinatorError as `archiveSession` */
  archive(session: string, archived: boolean): Promise<ArchiveAnswer>;
  /** Merges the branch of a session into the one that is checked out. @throws CoordinatorError as `landSession`, `session`, `submit` */
  land(session: string, repair?: RepairRequest): Promise<LandingView>;
  /** Makes the worktree of a session again, and holds it for the user where `take` says so. @throws CoordinatorError as `attachSession`, `session` */
  attach(session: string, take: boolean): Promise<AttachedView>;
  /** Gives back a session that somebody has taken; whether anybody had. @throws CoordinatorError as `session` */
  release(session: string): Promise<ReleasedView>;
  /** Starts no more tasks, or none of one session. @throws CoordinatorError `USAGE` */
  pause(request: PauseRequest): Promise<PauseAnswer>;
  /** Ends a pause. @throws CoordinatorError `USAGE` */
  resume(session: string | undefined, tryNow?: boolean): Promise<PauseAnswer>;
  /** Syncs with the remote now; `null` without one. */
  sync(): Promise<SyncState | null>;
  health(): Health;
  /** Resolves once an open task has ended, or as `TaskWaits` says. @throws CoordinatorError `TRY_AGAIN` */
  readonly untilEnded: TaskWaits["untilEnded"];
  /** What happens, as it happens; what has happened since an event that was seen, too. */
  readonly follow: Follow;
}

export interface UseCaseDeps extends Omit<QueriesDeps, "open" | "health" | "runLog" | "unlanded"> {
  readonly table: Pick<TaskTable, "all" | "get">;
  readonly journal: Pick<TaskJournal, "read" | "readDone">;
  /** Why a queued task waits now. */
  readonly hold: (id: string) => Hold | undefined;
  /** What the run of a task does that is under way. */
  readonly progress: Runs["progress"];
  readonly health: () => Health;
  readonly stopRequests: Pick<StopRequests, "request">;
  readonly acceptance: Pick<Acceptance, "submit">;
  readonly takeOvers: Pick<TakeOverTasks, "one">;
  readonly submissionKeys: SubmissionKeys;
  readonly edits: Pick<Edits, "edit">;
  readonly keeper: Keeper;
  readonly bound: Pick<QueueLimit, "refuseWhenFull">;
  readonly guard: Pick<JournalGuard, "tryAgain" | "requireHome">;
  readonly waits: Pick<TaskWaits, "untilEnded">;
  /** What a task may ask for now. */
  readonly rights: () => RightsByOrigin;
  /** Name of the user that the coordinator runs as, who alone has its token. */
  readonly user: string;
  readonly sessions: Pick<Sessions, "read">;
  readonly archive: Coordinator["archive"];
  readonly sync: BranchSync["now"];
  readonly places: Pick<RunPlaces, "landing" | "branches" | "reopen" | "commitEdits">;
  /** Is told what became of work that was to land. */
  readonly onLanded: (landing: LandingView) => void;
  /** Returns the task of a session that has a run, or is about to. */
  readonly underWay: (session: string) => string | undefined;
  readonly after: Surroundings["after"];
  readonly events: Pick<EventLog, "reader">;
  /** Asks for a tick soon. */
  readonly wake: () => void;
}

/** Creates the use cases of a coordinator at work. The journal of a task is read only where it has started, and when it is shown. */
export function createUseCases(deps: UseCaseDeps): Coordinator {
  const { table, journal, paths, now, wake } = deps;
  const holdOf = (id: string): HoldView | undefined => {
    const hold = deps.hold(id);
    return hold === undefined ? undefined : viewHold(hold);
  };
  const health = (): Health => deps.keeper.keep(deps.health());
  const queries = createQueries({
    ...deps,
    open: () =>
      openTasksInMemory({ all: table.all(), journal, holds: { get: holdOf }, progress: ({ id }) => deps.progress(id) }),
    health: async () => health(),
    unlanded: async () => deps.places.branches.all(),
    runLog: () => openRunLog(paths.runs, deps.keeper),
  });
  const thenWake = <Answer>(answer: Answer): Answer => {
    wake();
    return answer;
  };
  const submissions = createSubmissions({
    ...deps,
    isTask: async (id) => (await queries.find(id).catch(unlessMissing)) !== undefined,
  });
  /** Says again what is the world's fault, and nothing secret. */
  const changing = async <Answer>(change: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await change();
    } catch (error) {
      throw keptError(deps.guard.tryAgain(error), deps.keeper);
    } finally {
      wake();
    }
  };
  const show = async (id: string): Promise<TaskView> => {
    const task = table.get(id);
    return task === undefined ? queries.find(id) : presentOpen(task, journal.read(id));
  };
  const submitAs = (
    given: string | ComposedText,
    origin: Origin,
    key: string | undefined,
  ): ReturnType<Coordinator["submit"]> =>
    changing(async () => {
      const composed = typeof given === "string" ? wholeText(given) : given;
      const { id, known } = await submissions.submit(composed, origin, key);
      return { task: await show(id), known };
    });
  const asker = { kind: "http", user: deps.user } as const;
  const commitEdits = (session: string): Promise<SessionEdits> =>
    deps.places.commitEdits(session, () => {
      const takenBy = takerOf(openPauseStore(paths.paused).read(), session);
      return editsObstacle(deps.underWay(session), takenBy === deps.user ? undefined : takenBy);
    });
  return {
    ...queries,
    submit: (given, key) => submitAs(given, asker, key),
    health,
    untilEnded: deps.waits.untilEnded,
    follow: createFollow(deps.events, now),
    async retry(part) {
      const { text, origin } = await queries.retryText(part);
      return (await submitAs(text, origin ?? asksAgain(asker), undefined)).task;
    },
    takeOver: (part) =>
      changing(async () => {
        const { id } = await queries.find(part);
        await deps.takeOvers.one(id);
        return show(id);
      }),
    edit: (part, change) =>
      changing(async () => {
        const { id, committed, endedAt } = await queries.find(part);
        if (committed && endedAt === null)
          throw new CoordinatorError("REFUSED", `${id} belongs to another clone: edit it there`);
        await deps.edits.edit(id, change, asker);
        return show(id);
      }),
    async stop(part) {
      const answer = await requestStop(part, queries.find, (id) => {
        refuseUnclaimed(table.get(id));
        deps.guard.requireHome();
        deps.stopRequests.request(id);
      });
      return thenWake(answer);
    },
    archive: async (part, archived) => thenWake(await deps.archive((await queries.session(part)).key, archived)),
    async sync() {
      const state = await deps.sync();
      return state === undefined ? null : deps.keeper.keep(state);
    },
    async land(part, repair) {
      const { landing, branches } = deps.places;
      const answer = await landSession(landing, (await queries.session(part)).key, commitEdits);
      await branches.refresh();
      const settled = await withRepair(thenWake(answer), repair, {
        find: (id) => queries.find(id).catch(unlessMissing),
        file: async (text) => (await submitAs(text, asker, undefined)).task.id,
      });
      const view = deps.keeper.keep(presentLanding(settled));
      deps.onLanded(view);
      return view;
    },
    async attach(part, take) {
      const session = await queries.session(part);
      deps.guard.requireHome();
      const answer = attachSession(session, take, {
        ...{ reopen: deps.places.reopen, pauses: openPauseStore(paths.paused), user: deps.user, now },
        ...{ underWay: deps.underWay, after: deps.after },
      });
      return thenWake(await answer);
    },
    async release(part) {
      const { key } = await queries.session(part);
      deps.guard.requireHome();
      const commit = (): Promise<SessionEdits> => deps.places.commitEdits(key, () => editsObstacle(deps.underWay(key)));
      return thenWake(deps.keeper.keep(await releaseSession(key, openPauseStore(paths.paused), commit)));
    },
    async pause(request) {
      deps.guard.requireHome();
      return thenWake(pauseQueue(paths, { ...request, reason: deps.keeper.keep(request.reason) }, now()));
    },
    async resume(session, tryNow) {
      deps.guard.requireHome();
      return thenWake(resumeQueue(paths, session, now(), tryNow));
    },
  };
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof CoordinatorError) || error.code !== "NOT_FOUND") throw error;
}
