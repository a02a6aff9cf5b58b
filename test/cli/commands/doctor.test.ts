import { expect, it } from "vitest";
import type { CheckReport, DoctorReport, FindingReport } from "../../../src/app/doctor/report.ts";
import type { UseCases } from "../../../src/app/use-cases.ts";
import { createDoctorCommand } from "../../../src/cli/commands/doctor.ts";
import { createFakeCliDeps, runCommand } from "../../fakes/fake-cli-deps.ts";

const FINDING: FindingReport = {
  ...{ level: "problem", path: "/w/.git/codex-inbox/journal/open/x", message: "it is no journal", remedy: "move it" },
  repair: { what: "moves it aside", state: "possible", movedTo: null, reason: null },
};

function check(change: Partial<CheckReport> = {}): CheckReport {
  const looked = [
    { what: "journals", count: 3 },
    { what: "drops", count: 0 },
  ];
  const told = { what: "Every journal can be read", why: "A task is lost else", reason: null, facts: [], looked };
  return { name: "journal", state: "ok", findings: [], more: 0, ...told, ...change };
}

/** Prints a report of these checks. */
async function printed(change: Partial<DoctorReport>, ...argv: readonly string[]) {
  const report: DoctorReport = {
    ...{ workspace: "/w", branch: "refs/heads/main", coordinator: null, all: false, checks: [check()] },
    ...{ problems: 0, notes: 0, repaired: 0 },
    ...change,
  };
  const asked: unknown[] = [];
  const doctor: UseCases["doctor"] = async (options, onChecked) => {
    asked.push(options);
    report.checks.forEach(onChecked);
    return report;
  };
  const deps = createFakeCliDeps({ doctor });
  const code = await runCommand(createDoctorCommand(deps), ...argv);
  return { code, asked, lines: deps.printed, report };
}

it("prints a line for each check, and what it has looked at", async () => {
  const { code, asked, lines } = await printed({ checks: [check(), check({ state: "skipped", reason: "no branch" })] });
  expect([code, asked]).toEqual([0, [{ fix: false, all: false, only: [] }]]);
  expect(lines).toEqual([
    "ok       journal          journals: 3",
    "skipped  journal          no branch",
    ...["", "2 checks of /w: no problems, no notes"],
    "Of what is finished the newest was looked at; --all looks at everything.",
  ]);
});

it.each<{
  name: string;
  repair: Partial<FindingReport["repair"] & object>;
  argv: readonly string[];
  says: readonly string[];
}>([
  { name: "that could be made", repair: {}, argv: [], says: ["  move it", "  --fix moves it aside"] },
  {
    ...{ name: "that was made", repair: { state: "done", movedTo: "/w/aside" }, argv: ["--fix"] },
    says: ["  repaired: moves it aside, to /w/aside"],
  },
  {
    ...{ name: "that failed", repair: { state: "failed", reason: "EIO" }, argv: ["--fix"] },
    says: ["  move it", "  not repaired: EIO"],
  },
  {
    ...{ name: "that has to wait", repair: { state: "later" }, argv: ["--fix"] },
    says: ["  move it", "  not repaired while a coordinator is at work; end it, and --fix moves it aside"],
  },
])("says why something is wrong, and of a repair $name", async ({ repair, argv, says }) => {
  const made = FINDING.repair && { ...FINDING.repair, ...repair };
  const findings = [{ ...FINDING, repair: made }];
  const { code, lines } = await printed(
    { checks: [check({ state: "problem", findings, more: 2 })], problems: 1 },
    ...argv,
  );
  expect(code).toBe(1);
  expect(lines.slice(1, -3).map((line) => line.slice(9))).toEqual([
    ...["Every journal can be read.", "Why: A task is lost else."],
    "- /w/.git/codex-inbox/journal/open/x: it is no journal",
    ...[...says, "- and 2 more"],
  ]);
  expect(lines).toContain(`1 check of /w: 1 problem, no notes${argv.length > 0 ? ", 0 repaired" : ""}`);
});

it("prints the report as JSON with a version, asks for what flags say, and names a coordinator", async () => {
  const { code, asked, lines, report } = await printed({ notes: 1 }, "--json", "--fix", "--all", "journal");
  expect([code, asked]).toEqual([0, [{ fix: true, all: true, only: ["journal"] }]]);
  expect(JSON.parse(lines.join("\n"))).toEqual({ version: 1, ...report });
  const beside = await printed({ coordinator: { pid: 7, since: "2026-11-20T14:15:30.000Z" } });
  expect(beside.lines.at(-1)).toBe("A coordinator is at work (process 7): nothing is repaired beside it.");
});
