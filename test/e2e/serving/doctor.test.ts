import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { DoctorReport } from "../../../src/app/doctor/report.ts";
import { heldTask } from "../../support/held-task.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

/** What a doctor found, `<check> <level>: <message>`, and how it ended. */
async function doctor(workspace: TestWorkspace, ...args: readonly string[]) {
  const { code, stdout, stderr } = await workspace.command("doctor", "--json", ...args);
  if (stdout === "") throw new Error(stderr);
  const report: DoctorReport = JSON.parse(stdout);
  const found = report.checks.flatMap(({ name, findings }) =>
    findings.map(({ level, message }) => `${name} ${level}: ${message}`),
  );
  return { code, report, found };
}

it("finds nothing beside a coordinator at work and changes nothing; after its death it tells what the next one does", async () => {
  const workspace = await tempWorkspace();
  const held = heldTask(workspace);
  workspace.drop("first.md", "Say hello\n");
  const coordinator = workspace.serve();
  await coordinator.saw("committed");
  workspace.drop("second.md", held.prompt);
  await coordinator.saw("started", 2);
  const stray = join(workspace.stateDir, "journal/open/notes.txt");
  writeFileSync(stray, "mine");

  const beside = await doctor(workspace, "--fix");
  expect(beside.found).toEqual(["journal problem: it has no name of a journal, and is read by nobody"]);
  expect(beside.report).toMatchObject({ problems: 1, repaired: 0, coordinator: { pid: coordinator.pid } });
  expect(beside.report.checks.flatMap(({ findings }) => findings)).toMatchObject([{ repair: { state: "later" } }]);
  expect(beside.code).toBe(1);

  await coordinator.kill();
  const after = await doctor(workspace, "--fix");
  const run = after.found.find((one) => one.startsWith("runs"));
  expect(run).toMatch(/^runs note: run 1 of \S+ goes on while nobody serves$/);
  expect(after.found).toContainEqual(expect.stringMatching(/^lock note: process \d+, .* is gone without/));
  expect(after.report).toMatchObject({ coordinator: null, problems: 0 });
  expect(after.code).toBe(0);
  expect(readdirSync(join(workspace.stateDir, "set-aside"))).toHaveLength(1);
  expect((await doctor(workspace)).found).toEqual([run]);

  held.release();
  await workspace.serveUntilIdle();
  expect((await doctor(workspace, "--all")).found).toEqual([]);
  expect(workspace.results.tasks().map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
});
