import type { Log, Surroundings } from "../../base/surroundings.ts";
import type { AgentDriver, RunStore, VerifyDriver } from "../../run/driver.ts";
import type { JournalRecord } from "../../store/journal/journal-record.ts";
import type { TaskJournal } from "../../store/journal/task-journal.ts";
import type { Sessions } from "../../store/sessions/session-store.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import { isTaskId } from "../../task/names/task-id.ts";
import { recoveryAction } from "../../task/state/recovery-action.ts";
import type { Runs } from "../runs.ts";
import { isVerification, leaseOf } from "./active-runs.ts";

export interface RecoveryDeps {
  readonly journal: TaskJournal;
  readonly table: TaskTable;
  readonly runs: Pick<Runs, "adopt" | "stop">;
  readonly agents: Pick<AgentDriver, "probe" | "seal">;
  readonly verifications: Pick<VerifyDriver, "probe" | "seal">;
  readonly store: Pick<RunStore, "has" | "forgetOthers">;
  readonly sessions: Sessions;
  readonly surroundings: Surroundings;
  readonly log: Log;
}

/** Loads every open task and brings it to a state that is true now; removes what a crash left of tasks and runs that are done with. */
export function recover(deps: RecoveryDeps): void {
  const { journal, table, sessions } = deps;
  const open = new Set<string>();
  for (const id of journal.openIds()) {
    const records = journal.read(id);
    if (records.length === 0) continue; // Its creation was cut off before anybody was told of the task.
    open.add(id);
    const task = table.load(id, records);
    const facts = records.flatMap((record) => (record.k === "run" ? record.facts : []));
    if (facts.length > 0) sessions.add(id, task.sessionKey, facts);
    recoverTask(deps, task);
  }
  sessions.releaseEnded(({ task, run }) => deps.agents.probe({ task, run }) === "alive");
  deps.store.forgetOthers((id) => open.has(id));
}

/**
 * Tells whether processes of a run may go on: the run is under way, or it succeeded, and then what it left is meant to run. A verify
 * command has the number of the task's state.
 */
export function mayHaveProcesses(
  table: TaskTable,
  journal: Pick<TaskJournal, "read" | "readDone">,
): (task: string, run: number) => boolean {
  return (id, run) => {
    const task = table.get(id);
    const isOver = task === undefined || task.state.kind === "queued" || task.state.kind === "ended";
    if (!isOver && (run === task.state.run || run === task.lastRun?.run)) return true;
    if (!isTaskId(id)) return false;
    const records = [...journal.read(id), ...journal.readDone(id)];
    return records.some((record) => record.k === "run" && record.run === run && record.verdict.outcome === "succeeded");
  };
}

function recoverTask(deps: RecoveryDeps, task: OpenTask): void {
  const { id, sessionKey, state } = task;
  const driver = isVerification(state) ? deps.verifications : deps.agents;
  const key = leaseOf(task);
  if (state.kind === "ended") return;
  // Nothing was ever prepared: it waits for a slot. So a long queue costs no look at the process table.
  if ((state.kind === "queued" || state.kind === "verifying") && !deps.store.has(key)) return;
  let probe = driver.probe(key);
  let action = recoveryAction(state.kind, probe);
  if (action === "keep") return;
  if (action === "seal" && !driver.seal(key)) {
    // It claimed itself between the two looks.
    probe = driver.probe(key);
    action = probe === "unclaimed" ? "watch" : recoveryAction(state.kind, probe);
  }
  deps.log("recovered", { task: id, session: sessionKey, run: key.run, state: state.kind, worker: probe, action });
  if (action === "seal") {
    deps.table.step(id, { kind: state.kind === "verifying" ? "unbegun" : "vanished" });
    return;
  }
  deps.runs.adopt(action === "note the start" ? noteStart(deps, task) : task);
  if (action === "watch and stop" && state.kind === "stopping") deps.runs.stop(id, state.cause);
}

function noteStart({ table, surroundings }: RecoveryDeps, task: OpenTask): OpenTask {
  const { run, attempts } = task.state;
  const started: JournalRecord = {
    k: "started",
    run,
    attempt: attempts + 1,
    atMs: surroundings.now(),
    resume: null,
    codex: "unknown",
  };
  return table.step(task.id, { kind: "started" }, task.lastRun?.run === run ? [] : [started]);
}
