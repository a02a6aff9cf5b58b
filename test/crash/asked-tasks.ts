import type { AskWay, TaskPlan } from "./history.ts";

/** A task that somebody has asked for. */
export interface AskedTask {
  readonly number: number;
  /** The checkout in which it was asked for. */
  readonly dir: string;
  readonly way: AskWay;
  /** Relative to the top of the checkout; `undefined` where no file was written. */
  readonly path: string | undefined;
  readonly plan: TaskPlan;
  /** Nothing may have become of it: its file was taken away by a command of the user's, or no answer came. */
  isUncertain: boolean;
  /** As answered, or as the log says. */
  id: string | undefined;
  /** Somebody has asked to end it, or to change it. */
  wasTouched: boolean;
  /** Retries that were answered with a new task, and those without an answer. */
  retries: number;
  retriesUncertain: number;
}

/** The text of a task file whose agent does what `plan` says. */
export function taskText(number: number, { script, keys, session }: TaskPlan): string {
  const front = [...(session === undefined ? [] : [`sessionKey: ${session}`]), ...keys];
  const head = front.length === 0 ? "" : `---\n${front.join("\n")}\n---\n`;
  return `${head}# Torture task ${number}\n\ntorture ${number}: ${script}\n`;
}

/** Returns the number of the task with this prompt. */
export function numberOf(prompt: string): number {
  return Number(/^torture (\d+):/m.exec(prompt)?.[1] ?? Number.NaN);
}
