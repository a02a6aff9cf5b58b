import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { KEPT_TASKS_MAX } from "../../../run/run-store.ts";
import { type RunSurvey, surveyRuns } from "../../../run/run-survey.ts";
import { surveyReceipts } from "../../../store/drop-receipts.ts";
import { journalProblem } from "../../../store/journal/journal-check.ts";
import type { KeptRecord } from "../../../store/journal/journal-file.ts";
import { type JournalReader, readTaskJournal } from "../../../store/journal/journal-reader.ts";
import { fold, type OpenTask } from "../../../store/tasks/open-task.ts";
import { isTaskId } from "../../../task/names/task-id.ts";
import { INBOX } from "../../../task/records/workspace-paths.ts";
import { isUnderWay } from "../../../task/state/state-row.ts";
import type { Check, Tell } from "../check.ts";
import type { Ground } from "../ground.ts";
import { namesIn } from "./state-folder.ts";

/** Each look at a run looks through all processes of the machine. */
const RUNS_MAX = 50;
/** A claim is there for moments. */
const CLAIM_MS = 60_000;

/** Drops on their way into the journal. */
export const claimsCheck: Check = {
  name: "claims",
  what: "No dropped file is left between inbox/ and the journal, and each receipt of a command is for a file in inbox/",
  why: "Such a file is no task yet and not in inbox/ any more: it waits for a coordinator",
  look(ground, tell) {
    const { paths, now, isServed } = ground;
    tellReceipts(ground, tell);
    const folder = join(paths.root, "accepting");
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined || (isServed && now() - stats.ctimeMs < CLAIM_MS)) continue;
      tell.looked("claims", 1);
      if (isTaskId(name))
        tell[isServed ? "problem" : "note"]({
          path,
          message: "a file was taken from inbox/ and is not accepted yet",
          remedy: isServed
            ? "look into the log of the coordinator; a start of it accepts what lies there first of all"
            : "nothing needs to be done: the next coordinator accepts it first of all",
        });
      else
        tell.problem({
          path,
          message: "it has no name of a claim, and is looked at by nobody",
          remedy: "if it is a task of yours, move it to inbox/; else away",
        });
    }
  },
};

/** A command writes its file a moment after its receipt, and the receipt goes once the task is accepted. */
function tellReceipts({ place, paths, now, repairs }: Ground, tell: Tell): void {
  for (const { path, id, writtenAtMs } of surveyReceipts(paths.dropReceipts)) {
    tell.looked("receipts", 1);
    const isFresh = now() - writtenAtMs < CLAIM_MS;
    const isNeeded =
      id !== undefined &&
      [join(INBOX, `${id}.md`), `accepting/${id}`].some((name, n) =>
        existsSync(join(n === 0 ? place.workspaceDir : paths.root, name)),
      );
    if (isFresh || isNeeded) continue;
    tell.note({
      path,
      message: id === undefined ? "it is no receipt of ours" : `the file of ${id} that it is for is not in inbox/`,
      remedy: "nothing needs to be done: it proves nothing, and goes after a month",
      repair: repairs.moveAside(path),
    });
  }
}

/** The folders of runs belong to open tasks, and their processes to runs. */
export const runsCheck: Check = {
  name: "runs",
  what: "Each folder of a run belongs to an open task, and each process that a run has started to a run that goes on or has succeeded",
  why: "A run holds prompts and outputs until its task is committed; a process that outlives its run changes files that nobody asked it to",
  look(ground, tell) {
    const survey = surveyRuns(ground.paths.runs, ground.clone);
    const journal = readTaskJournal(ground.paths.journal);
    const open = new Set(journal.openIds());
    let left = ground.all ? Number.POSITIVE_INFINITY : RUNS_MAX;
    for (const task of survey.tasks) {
      tell.looked("tasks with runs", 1);
      if (!open.has(task)) tellForgotten(ground, task, tell);
      else if (!ground.isServed && left-- > 0) tellRun(ground, taskOf(task, journal.read(task)), survey, tell);
    }
    for (const name of survey.strangers) {
      const isOver = isTaskId(name.slice(1)); // It is about to be removed.
      if (isOver && ground.isServed) continue;
      tell.note({
        path: join(ground.paths.runs, name),
        message: isOver ? "its task is not open any more" : "it has no name of a task",
        remedy: "nothing needs to be done: the next coordinator removes it",
        repair: ground.repairs.moveAside(join(ground.paths.runs, name)),
      });
    }
    tellProcesses(survey, journal, tell);
    const kept = namesIn(ground.paths.unknownRuns).length;
    if (kept > KEPT_TASKS_MAX)
      tell.note({
        path: ground.paths.unknownRuns,
        message: `runs of ${kept} tasks are kept that failed in a way nobody knows, and not of the newest ${KEPT_TASKS_MAX}`,
        remedy: "nothing needs to be done: the oldest go with the next one",
      });
  },
};

function tellForgotten({ paths, repairs, isServed }: Ground, task: string, tell: Tell): void {
  if (isServed) return; // It is about to be removed.
  const path = join(paths.runs, task);
  tell.note({
    path,
    message: "its task is not open any more",
    remedy: "nothing needs to be done: the next coordinator removes it",
    repair: repairs.moveAside(path),
  });
}

/** Tells of a task under way what became of its run while nobody serves. */
function tellRun({ paths }: Ground, task: OpenTask | undefined, survey: RunSurvey, tell: Tell): void {
  if (task === undefined || !isUnderWay(task.state)) return;
  const { id } = task;
  const run = survey.runsOf(id).at(-1);
  const kind = run === undefined ? "unclaimed" : survey.probe(id, run);
  tell.looked("runs", 1);
  tell.note({
    path: run === undefined ? paths.runs : join(paths.runs, id, String(run)),
    message: `run ${run ?? task.state.run} of ${id} ${RUN_WORDS[kind]}`,
    remedy: `nothing needs to be done: the next coordinator ${RUN_REMEDIES[kind]}`,
  });
}

const RUN_WORDS = {
  alive: "goes on while nobody serves",
  ended: "has ended while nobody served",
  vanished: "is gone without having come to an end",
  unclaimed: "was never started",
} as const;
const RUN_REMEDIES = {
  alive: "adopts it",
  ended: "takes its outcome in",
  vanished: "runs the task again; that attempt does not count",
  unclaimed: "runs it",
} as const;

/** The same question as at the start of a coordinator (dispatch/run/recovery.ts), which ends such processes. */
function tellProcesses(survey: RunSurvey, journal: JournalReader, tell: Tell): void {
  for (const { pid, task: id, run } of survey.processes()) {
    tell.looked("processes of runs", 1);
    const records = isTaskId(id) ? [...journal.read(id), ...journal.readDone(id)] : [];
    const task = taskOf(id, records);
    const isMeant = task !== undefined && isUnderWay(task.state) && [task.state.run, task.lastRun?.run].includes(run);
    const hasSucceeded = records.some(
      (record) => record.k === "run" && record.run === run && record.verdict.outcome === "succeeded",
    );
    if (isMeant || hasSucceeded) continue;
    tell.note({
      message: `process ${pid} was started by run ${run} of ${id}, which is over`,
      remedy: `a start of the coordinator ends it; kill ${pid} does now`,
    });
  }
}

function taskOf(id: string, records: readonly KeptRecord[]): OpenTask | undefined {
  try {
    return records.length > 0 && journalProblem(id, records) === undefined ? fold(records) : undefined;
  } catch (error) {
    if (error instanceof CoordinatorError) return undefined;
    throw error;
  }
}
