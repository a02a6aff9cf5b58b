import type { Branch } from "../../src/git/branch.ts";
import { type CommitterOptions, openCommitter } from "../../src/git/commit/committer.ts";
import { findWorkTree } from "../../src/git/repository/find-work-tree.ts";
import type { GitRepo } from "./git-repo.ts";
import { onTestFinished } from "./test-end.ts";

/** Opens a committer on the `main` of `repo`, closed when the test has finished. */
export async function committerAt(repo: GitRepo, options: Partial<CommitterOptions> = {}): Promise<Branch> {
  const stateDir = options.stateDir ?? repo.git("rev-parse", "--path-format=absolute", "--git-path", "codex-inbox");
  const committer = await openCommitter({
    place: options.place ?? (await findWorkTree(options.workspaceDir ?? repo.dir)),
    workspaceDir: repo.dir,
    branch: "refs/heads/main",
    now: Date.now,
    onNotice: () => undefined,
    ownMarker: "test",
    ...options,
    stateDir,
  });
  onTestFinished(() => committer.close());
  return committer;
}
