import { setTimeout as delay } from "node:timers/promises";
import { CoordinatorError } from "../../base/errors.ts";
import type { RunLog } from "../../run/run-log.ts";
import type { TaskView } from "../views/task-view.ts";

const PAUSE_MS = 500;

/** Yields what codex has written in each run of a task; while the task goes on and `follow` is set, what it writes from then on, too. */
export async function* rawLog(
  find: () => Promise<TaskView>,
  runLog: RunLog,
  { follow, pauseMs = PAUSE_MS }: { readonly follow: boolean; readonly pauseMs?: number },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const read = new Map<number, number>();
  let task = await find();
  for (;;) {
    for (const run of runLog.runs(task.id)) {
      for await (const { line, text } of runLog.raw({ task: task.id, run }, (read.get(run) ?? 0) + 1)) {
        read.set(run, line);
        yield text;
      }
    }
    if (!follow || signal.aborted || task.endedAt !== null) break;
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    task = await find(); // Before it is read for the last time.
  }
  if (read.size > 0 || !task.committed) return;
  const message = `codex's own events of ${task.id} went once it was committed; without --raw its log shows what was kept of them`;
  throw new CoordinatorError("NOT_FOUND", message);
}
