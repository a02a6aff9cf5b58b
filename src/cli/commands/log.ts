import type { HistoryEntry } from "../../app/queries/queries.ts";
import type { TranscriptEntry } from "../../task/session/transcript-entry.ts";
import { visibleLine } from "../../task/text/visible-text.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, wholeNumber } from "../command.ts";

const ENTRIES_SHOWN = 20;

export function createLogCommand(deps: CliDeps): Command {
  return {
    name: "log",
    summary: "Show finished tasks, newest first; with a task, what was said and done in it",
    usage: "[-n <count>] [--json] [<task>]",
    help: [`-n <count>  how many finished tasks (default ${ENTRIES_SHOWN})`, "--json      the same as JSON"],
    options: { n: { type: "string", short: "n" }, json: { type: "boolean" } },
    words: { min: 0, max: 1 },
    async run(input) {
      const [task] = input.words;
      const asJson = input.flags.json === true;
      if (task !== undefined) {
        const entries = await deps.app.transcript(task);
        if (asJson) deps.printText(JSON.stringify(entries, null, 2));
        else for (const entry of entries) deps.printText(entryText(entry));
        return 0;
      }
      const history = await deps.app.history(wholeNumber(input, "n") ?? ENTRIES_SHOWN);
      if (asJson) deps.printText(JSON.stringify(history, null, 2));
      else for (const line of history.length === 0 ? ["no finished tasks"] : history.map(historyLine)) deps.print(line);
      return 0;
    },
  };
}

function historyLine(entry: HistoryEntry): string {
  return `${entry.commit.slice(0, 10)}  ${entry.committedAt}  ${entry.task}  ${entry.subject}`;
}

function entryText(entry: TranscriptEntry): string {
  const { body } = entry;
  const head = `[${visibleLine(entry.time)}] `;
  switch (body.kind) {
    case "user":
    case "assistant":
    case "reasoning":
      return `${head}${body.kind}\n${indent(body.text)}`;
    case "context":
      return `${head}context (${countOf(body.lines, "line")} of notes)\n${indent(body.text.trim())}`;
    case "command":
      return `${head}command (exit ${body.exitCode ?? "unknown"})\n${indent(body.command)}\n${indent(body.output)}`;
    case "files":
      return `${head}files (${visibleLine(body.status)})\n${indent(body.changes.map(({ path, change }) => `${change} ${path}`).join("\n"))}`;
    case "tool":
      return `${head}tool ${visibleLine(body.name)} (${visibleLine(body.status)})\n${indent(body.detail)}`;
    case "verify":
      return `${head}verify: ${visibleLine(body.what)}\n${indent(body.command)}\n${indent(body.output)}`;
    case "error":
      return `${head}error\n${indent(body.message)}`;
    case "end":
      return `${head}end: ${body.outcome}${body.reason === null ? "" : ` (${visibleLine(body.reason)})`}`;
  }
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function indent(text: string): string {
  return `    ${text.trimEnd().replaceAll("\n", "\n    ")}`;
}
