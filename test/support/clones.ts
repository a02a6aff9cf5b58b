import { cpSync } from "node:fs";
import { join } from "node:path";
import { LEDGER_ROTATE_BYTES } from "../../src/task/ledger/ledger.ts";
import { makeTaskId } from "../../src/task/names/task-id.ts";
import { type GitRepo, gitRepoAt } from "./git-repo.ts";
import { ledgerLine } from "./ledger-rows.ts";
import { tempDir } from "./temp-dir.ts";
import { type TestWorkspace, type WorkspaceOptions, workspaceIn, workspaceTemplate } from "./workspace.ts";

/** Clones of one workspace, each with a codex home of its own, as on two machines. */
export interface Clones {
  /** The repository that both were cloned from. */
  readonly origin: GitRepo;
  readonly a: TestWorkspace;
  readonly b: TestWorkspace;
}

/** @param prepare changes the origin before it is cloned; what it commits is in both */
export async function twoClones(
  prepare: (origin: TestWorkspace) => void = () => undefined,
  options: WorkspaceOptions = {},
): Promise<Clones> {
  const base = tempDir();
  cpSync(await workspaceTemplate(), join(base, "origin"), { recursive: true });
  const origin = workspaceIn(join(base, "origin"), options);
  prepare(origin);
  const clone = (name: string): TestWorkspace => {
    origin.repo.git("clone", "--quiet", origin.dir, join(base, name));
    const repo = gitRepoAt(join(base, name));
    for (const setting of ["gc.auto=0", `user.name=${name}`, `user.email=${name}@example.org`])
      repo.git("config", ...(setting.split("=", 2) as [string, string]));
    return workspaceIn(repo.dir, options);
  };
  return { origin: origin.repo, a: clone("a"), b: clone("b") };
}

/** Merges `branch` of `from` into what is checked out, as a user does. Returns what git said. */
export function mergeFrom(into: GitRepo, from: GitRepo, branch = "main"): string {
  return into.git("pull", "--no-rebase", "--no-edit", from.dir, branch);
}

/** Commits a ledger that lacks `bytesLeft` of what makes it rotate: tasks of the past, all finished. */
export function fillLedger({ repo }: TestWorkspace, bytesLeft: number): void {
  let text = repo.read("tasks.md") ?? "";
  for (let number = 0; ; number += 1) {
    const task = makeTaskId(Date.UTC(2026, 0, 2, 3, 4, number), "000000");
    const fields = { task, session: "past", run: 1, detail: "" } as const;
    const time = new Date(Date.UTC(2026, 0, 2, 3, 4, number)).toISOString();
    const rows = (["queued", "running", "succeeded"] as const).map((status) => ledgerLine({ time, status, ...fields }));
    const longer = `${text}${rows.join("\n")}\n`;
    if (longer.length > LEDGER_ROTATE_BYTES - bytesLeft) break;
    text = longer;
  }
  repo.write("tasks.md", text);
  repo.git("commit", "--quiet", "-am", "the past");
}
