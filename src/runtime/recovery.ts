import type { RunProbe } from "../task/run.ts";
import type { TaskState } from "../task/task-state.ts";
import type { Log, RunnerPort, SessionPort } from "./ports.ts";
import type { RunDesk } from "./run-desk.ts";
import { runDirectory, type StatePaths } from "./state-paths.ts";
import type { TaskJournal } from "./task-journal.ts";
import type { OpenTask, TaskTable } from "./task-table.ts";

/** What becomes of a task that an earlier coordinator left behind. */
export type RecoveryAction =
  /** Nothing was running: it waits for its turn, or for its commit. */
  | "keep"
  /** Its run lives, or has ended and left something to take in: it is watched like one of our own. */
  | "watch"
  /** As "watch", and the stop that was asked for is asked for again. */
  | "watch and stop"
  /** Its run was never started: make sure that it never is, and queue the task again. */
  | "seal";

/**
 * Returns what to do, for every state that a journal can end with and everything a worker can be. A process id that was re-used
 * counts as no process: a probe compares start times. `probe` is not asked for states without a run.
 */
export function recoveryAction(state: TaskState["kind"], probe: RunProbe["kind"]): RecoveryAction {
  switch (state) {
    case "queued":
    case "ended":
      return "keep";
    case "running":
    case "verifying":
      return probe === "unclaimed" ? "seal" : "watch";
    case "stopping":
      if (probe === "unclaimed") return "seal";
      return probe === "alive" ? "watch and stop" : "watch";
  }
}

export interface RecoveryDeps {
  readonly journal: TaskJournal;
  readonly table: TaskTable;
  readonly desk: RunDesk;
  readonly runner: RunnerPort;
  readonly sessions: SessionPort;
  readonly paths: StatePaths;
  readonly log: Log;
}

/** Loads every open task and brings it to a state that is true now. */
export function recover(deps: RecoveryDeps): void {
  for (const id of deps.journal.openIds()) {
    const records = deps.journal.read(id);
    if (records.length === 0) continue; // Its creation was cut off before anybody was told of the task.
    const task = deps.table.load(id, records);
    const facts = records.flatMap((record) => (record.k === "run" ? record.facts : []));
    if (facts.length > 0) deps.sessions.add(id, task.sessionKey, facts);
    recoverTask(deps, task);
  }
}

function recoverTask(deps: RecoveryDeps, task: OpenTask): void {
  const run = task.lastRun;
  if (run === undefined || task.state.kind === "queued" || task.state.kind === "ended") return;
  const runDir = runDirectory(deps.paths, task.id, run.run);
  let probe = deps.runner.probe(runDir).kind;
  let action = recoveryAction(task.state.kind, probe);
  if (action === "seal" && !deps.runner.seal(runDir)) {
    // It claimed itself between the two looks.
    probe = deps.runner.probe(runDir).kind;
    action = probe === "unclaimed" ? "watch" : recoveryAction(task.state.kind, probe);
  }
  deps.log("recovered", {
    task: task.id,
    session: task.sessionKey,
    run: run.run,
    state: task.state.kind,
    worker: probe,
    action,
  });
  if (action === "seal") deps.table.step(task.id, { kind: "vanished" });
  if (action === "watch" || action === "watch and stop") deps.desk.adopt(task);
  if (action === "watch and stop" && task.state.kind === "stopping") deps.desk.stop(task.id, task.state.cause);
}
