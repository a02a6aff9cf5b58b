import type { LogPiece } from "../../../app/log/follow-log.ts";
import type { HistoryEntry } from "../../../app/queries/queries.ts";
import type { LogView } from "../../../app/views/log-view.ts";
import { CoordinatorError } from "../../../base/errors.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, type CommandInput, printJson, wholeNumber } from "../../command.ts";
import { createFollowedText } from "../../followed-text.ts";
import { entryText } from "../../log-text.ts";

const TASKS_SHOWN = 20;
const TRY_AGAIN = new CoordinatorError("TRY_AGAIN", "").exitCode;

export function createLogCommand(deps: CliDeps): Command {
  return {
    name: "log",
    summary: "Show finished tasks, newest first; with a task or a session, what was said and done in it",
    usage: "[-n <count>] [-f] [--json | --raw] [<task> | <session>]",
    help: [
      `-n <count>    how many finished tasks (default ${TASKS_SHOWN}); of a task or session, its last entries`,
      "<task>, <session>  any unique part of its id, key or thread; a whole one comes before parts",
      "-f, --follow  of a task or session: go on with what happens; a task's to its end",
      "--json        as JSON; with -f an entry or an event a line",
      "--raw         of a task: what codex wrote itself, a JSON event a line, until the task is committed",
    ],
    options: {
      n: { type: "string", short: "n" },
      follow: { type: "boolean", short: "f" },
      json: { type: "boolean" },
      raw: { type: "boolean" },
    },
    words: { min: 0, max: 1 },
    async run(input) {
      const [part] = input.words;
      const { follow, raw } = input.flags;
      if (raw === true && (input.flags.json === true || input.flags.n !== undefined))
        throw new CoordinatorError("USAGE", "--raw is JSON already, and whole: leave out --json and -n");
      if (part === undefined && (follow === true || raw === true))
        throw new CoordinatorError(
          "USAGE",
          raw === true
            ? "--raw takes a task; codex-inbox ls shows them"
            : "-f takes a task or a session; codex-inbox ls and codex-inbox sessions show them",
        );
      if (part === undefined) await printHistory(deps, input);
      else if (raw === true) await printRaw(deps, part, follow === true);
      else if (follow === true) return followPart(deps, part, input);
      else await printLog(deps, part, input);
      return 0;
    },
  };
}

async function printHistory(deps: CliDeps, input: CommandInput): Promise<void> {
  const history = await deps.app.history(wholeNumber(input, "n") ?? TASKS_SHOWN);
  if (input.flags.json === true) printJson(deps, { tasks: history });
  else for (const line of history.length === 0 ? ["no finished tasks"] : history.map(historyLine)) deps.print(line);
}

function historyLine(entry: HistoryEntry): string {
  const atUtc = new Date(entry.committedAt).toISOString();
  return `${entry.commit.slice(0, 10)}  ${atUtc}  ${entry.task}  ${entry.subject}`;
}

async function printLog(deps: CliDeps, part: string, input: CommandInput): Promise<void> {
  const shown = await deps.app.log(part, { last: wholeNumber(input, "n") });
  if (input.flags.json === true) {
    printJson(deps, shown);
    return;
  }
  if (shown.leftOut > 0) deps.print(leftOutLine(shown.leftOut));
  for (const entry of shown.entries) deps.printText(entryText(entry));
  const now = nowLine(shown);
  if (now !== undefined) deps.print(now);
}

/** What is to be said of a task that is not over. */
function nowLine({ task, status, hold, run, entries }: LogView): string | undefined {
  if (status === "queued") return `queued${hold === null ? "" : `: ${hold}`}`;
  if (run === null) return task !== null && entries.length === 0 ? `${status}, and nothing was said` : undefined;
  return `${status} (run ${run.number}${run.isOver ? ", which is over" : ""}); -f follows it`;
}

/** Prints what was said and done until now, and then what happens; returns the exit code. */
export async function followPart(deps: CliDeps, part: string, input: CommandInput): Promise<number> {
  const last = wholeNumber(input, "n");
  const { signal } = new AbortController(); // Ctrl-C ends the process.
  const textOf = createFollowedText();
  for await (const piece of deps.app.followLog(part, { last }, signal)) {
    if (piece.kind === "nobody") {
      deps.warn(piece.reason);
      return TRY_AGAIN;
    }
    if (input.flags.json === true) printJsonLine(deps, piece);
    else if (piece.kind === "left-out") deps.print(leftOutLine(piece.count));
    else {
      const text = textOf(piece);
      if (text !== undefined) deps.printText(text);
    }
  }
  return 0;
}

/** Entries have no `seq`, events one. */
function printJsonLine({ printText }: CliDeps, piece: LogPiece): void {
  if (piece.kind === "entry") printText(JSON.stringify(piece.entry));
  if (piece.kind === "event") printText(JSON.stringify(piece.event));
}

async function printRaw(deps: CliDeps, part: string, follow: boolean): Promise<void> {
  for await (const line of deps.app.rawLog(part, { follow }, new AbortController().signal)) deps.print(line);
}

function leftOutLine(count: number): string {
  return `[… ${count} earlier entries left out; -n <count> shows more …]`;
}
