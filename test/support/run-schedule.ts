import type { Hold } from "../../src/task/schedule/hold.ts";
import { createSchedule, type Schedule } from "../../src/task/schedule/schedule.ts";
import type { ScheduledTask } from "../../src/task/schedule/scheduled-task.ts";
import type { Choice, ChosenTask, ScheduleInput } from "./choose-starts.ts";

/** Starts what the schedule says may start. `taken` is told of each, and says what it is. */
export function startAll(
  schedule: Schedule,
  input: Omit<ScheduleInput, "tasks" | "outcomeOf">,
  taken: (id: string) => Pick<ScheduledTask, "ground">,
): readonly string[] {
  const start: string[] = [];
  for (;;) {
    const id = schedule.next({ ...input, workersFree: input.workersFree - start.length });
    if (id === undefined) return start;
    const task = taken(id);
    const ground = schedule.isSharedTaken(id, input) ? "apart" : "writer";
    schedule.started(id, input.nowMs, task.ground === "either" ? ground : task.ground);
    start.push(id);
  }
}

/** The choice that the product's schedule makes among these tasks, in the form of `chooseStarts`. */
export function chooseBySchedule(input: ScheduleInput): Choice {
  const schedule = createSchedule(input.outcomeOf);
  const tasks = [...input.tasks];
  for (const task of tasks) schedule.put(withoutStart(task));
  for (const { sessionKey, lastStartOfSessionMs, ...task } of tasks) {
    if (lastStartOfSessionMs === undefined) continue;
    const earlier = { ...task, id: "earlier", sessionKey, thread: undefined, dependsOn: [] };
    schedule.put(earlier);
    schedule.started("earlier", lastStartOfSessionMs, "apart");
    schedule.remove("earlier");
  }
  const unrunnable = schedule.unrunnable();
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const start = startAll(schedule, input, (id) => byId.get(id) ?? { ground: "apart" });
  const conditions = { ...input, workersFree: input.workersFree - start.length };
  const held = new Map<string, Hold>();
  for (const { id } of tasks) {
    const hold = schedule.hold(id, conditions);
    if (hold !== undefined) held.set(id, hold);
  }
  return { start, held, unrunnable, nextDueMs: schedule.dueAtMs(conditions) };
}

function withoutStart({ lastStartOfSessionMs: _, ...task }: ChosenTask): ScheduledTask {
  return task;
}
