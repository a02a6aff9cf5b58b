import type { CheckReport, DoctorReport, FindingReport, RepairReport } from "../../app/doctor/report.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, printJson } from "../command.ts";
import type { Span } from "../terminal.ts";

/** Wide enough for every state and every name of a check. */
const STATE_WIDTH = 9;
const NAME_WIDTH = 17;
const INDENT = " ".repeat(STATE_WIDTH);
const STYLES: Readonly<Record<CheckReport["state"], Span["style"]>> = {
  ok: "green",
  note: "yellow",
  problem: "red",
  skipped: "dim",
};

export function createDoctorCommand(deps: CliDeps): Command {
  return {
    name: "doctor",
    summary: "Check that everything on the disk is as it must be, explain what is not, and repair it with --fix",
    usage: "[--fix] [--all] [--json] [<check> …]",
    help: [
      "--fix   repair what can be repaired: moved aside (and where to), never deleted; not beside a coordinator at work",
      "--all   look at everything, and not only at what is open and recent: takes as long as the history is",
      "--json  the same as JSON",
      "",
      "With the names of checks, as it prints them, only these are made.",
      "A problem needs you, or the repair. A note needs nobody: the coordinator deals with it by itself, or it is worth knowing.",
      "Exit code 0: no problem is left; 1: one is.",
    ],
    options: { fix: { type: "boolean" }, all: { type: "boolean" }, json: { type: "boolean" } },
    words: { min: 0, max: Number.POSITIVE_INFINITY },
    async run({ flags, words }) {
      const options = { fix: flags.fix === true, all: flags.all === true, only: words };
      const isJson = flags.json === true;
      const report = await deps.app.doctor(options, (check) => {
        if (!isJson) printCheck(deps, check, options.fix);
      });
      if (isJson) printJson(deps, report);
      else printEnd(deps, report, options);
      return report.problems === 0 ? 0 : 1;
    },
  };
}

function printCheck(deps: CliDeps, check: CheckReport, fix: boolean): void {
  const { state, name, reason, facts, looked, findings, more } = check;
  const counts = looked.filter(({ count }) => count > 0).map(({ what, count }) => `${what}: ${count}`);
  const state_ = { text: state.padEnd(STATE_WIDTH), style: STYLES[state] };
  deps.printStyled([
    state_,
    { text: name.padEnd(NAME_WIDTH) },
    { text: reason ?? [...facts, ...counts].join(", "), style: "dim" },
  ]);
  if (findings.length === 0) return;
  deps.print(`${INDENT}${check.what}.`);
  deps.print(`${INDENT}Why: ${check.why}.`);
  for (const finding of findings) for (const line of findingLines(finding, fix)) deps.print(`${INDENT}${line}`);
  if (more > 0) deps.print(`${INDENT}- and ${more} more`);
}

function findingLines({ level, path, message, remedy, repair }: FindingReport, fix: boolean): readonly string[] {
  const said = path === null || message.includes(path) ? message : `${path}: ${message}`;
  const repaired = repair === null ? undefined : repairLine(repair, fix);
  return [
    `- ${level === "note" ? "note: " : ""}${said}`,
    ...(repair?.state === "done" ? [] : [`  ${remedy}`]),
    ...(repaired === undefined ? [] : [`  ${repaired}`]),
  ];
}

function repairLine({ what, state, movedTo, reason }: RepairReport, fix: boolean): string | undefined {
  switch (state) {
    case "done":
      return `repaired: ${what}${movedTo === null ? "" : `, to ${movedTo}`}`;
    case "failed":
      return `not repaired: ${reason}`;
    case "later":
      return fix ? `not repaired while a coordinator is at work; end it, and --fix ${what}` : undefined;
    case "possible":
      return fix ? `not repaired: the lock of the workspace cannot be had` : `--fix ${what}`;
  }
}

function printEnd(
  deps: CliDeps,
  report: DoctorReport,
  { fix, all }: { readonly fix: boolean; readonly all: boolean },
): void {
  const { checks, problems, notes, repaired, coordinator } = report;
  const amounts = [amount(problems, "problem"), amount(notes, "note"), ...(fix ? [`${repaired} repaired`] : [])];
  deps.print("");
  deps.print(`${amount(checks.length, "check")} of ${report.workspace}: ${amounts.join(", ")}`);
  if (!all) deps.print("Of what is finished the newest was looked at; --all looks at everything.");
  if (coordinator !== null)
    deps.print(`A coordinator is at work (process ${coordinator.pid}): nothing is repaired beside it.`);
}

function amount(count: number, what: string): string {
  return `${count === 0 ? "no" : count} ${what}${count === 1 ? "" : "s"}`;
}
