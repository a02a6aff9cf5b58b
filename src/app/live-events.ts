import type { Log, Surroundings } from "../base/surroundings.ts";
import { createEventRecorder, type EventRecorder } from "../dispatch/events/event-recorder.ts";
import { openRunLog } from "../run/run-log.ts";
import { type EventLog, openEventLog } from "../store/events/event-log.ts";
import type { TaskJournal } from "../store/journal/task-journal.ts";
import type { StatePaths } from "../store/state-paths.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import type { Keeper } from "../task/text/kept-text.ts";

export interface LiveEventsDeps {
  readonly paths: Pick<StatePaths, "events" | "runs">;
  readonly table: TaskTable;
  readonly journal: Pick<TaskJournal, "readDone">;
  readonly keeper: Keeper;
  readonly surroundings: Pick<Surroundings, "now" | "after">;
  readonly log: Log;
}

/** Opens the log of live events, and what writes to it. */
export function openLiveEvents({ paths, table, journal, keeper, surroundings, log }: LiveEventsDeps): {
  readonly events: EventLog;
  readonly recorder: EventRecorder;
} {
  const events = openEventLog({
    ...{ dir: paths.events, surroundings },
    checkpoint: () => recorder.checkpoint(),
    onDropped: (error) => log("events-dropped", { reason: String(error) }),
    onMended: () => log("events-told", {}),
  });
  const recorder = createEventRecorder({
    ...{ table, log: events, keeper, surroundings, said: openRunLog(paths.runs, keeper).said },
    commitOf(task) {
      const last = journal.readDone(task).findLast((record) => record.k === "committed");
      return last?.k === "committed" ? last.commit : undefined;
    },
  });
  return { events, recorder };
}
