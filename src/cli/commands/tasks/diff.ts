import { diffText, type TaskDiff } from "../../../app/views/diff-view.ts";
import { CoordinatorError } from "../../../base/errors.ts";
import { changeSize } from "../../../task/records/task-file/change-section.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";
import type { Span } from "../../terminal.ts";

export function createDiffCommand(deps: CliDeps): Command {
  return {
    name: "diff",
    summary: "Show what the runs of a task have changed, as it was recorded",
    usage: "[--json] [--stat] [--run <n>] <task>",
    help: [
      "<task>     any unique part of its id, or a session: its open task, else the one that ended last",
      "--stat     which files, and by how many lines",
      "--run <n>  the change of this run alone",
      "--json     print {version, task, title, status, changes} as JSON",
      "Elsewhere than on a terminal it is what git apply takes. At most 2 MB of a run's change are printed; a change that looks as if it",
      "held a secret is not, and where it is kept is said.",
    ],
    options: { json: { type: "boolean" }, stat: { type: "boolean" }, run: { type: "string" } },
    words: { min: 1, max: 1 },
    async run({ flags, words: [part = ""] }) {
      const options = { run: runNumber(flags.run), stat: flags.stat === true };
      const diff = await deps.app.diff(part, options);
      if (flags.json === true) printJson(deps, diff);
      else if (deps.columns === undefined) deps.printData(diffText(diff));
      else printDiff(deps, diff);
      return 0;
    },
  };
}

/** @throws CoordinatorError `USAGE` */
function runNumber(given: unknown): number | undefined {
  if (given === undefined) return undefined;
  if (typeof given === "string" && /^[1-9]\d{0,8}$/.test(given)) return Number(given);
  throw new CoordinatorError("USAGE", `--run takes the number of a run, not "${String(given)}"`);
}

function printDiff(deps: CliDeps, { changes }: TaskDiff): void {
  for (const change of changes) {
    const what = change.commit === null ? "" : ` ${change.commit.slice(0, 12)}: ${changeSize(change)}`;
    deps.printStyled([{ text: `run ${change.run}${what}`, style: "dim" }]);
    if (change.diff === null) deps.print(change.missing ?? "");
    else for (const line of change.diff.trimEnd().split("\n")) deps.printStyled([{ text: line, style: styleOf(line) }]);
    if (change.isCut) deps.print(`… cut; git diff ${change.parent ?? ""} ${change.commit ?? ""} shows all of it`);
    if (change.outside !== null) deps.print(`edited before the run, and no part of it: git show ${change.outside}`);
    for (const { path, why } of change.leftOut) deps.print(`not in the commit: ${path} (${why})`);
  }
}

function styleOf(line: string): Span["style"] {
  if (/^(?:diff|---|\+\+\+) /.test(line)) return "bold";
  return line.startsWith("@@") ? "cyan" : line.startsWith("+") ? "green" : line.startsWith("-") ? "red" : undefined;
}
