/**
 * One line of a session's session.jsonl. `n` counts up within the session, `time` is UTC in ISO 8601. Kinds and their fields:
 *
 *   opened    key: string                    the session exists
 *   thread    thread: string, task: string   its Codex thread from now on, and the task that brought it
 *   usage     thread: string, total: Usage   running total of that thread
 *   archived  archived: boolean              put away, or taken out again
 *   account   clone, task, status, runs, usage, durationMs, commands      what a task that has ended took
 *   accounts  clone, tasks, runs, usage, durationMs, commands             the same of all tasks of a clone that ended until then
 *
 * Other kinds, and other fields, belong to later versions: they are kept and not understood.
 */
export interface SessionFact {
  readonly v: 1;
  readonly n: number;
  readonly time: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}
