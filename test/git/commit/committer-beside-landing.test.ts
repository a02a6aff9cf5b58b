import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { landBranch } from "../../../src/git/merge/landing.ts";
import { createMerger } from "../../../src/git/merge/merger.ts";
import { createConfiguredPrograms } from "../../../src/git/repository/configured-programs.ts";
import { ALWAYS, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { waitFor } from "../../support/wait-for.ts";

const BRANCH = "codex-inbox/docs-1a2b3c";

/** Puts a git on the PATH that waits before it moves a work tree; as it does between what it reads there and what it writes. */
function slowMerge(): { hasBegun(): boolean; goOn(): void } {
  const dir = tempDir();
  const [begun, gate] = [join(dir, "begun"), join(dir, "gate")];
  const wait = `touch ${begun}; while [ ! -e ${gate} ]; do sleep 0.01; done`;
  const script = `#!/bin/sh\ncase "$*" in *"merge --ff-only"*) ${wait};; esac\nPATH=\${PATH#*:}\nexec git "$@"\n`;
  writeFileSync(join(dir, "git"), script, { mode: 0o755 });
  vi.stubEnv("PATH", `${dir}:${process.env.PATH ?? ""}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { hasBegun: () => existsSync(begun), goOn: () => writeFileSync(gate, "") };
}

it("a commit waits while work of a session lands: git has read the index that it is about to write", async () => {
  const repo = tempRepo();
  repo.git("switch", "-q", "-c", BRANCH);
  repo.write("docs.txt", "written\n");
  repo.git("add", "-A");
  repo.git("commit", "-q", "-m", "a turn");
  repo.git("switch", "-q", "main");
  const committer = await committerAt(repo);
  await committer.refresh();
  const merge = slowMerge();
  const gitDir = join(repo.dir, ".git");
  const checkout = { topDir: repo.dir, gitDir, commonDir: gitDir };
  const merger = createMerger(checkout, join(tempDir(), "merging"));
  const deps = { checkout, merger, programs: createConfiguredPrograms(), now: Date.now };
  const landing = landBranch(deps, BRANCH, "docs-1a2b3c", "Land docs\n");
  await waitFor(() => merge.hasBegun(), { what: "git merge" });
  const committing = committer.commit([result("t1")], ALWAYS);
  const wait = await waitFor(() => committer.waiting(), { what: "the commit to wait" });
  expect(wait.reason).toMatch(/^our own git merge \(process \d+\) moves the work tree$/);
  merge.goOn();
  expect(await landing).toMatchObject({ state: "landed" });
  const { tip } = await committing;
  expect(repo.git("log", "--format=%H", "-1", "main")).toBe(tip);
  expect(repo.git("status", "--porcelain")).toBe("");
  expect(repo.read("docs.txt")).toBe("written\n");
});
