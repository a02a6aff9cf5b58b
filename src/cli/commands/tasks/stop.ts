import { CoordinatorError } from "../../../base/errors.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, textFlag, wholeNumber } from "../../command.ts";
import { outcomeLine, waitAloud } from "../../task-outcome.ts";

export function createStopCommand(deps: CliDeps): Command {
  return {
    name: "stop",
    summary: "Stop tasks and record them as cancelled, or end a session after its running turn",
    usage: "[--timeout <s>] [--drain <session>] [<task> …]",
    help: [
      "<task>             any unique part of its id; one that has ended already is fine, and one that still lies in inbox/",
      "--timeout <s>      wait until they have ended, for so many seconds at most; 75 when the time is over",
      "--drain <session>  let the running turn of a session end, and drop what is queued behind it",
    ],
    options: { timeout: { type: "string" }, drain: { type: "string" } },
    words: { min: 0, max: Number.POSITIVE_INFINITY },
    async run(input) {
      const session = textFlag(input, "drain");
      const timeoutS = wholeNumber(input, "timeout");
      if (session === undefined && input.words.length === 0)
        throw new CoordinatorError("USAGE", "name the tasks to stop, or a session with --drain");
      const stopped: string[] = [];
      const refused: unknown[] = [];
      for (const part of input.words) {
        try {
          const { task, asked } = await deps.app.stop(part);
          if (asked) stopped.push(task.id);
          deps.print(
            asked ? `${task.id} will be stopped and recorded as cancelled.` : `${task.id} had ended: ${task.status}.`,
          );
        } catch (error) {
          if (!(error instanceof CoordinatorError)) throw error;
          if (refused.length > 0) deps.warn(`codex-inbox: ${error.message}`); // The first is said at the end.
          refused.push(error);
        }
      }
      if (refused.length > 0) throw refused[0];
      if (session !== undefined) stopped.push(...(await drain(deps, session)));
      if (timeoutS === undefined || stopped.length === 0) return 0;
      const waited = await waitAloud(deps, stopped, timeoutS);
      for (const one of waited) deps.print(outcomeLine(one));
      return waited.every(({ hasEnded }) => hasEnded) ? 0 : 75;
    },
  };
}

/** Returns what ends by it, the running one included. */
async function drain(deps: CliDeps, part: string): Promise<readonly string[]> {
  const { session, running, dropped, left } = await deps.app.drain(part);
  for (const { id, status } of running) deps.print(`${id} is ${status}: session ${session} ends after it.`);
  for (const path of left)
    deps.warn(`${path} becomes a task of session ${session} once it is taken: remove it, or stop that task then`);
  if (running.length + dropped.length === 0)
    deps.print(`Nothing to do: nothing runs or is queued in session ${session}.`);
  else deps.print(`${dropped.length} queued in session ${session} will be recorded as cancelled.`);
  return [...running.map(({ id }) => id), ...dropped];
}
