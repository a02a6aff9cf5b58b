import type { WaitedTask } from "../app/actions/tasks/wait-for-tasks.ts";
import type { TaskView } from "../app/views/task-view.ts";
import type { CliDeps } from "./cli-deps.ts";
import { serveCommand } from "./serve-command.ts";

/** Returns the exit code that tells what became of tasks: 75 before their end, 1 where one failed, 5 where only verification did. */
export function exitCodeOf(waited: readonly WaitedTask[]): number {
  if (waited.some(({ hasEnded }) => !hasEnded)) return 75;
  const failed = waited.flatMap(({ task }) => (task === undefined || task.status === "succeeded" ? [] : [task]));
  if (failed.length === 0) return 0;
  return failed.every(({ failure }) => failure === "verification") ? 5 : 1;
}

/** Waits for tasks and says, beside the output, what it waits for. */
export async function waitAloud(
  deps: CliDeps,
  parts: readonly string[],
  timeoutS: number | undefined,
): Promise<readonly WaitedTask[]> {
  let hint = "; Ctrl-C ends the wait and stops no task";
  return deps.app.wait(parts, {
    timeoutMs: timeoutS === undefined ? undefined : timeoutS * 1_000,
    tell(waitsFor) {
      deps.warn(`waiting for ${waitWords(waitsFor)}${hint}`);
      hint = ""; // Once is enough.
    },
    unserved: () =>
      deps.warn(`nobody serves this workspace, so nothing ends by itself; start with: ${serveCommand(undefined)}`),
  });
}

function waitWords(waitsFor: TaskView | string): string {
  if (typeof waitsFor === "string") return `${waitsFor}: no coordinator has taken it`;
  const { id, status, hold } = waitsFor;
  return `${id} (${status}${hold === null ? "" : `: ${hold}`})`;
}

/** One task that was waited for, on one line. */
export function outcomeLine({ part, task, hasEnded }: WaitedTask): string {
  if (task === undefined) return `${part}  waiting  in inbox/`;
  const why = hasEnded ? task.reason : (task.hold ?? task.reason);
  return `${task.id}  ${task.status}  ${task.title}${why === null ? "" : `  (${why})`}`;
}
