import { CoordinatorError } from "../../../base/errors.ts";
import { createObjectReader } from "../../../git/objects/object-reader.ts";
import { runGit } from "../../../git/process/git-process.ts";
import { gitRecords } from "../../../git/process/git-records.ts";
import { requireGit } from "../../../git/process/git-version.ts";
import { createRefs } from "../../../git/repository/refs.ts";
import { inspectRepository } from "../../../git/repository/repository-state.ts";
import { shellWord } from "../../../task/text/shell-word.ts";
import type { Check } from "../check.ts";
import { CannotLook, type Ground } from "../ground.ts";

/** No look of ours at a repository takes longer, but for those at everything. */
const GIT_TIME_MS = 30_000;
/** Refs of ours that are looked at without `--all`. */
const REFS_MAX = 1_000;
const PATHS_SHOWN = 20;

/** Git is there, and can work here. */
export const repositoryCheck: Check = {
  name: "repository",
  what: "Git is there and recent enough, the repository can be read, and nothing in it is in the middle of something",
  why: "Results are commits: while a merge or rebase goes on, the committer waits, and results with it",
  async look(ground, tell) {
    try {
      await requireGit(ground.environment);
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
      tell.problem({ message: error.message, remedy: "every command but this one needs it" });
      return;
    }
    if (ground.branch === undefined) return; // The check of the branch says so.
    try {
      const repository = await ground.repository();
      const state = inspectRepository(repository, createRefs(repository));
      if (state.kind === "closed")
        tell.problem({
          path: repository.gitDir,
          message: state.reason,
          remedy: "end it; nothing is committed until then, and tasks run all the same",
        });
      if (state.kind === "ref-only")
        tell.note({
          path: repository.gitDir,
          message: `HEAD names another branch than ${repository.branch}`,
          remedy: "results go to the branch alone; your files show them after git switch",
        });
      const unmerged = await runGit(repository, ["ls-files", "--unmerged", "-z"], { timeMs: GIT_TIME_MS });
      if (unmerged.status !== 0) tell.problem({ path: repository.indexPath, ...unreadable(unmerged.stderr) });
      const [first = ""] = unmerged.stdout.toString("utf8").split("\0");
      if (first !== "")
        tell.problem({
          path: first.slice(first.indexOf("\t") + 1),
          message: "a conflict in the index is not resolved",
          remedy: "resolve it and git add the file; nothing is committed until then",
        });
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
      tell.problem({ path: ground.place.topDir, ...unreadable(error.message) });
    }
  },
};

function unreadable(said: string): { readonly message: string; readonly remedy: string } {
  return { message: `git cannot read it: ${said}`, remedy: "git fsck says more" };
}

/** Claims, here as on a remote, are texts; every other ref of ours is a commit. */
const CLAIM = /^refs\/codex-inbox\/(?:remotes\/[^/]+\/)?claims\//;

/** Refs of ours lead to what they are to lead to. */
export const refsCheck: Check = {
  name: "refs",
  what: "Every ref below refs/codex-inbox/ leads to a commit that is there, a claim to a blob",
  why: "They keep what agents did, and who may run a task; one that leads nowhere also makes git's own maintenance fail",
  async look(ground, tell) {
    const repository = await ground.repository();
    const args = [
      "for-each-ref",
      ...(ground.all ? [] : [`--count=${REFS_MAX}`]),
      "--format=%(refname) %(objectname)%00",
    ];
    const reader = createObjectReader(repository);
    const leadsNowhere = (ref: string, message: string): void =>
      tell.problem({
        path: ref,
        message,
        remedy: `look whether another clone has it (git fetch); else git update-ref -d ${shellWord(ref)}`,
      });
    let warnings = "";
    try {
      for await (const record of gitRecords(repository, [...args, "refs/codex-inbox/"], (said) => {
        warnings = said;
      })) {
        const [ref = "", id = ""] = record.trim().split(" ");
        if (ref === "") continue;
        tell.looked("refs", 1);
        const type = (await reader.read(id))?.type;
        if (type !== (CLAIM.test(ref) ? "blob" : "commit"))
          leadsNowhere(ref, type === undefined ? `git has no ${id}` : `it leads to a ${type}`);
      }
    } finally {
      reader.close();
    }
    for (const ref of new Set(warnings.match(/refs\/codex-inbox\/\S+/g))) leadsNowhere(ref, "git cannot read it");
  },
};

/** What the index says of our files is what the branch holds. */
export const indexCheck: Check = {
  name: "index",
  what: "None of our results is staged as removed or changed against the branch",
  why: "Your next git commit would take such a result out of the branch again, or bring back an older state of the ledger",
  async look(ground, tell) {
    if (ground.branch !== ground.place.branch) throw new CannotLook("HEAD names another branch, whose index it is");
    const { prefix } = await ground.repository();
    const ours = ["tasks.md", "tasks", "sessions", "archive"].map((name) => prefix + name);
    let staged = await stagedChanges(ground, ours);
    // The branch may have moved meanwhile: git's look at it and at the index are two.
    if (staged.count > 0 && ground.isServed) staged = await stagedChanges(ground, ours);
    tell.looked("staged changes of ours", staged.count);
    for (const { path, change } of staged.first)
      tell.problem({
        path,
        message: `it is staged as ${change}`,
        remedy: `if that is not your wish: git restore --staged -- ${shellWord(path)}`,
      });
    const more = staged.count - staged.first.length;
    if (more > 0)
      tell.problem({ message: `${more} more are staged so`, remedy: `git restore --staged -- ${ours.join(" ")}` });
  },
};

const CHANGES: Readonly<Record<string, string>> = { D: "removed", M: "changed", T: "of another type", A: "added" };

async function stagedChanges(
  ground: Ground,
  ours: readonly string[],
): Promise<{ readonly count: number; readonly first: readonly { readonly path: string; readonly change: string }[] }> {
  const repository = await ground.repository();
  const args = ["diff-index", "--cached", "--name-status", "--no-renames", "-z", "HEAD", "--", ...ours];
  const first: { readonly path: string; readonly change: string }[] = [];
  let count = 0;
  let status = "";
  for await (const record of gitRecords(repository, args)) {
    if (status === "") {
      status = record;
      continue;
    }
    const change = CHANGES[status.slice(0, 1)] ?? "changed";
    if (status !== "A" && status !== "U") {
      count += 1;
      if (first.length < PATHS_SHOWN) first.push({ path: record, change });
    }
    status = "";
  }
  return { count, first };
}
