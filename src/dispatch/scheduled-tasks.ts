import type { BranchLedger } from "../store/branch-ledger.ts";
import type { OpenTask } from "../store/open-task.ts";
import { describeHold } from "../task/schedule/hold.ts";
import {
  chooseStarts,
  type DependencyOutcome,
  type ScheduledTask,
  type ScheduleInput,
} from "../task/schedule/schedule.ts";

/** Returns the tasks that have not ended as the choice of the next ones sees them. `lastStarts`: by session, Unix ms. */
export function* scheduledTasks(
  tasks: Iterable<OpenTask>,
  lastStarts: ReadonlyMap<string, number>,
): Generator<ScheduledTask> {
  for (const task of tasks) {
    const { id, sessionKey, order, acceptedAtMs, spec, state } = task;
    if (state.kind === "ended") continue;
    yield {
      id,
      sessionKey,
      order,
      priority: spec.priority,
      acceptedAtMs,
      dueAtMs: state.kind === "queued" ? state.dueAtMs : 0,
      notBeforeMs: spec.notBeforeMs,
      dependsOn: spec.dependsOn,
      kind: state.kind === "queued" ? "queued" : "active",
      lastStartOfSessionMs: lastStarts.get(sessionKey),
      thread: task.lastRun?.thread ?? (typeof spec.resume === "string" ? spec.resume : undefined),
    };
  }
}

/** Returns what became of a task that others depend on: `task` where it is not committed yet, else `status` as the ledger has it. */
export function dependencyOutcome(task: OpenTask | undefined, status: string | undefined): DependencyOutcome {
  const word = task?.state.kind === "ended" ? task.state.status : task === undefined ? status : "open";
  if (word === undefined) return undefined;
  return word === "succeeded" || word === "failed" || word === "cancelled" ? word : "open";
}

/**
 * Returns why queued tasks wait, in words, as far as the journal and the branch can tell. Whether a worker is free and codex is there only a
 * coordinator knows; `codex` is what was last noted of it.
 */
export async function findHolds(
  tasks: readonly OpenTask[],
  ledger: Pick<BranchLedger, "find">,
  nowMs: number,
  { codex, pauses }: Pick<ScheduleInput, "codex" | "pauses">,
): Promise<ReadonlyMap<string, string>> {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const outcomes = new Map<string, DependencyOutcome>();
  for (const id of new Set(tasks.flatMap(({ spec }) => spec.dependsOn))) {
    const task = byId.get(id);
    outcomes.set(id, dependencyOutcome(task, task === undefined ? (await ledger.find(id))?.status : undefined));
  }
  const { held, unrunnable } = chooseStarts({
    tasks: scheduledTasks(tasks, new Map()),
    runningSessions: new Set(),
    workersFree: Number.POSITIVE_INFINITY,
    nowMs,
    outcomeOf: (id) => outcomes.get(id),
    pauses,
    codex,
  });
  const said = Array.from(held, ([id, hold]) => [id, describeHold(hold)] as const);
  return new Map([...said, ...unrunnable.map(({ id, reason }) => [id, `will fail: ${reason}`] as const)]);
}
