import type { ListOptions, TaskPage } from "../../app/queries/queries.ts";
import type { WaitingDrops } from "../../app/queries/waiting-drops.ts";
import type { TaskLine } from "../../app/views/task-view.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, textFlag, wholeNumber } from "../command.ts";

const FINISHED_SHOWN = 20;
/** Tasks asked for at once. */
const PAGE_SIZE = 500;

export function createLsCommand(deps: CliDeps): Command {
  return {
    name: "ls",
    summary: "List open tasks and the most recently finished ones",
    usage: "[--open] [--session <key>] [-n <count>] [--json]",
    help: [
      "--open           open tasks only",
      "--session <key>  tasks of one session",
      `-n <count>       how many finished tasks (default ${FINISHED_SHOWN})`,
      "--json           an array of tasks, as GET /tasks/:id shows each",
    ],
    options: {
      open: { type: "boolean" },
      session: { type: "string" },
      n: { type: "string", short: "n" },
      json: { type: "boolean" },
    },
    words: { min: 0, max: 0 },
    async run(input) {
      const finished = input.flags.open === true ? 0 : (wholeNumber(input, "n") ?? FINISHED_SHOWN);
      const options = { finished, session: textFlag(input, "session") };
      if (input.flags.json === true) {
        deps.printText(JSON.stringify(await allPages(deps.app.list, options), null, 2));
        return 0;
      }
      const tasks = await allPages(deps.app.lines, options);
      const waiting = options.session === undefined ? waitingLines(await deps.app.waiting()) : [];
      const lines = [...waiting, ...tasks.map(taskLine)];
      for (const line of lines.length === 0 ? ["no tasks"] : lines) deps.print(line);
      return 0;
    },
  };
}

/** Page by page: a long queue is not one answer. */
async function allPages<Shown>(
  list: (options: ListOptions) => Promise<TaskPage<Shown>>,
  options: ListOptions,
): Promise<readonly Shown[]> {
  const tasks: Shown[] = [];
  let cursor: string | undefined;
  do {
    const page = await list({ ...options, limit: PAGE_SIZE, cursor });
    tasks.push(...page.tasks);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return tasks;
}

/** What no coordinator has taken yet. */
function waitingLines(waiting: WaitingDrops | null): readonly string[] {
  const { count, paths } = waiting ?? { count: 0, paths: [] };
  const lines = paths.map((path) => `${path}  waiting for a coordinator (codex-inbox serve)`);
  return count > paths.length ? [...lines, `and ${count - paths.length} more in inbox/`] : lines;
}

/** One task on one line: id, status, session, title, and what holds it. */
function taskLine(task: TaskLine): string {
  const note = task.hold ?? task.reason;
  const session = task.sessionKey.includes(task.id) ? "-" : task.sessionKey;
  return `${task.id}  ${task.status.padEnd(9)}  ${session.padEnd(12)}  ${task.title}${note === null ? "" : `  (${note})`}`;
}
