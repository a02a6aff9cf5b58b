import type { ListOptions, TaskPage } from "../../../app/queries/queries.ts";
import type { InboxView } from "../../../app/queries/tasks/waiting-drops.ts";
import type { TaskLine } from "../../../app/views/task-view.ts";
import { CoordinatorError } from "../../../base/errors.ts";
import { TASK_STATUSES, type TaskStatus } from "../../../task/ledger/ledger.ts";
import { founderOf } from "../../../task/names/session-key.ts";
import { nearest } from "../../../task/text/near-miss.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson, textFlag, textsFlag, wholeNumber } from "../../command.ts";
import { type Column, tableLines } from "../../table.ts";
import type { Span } from "../../terminal.ts";
import { ageText } from "../../time-text.ts";

const FINISHED_SHOWN = 20;
/** Tasks asked for at once. */
const PAGE_SIZE = 500;

export function createLsCommand(deps: CliDeps): Command {
  return {
    name: "ls",
    summary: "List open tasks and the most recently finished ones",
    usage: "[-a] [--open] [--state <state> …] [--session <key>] [-n <count>] [--json]",
    help: [
      "-a, --all        archived ones too",
      "--open           open tasks only",
      `--state <state>  tasks in this state; may be given more than once: ${TASK_STATUSES.join(", ")}`,
      "--session <key>  tasks of one session: any unique part of its key or thread, or of the id of one of its tasks",
      `-n <count>       how many finished tasks (default ${FINISHED_SHOWN})`,
      "--json           {version, tasks}: each as GET /tasks/:id shows each",
      "Where output goes elsewhere than to a terminal, it is one task a line, with tabs between: id, state, session, when it was",
      "accepted, began and ended (UTC), title, and what holds or ended it; nothing is cut.",
    ],
    options: {
      all: { type: "boolean", short: "a" },
      open: { type: "boolean" },
      state: { type: "string", multiple: true },
      session: { type: "string" },
      n: { type: "string", short: "n" },
      json: { type: "boolean" },
    },
    words: { min: 0, max: 0 },
    async run(input) {
      const finished = input.flags.open === true ? 0 : (wholeNumber(input, "n") ?? FINISHED_SHOWN);
      const statuses = textsFlag(input, "state").map(statusOf);
      const part = textFlag(input, "session");
      const session = part === undefined ? undefined : (await deps.app.session(part)).key;
      const options = { finished, session, statuses, archived: input.flags.all === true };
      if (input.flags.json === true) {
        printJson(deps, { tasks: await allPages(deps.app.list, options) });
        return 0;
      }
      const tasks = await allPages(deps.app.lines, options);
      const inbox = session === undefined && statuses.length === 0 ? await deps.app.waiting() : undefined;
      print(deps, tasks, inbox);
      return 0;
    },
  };
}

function statusOf(word: string): TaskStatus {
  const status = TASK_STATUSES.find((known) => known === word);
  if (status !== undefined) return status;
  const near = nearest(word, TASK_STATUSES);
  const hint = near === undefined ? `expected one of ${TASK_STATUSES.join(", ")}` : `did you mean "${near}"?`;
  throw new CoordinatorError("USAGE", `--state: there is no state "${word}"; ${hint}`);
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

const COLUMNS: readonly Column[] = [
  { title: "TASK" },
  { title: "STATE" },
  { title: "SESSION", shrinksTo: 8 },
  { title: "AGE", isRight: true },
  { title: "TOOK", isRight: true },
  { title: "TITLE", shrinksTo: 16 },
];

function print(deps: CliDeps, tasks: readonly TaskLine[], inbox: InboxView | undefined): void {
  const { columns } = deps;
  if (columns === undefined) {
    const lines = [...inboxRows(inbox), ...tasks.map(rowOf)];
    if (lines.length === 0) deps.warn("no tasks");
    for (const cells of lines) deps.print(cells.join("\t"));
    return;
  }
  const rows = tasks.map((task) => cellsOf(task, deps.now()));
  if (rows.length === 0) deps.print("no tasks");
  else for (const line of tableLines(COLUMNS, rows, columns)) deps.printStyled(line);
  for (const line of inboxLines(inbox)) deps.print(line);
}

/** A tab in a text would pose as the next column. */
function rowOf(task: TaskLine): readonly string[] {
  const { id, status, acceptedAt, startedAt, endedAt, title, hold, reason } = task;
  const cells = [id, status, sessionOf(task), acceptedAt, startedAt, endedAt, title, hold ?? reason];
  return cells.map((text) => (text ?? "").replaceAll(/[\t\n]/g, " "));
}

/** What no coordinator has taken yet, and what none can take. */
function inboxRows(view: InboxView | undefined): readonly (readonly string[])[] {
  const rowFor = (status: string, why: string) => (path: string) => [path, status, "-", "", "", "", "", why];
  const { inbox, broken } = view ?? { inbox: null, broken: [] };
  return [
    ...(inbox?.paths ?? []).map(rowFor("waiting", "waits for a coordinator (codex-inbox serve)")),
    ...broken.map(rowFor("broken", "see the .error.md file beside it")),
  ];
}

const PATHS_NAMED = 3;

function inboxLines(view: InboxView | undefined): readonly string[] {
  const { inbox, broken } = view ?? { inbox: null, broken: [] };
  const named = (paths: readonly string[], count: number): string =>
    `${paths.slice(0, PATHS_NAMED).join(", ")}${count > PATHS_NAMED ? ", …" : ""}`;
  return [
    ...(inbox === null
      ? []
      : [`${inbox.count} in inbox/ waiting for a coordinator (codex-inbox serve): ${named(inbox.paths, inbox.count)}`]),
    ...(broken.length === 0
      ? []
      : [`${broken.length} broken in inbox/, see the .error.md beside each: ${named(broken, broken.length)}`]),
  ];
}

const STYLES: Readonly<Record<string, Span["style"]>> = {
  running: "cyan",
  verifying: "cyan",
  stopping: "yellow",
  succeeded: "green",
  failed: "red",
  cancelled: "dim",
};

function cellsOf(task: TaskLine, nowMs: number): readonly (readonly Span[])[] {
  const { id, status, acceptedAt, startedAt, endedAt, title, hold, reason } = task;
  const since = endedAt ?? startedAt ?? acceptedAt;
  const tookMs =
    startedAt === null ? Number.NaN : (endedAt === null ? nowMs : Date.parse(endedAt)) - Date.parse(startedAt);
  const note = hold ?? reason;
  return [
    [{ text: id }],
    [{ text: status, style: STYLES[status] }],
    [{ text: sessionOf(task) }],
    [{ text: since === null ? "" : ageText(nowMs - Date.parse(since)) }],
    [{ text: Number.isNaN(tookMs) ? "" : ageText(tookMs) }],
    [{ text: title }, ...(note === null ? [] : [{ text: `  (${note})`, style: "dim" as const }])],
  ];
}

/** A session that was made for one task is named after it. */
function sessionOf({ id, sessionKey }: TaskLine): string {
  return founderOf(sessionKey) === id ? "-" : sessionKey;
}
