import type { JournalGuard } from "../dispatch/journal-guard.ts";
import type { Runs } from "../dispatch/runs.ts";
import type { StopRequests } from "../dispatch/stop-requests.ts";
import type { Acceptance } from "../intake/acceptance.ts";
import { refuseArchived } from "../intake/archived-sessions.ts";
import type { QueueLimit } from "../intake/queue-limit.ts";
import { readSubmission } from "../intake/submission.ts";
import { openRunLog } from "../run/run-log.ts";
import type { EventLog } from "../store/events/event-log.ts";
import type { TaskJournal } from "../store/journal/task-journal.ts";
import type { Sessions } from "../store/sessions/session-store.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import { asksAgain, type Origin } from "../task/rights/origin.ts";
import type { RightsByOrigin } from "../task/rights/origin-rights.ts";
import { type Hold, type HoldView, viewHold } from "../task/schedule/hold.ts";
import { type Keeper, keptError } from "../task/text/kept-text.ts";
import type { ArchiveAnswer } from "./actions/archive-session.ts";
import { type PauseAnswer, type PauseRequest, pauseQueue, resumeQueue } from "./actions/pause-queue.ts";
import { requestStop, type StopAnswer } from "./actions/request-stop.ts";
import { createFollow, type Follow } from "./log/follow-events.ts";
import { createQueries } from "./queries/create-queries.ts";
import type { Queries, QueriesDeps } from "./queries/queries.ts";
import type { TaskWaits } from "./queries/task-waits.ts";
import type { Health } from "./views/present-health.ts";
import { presentOpen } from "./views/present-open.ts";
import type { TaskView } from "./views/task-view.ts";

export type { Health };

/** What interfaces may ask of a running coordinator, which answers from its memory. */
export interface Coordinator extends Queries {
  /**
   * Accepts a task given as the text of a task file; once this resolves, no crash loses it.
   *
   * @returns the task, and whether it was known before (its `id` had been given already)
   * @throws CoordinatorError `TASK_FILE` listing every problem; `QUEUE_FULL` when too many are open
   */
  submit(text: string): Promise<{ readonly task: TaskView; readonly known: boolean }>;
  /** Asks for the end of an open task; its exit is recorded later. @throws CoordinatorError `NOT_FOUND`, `REFUSED` */
  stop(part: string): Promise<StopAnswer>;
  /** Accepts a task that tries a failed or cancelled one again; each call accepts another. @throws CoordinatorError as `submit`, `NOT_FOUND`, `REFUSED` */
  retry(part: string): Promise<TaskView>;
  /** Puts a session away, or takes it out of the archive. @throws CoordinatorError as `archiveSession` */
  archive(session: string, archived: boolean): Promise<ArchiveAnswer>;
  /** Starts no more tasks, or none of one session. @throws CoordinatorError `USAGE` */
  pause(request: PauseRequest): Promise<PauseAnswer>;
  /** Ends a pause. @throws CoordinatorError `USAGE` */
  resume(session: string | undefined, tryNow?: boolean): Promise<PauseAnswer>;
  health(): Health;
  /** Resolves once an open task has ended, or as `TaskWaits` says. @throws CoordinatorError `TRY_AGAIN` */
  readonly untilEnded: TaskWaits["untilEnded"];
  /** What happens, as it happens; what has happened since an event that was seen, too. */
  readonly follow: Follow;
}

export interface UseCaseDeps extends Omit<QueriesDeps, "open" | "health" | "runLog"> {
  readonly table: Pick<TaskTable, "all" | "get">;
  readonly journal: Pick<TaskJournal, "read">;
  /** Why a queued task waits now. */
  readonly hold: (id: string) => Hold | undefined;
  /** What the run of a task does that is under way. */
  readonly progress: Runs["progress"];
  readonly health: () => Health;
  readonly stopRequests: Pick<StopRequests, "request">;
  readonly acceptance: Pick<Acceptance, "submit">;
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
    open: () => ({
      all: [...table.all()].sort((a, b) => a.order - b.order),
      journal: (id) => journal.read(id),
      holds: async () => ({ get: holdOf }),
      progress: ({ id }) => deps.progress(id),
    }),
    health: async () => health(),
    runLog: () => openRunLog(paths.runs, deps.keeper),
  });
  const thenWake = <Answer>(answer: Answer): Answer => {
    wake();
    return answer;
  };
  const submitAs = async (text: string, origin: Origin): ReturnType<Coordinator["submit"]> => {
    try {
      const parsed = readSubmission(text, deps.rights().of(origin));
      await refuseArchived(deps.sessions, parsed.spec.sessionKey);
      const { id, known } = await deps.acceptance.submit(parsed.text, parsed, origin, deps.bound.refuseWhenFull);
      const task = table.get(id);
      const view = task === undefined ? await queries.find(id) : presentOpen(task, journal.read(id));
      return { task: view, known };
    } catch (error) {
      throw keptError(deps.guard.tryAgain(error), deps.keeper);
    } finally {
      wake();
    }
  };
  return {
    ...queries,
    submit: (text) => submitAs(text, { kind: "http", user: deps.user }),
    health,
    untilEnded: deps.waits.untilEnded,
    follow: createFollow(deps.events, now),
    async retry(part) {
      const { text, origin } = await queries.retryText(part);
      return (await submitAs(text, origin ?? asksAgain({ kind: "http", user: deps.user }))).task;
    },
    async stop(part) {
      const answer = await requestStop(part, queries.find, (id) => {
        deps.guard.requireHome();
        deps.stopRequests.request(id);
      });
      return thenWake(answer);
    },
    archive: async (session, archived) => thenWake(await deps.archive(session, archived)),
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
