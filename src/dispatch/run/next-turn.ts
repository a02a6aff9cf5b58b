import type { JournalRecord } from "../../store/journal/journal-record.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import { readPrompt } from "../../store/tasks/task-prompt.ts";
import type { SessionState } from "../../task/session/session-facts.ts";
import type { TaskSpec } from "../../task/spec/task-spec.ts";
import { repairPrompt } from "../../task/state/repair-prompt.ts";
import type { Verification } from "../../task/state/verification.ts";

/** What an agent is to do next for a task. */
export interface NextTurn {
  readonly prompt: string;
  /** Whether notes are put beside it, as a task says it. */
  readonly memory: TaskSpec["memory"];
  /** The task and its session as the run is to see them. */
  readonly task: OpenTask;
  readonly session: SessionState;
}

/**
 * Returns what comes next: what the task asks for, or after a verification that did not pass, to mend what that found. That goes on in
 * the thread of the task's last run, whatever the task asked for, and that thread has the notes already.
 */
export function nextTurn(task: OpenTask, session: SessionState, records: readonly JournalRecord[]): NextTurn {
  const prompt = promptOfRun(records);
  if (toBeRepaired(records) === undefined) return { prompt, memory: task.spec.memory, task, session };
  return {
    ...{ prompt, memory: false },
    task: { ...task, spec: { ...task.spec, resume: true } },
    session: { ...session, thread: task.lastRun?.thread ?? session.thread },
  };
}

/** Returns the prompt of the run under way, or of the next one, without what is added to it. */
export function promptOfRun(records: readonly JournalRecord[]): string {
  const prompt = readPrompt(records);
  const failed = toBeRepaired(records);
  return failed === undefined ? prompt : repairPrompt(prompt, failed);
}

function toBeRepaired(records: readonly JournalRecord[]): Verification | undefined {
  const last = records.findLast((record) => record.k === "verify" && record.verification.outcome === "failed");
  return last?.k === "verify" ? last.verification : undefined;
}
