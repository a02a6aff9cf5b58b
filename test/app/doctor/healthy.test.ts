import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { CHECKS } from "../../../src/app/doctor/check-table.ts";
import { damagedWorkspace } from "./damaged-workspace.ts";

it("finds nothing in a workspace that was served, nor repairs anything, and says how much it has looked at", async () => {
  const { doctor, repo, paths } = await damagedWorkspace();
  // Claims of a remote that were seen last, and of clones that have this repository as their remote.
  const claim = repo.git("hash-object", "-w", "--", "README.md");
  for (const place of ["remotes/origin/claims", "claims"])
    repo.git("update-ref", `refs/codex-inbox/${place}/20261120-141530-k3f9x2`, claim);
  for (const all of [false, true]) {
    const report = await doctor({ all, fix: all });
    expect(report.checks.flatMap(({ findings }) => findings)).toEqual([]);
    expect(report).toMatchObject({ problems: 0, notes: 0, repaired: 0, coordinator: null, branch: "refs/heads/main" });
    expect(report.checks.map(({ name, state }) => `${name} ${state}`)).toEqual(CHECKS.map(({ name }) => `${name} ok`));
    const looked = Object.fromEntries(report.checks.map(({ name, looked: at }) => [name, at]));
    expect(looked).toMatchObject({
      journal: [{ what: "journals", count: 2 }],
      results: [{ what: "finished tasks", count: 2 }],
      sessions: [{ what: "sessions", count: 2 }],
      history: [{ what: "commits", count: 2 }],
    });
  }
  expect(repo.git("status", "--porcelain")).toBe("");
  expect(existsSync(paths.setAside)).toBe(false);
});

it("refuses the name of a check that is not there with the one that was meant", async () => {
  const { doctor } = await damagedWorkspace();
  await expect(doctor({}, "ledgr")).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringMatching(/did you mean "ledger"/),
  });
});

it("has checks that say what they look at and why, each under a name of its own", () => {
  expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length);
  for (const { what, why } of CHECKS) for (const text of [what, why]) expect(text).toMatch(/^\S.*[^.]$/);
});
