import { CoordinatorError } from "../../base/errors.ts";
import { oneLine } from "../../task/text/one-line.ts";
import { shellWord } from "../../task/text/shell-word.ts";
import { GitError, runGit } from "../process/git-process.ts";
import { readIdentity } from "../repository/committer-identity.ts";
import type { ConfiguredPrograms } from "../repository/configured-programs.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { checkedOutBranch, isAncestor, moveRef, refAt } from "../worktrees/session-branch.ts";
import type { Merger } from "./merger.ts";

/** What became of a branch that was to land. Branches are named without `refs/heads/`. */
export type Landing = { readonly branch: string; readonly target: string } & (
  | { readonly state: "nothing" }
  /** The target holds the branch's work, and the checkout shows it. */
  | { readonly state: "landed"; readonly head: string; readonly commit: string }
  /** The merge is made and kept; the checkout could not move to it, and `command` does that. */
  | {
      readonly state: "ready";
      readonly head: string;
      readonly commit: string;
      readonly why: string;
      readonly command: string;
    }
  | {
      readonly state: "conflict";
      readonly head: string;
      readonly onto: string;
      readonly tree: string;
      readonly conflicts: readonly string[];
      /** When `head` was committed, Unix ms. */
      readonly atMs: number;
    }
);

export interface LandingDeps {
  /** The checkout that the work goes to. */
  readonly checkout: KnownRepository;
  readonly merger: Merger;
  readonly programs: ConfiguredPrograms;
  readonly now: () => number;
}

/** Keeps a merge that the checkout has not moved to yet. */
const LANDING = "refs/codex-inbox/landing/";
/** The user may commit at the same moment. */
const TRIES_MAX = 5;
const WHY_CHARACTERS_MAX = 300;
/** Left to itself, git replaces a file of the user's that it ignores without a word. */
const FORWARD = ["merge", "--ff-only", "--no-overwrite-ignore"] as const;

/**
 * Merges a branch into the one that is checked out, in memory, with the target as first parent; then the checkout moves to the merge by
 * `git merge --ff-only`, which changes nothing where it cannot. It is not asked to where there are changes that are not committed, nor
 * where files are written by filters that do not run for us: the user's command does.
 *
 * @param branch without `refs/heads/`
 * @param slug names what is kept of a merge that waits
 * @throws CoordinatorError `REFUSED` where no branch is checked out, `NOT_FOUND` where the branch is not there; GitError
 */
export async function landBranch(deps: LandingDeps, branch: string, slug: string, message: string): Promise<Landing> {
  const { checkout } = deps;
  const target = checkedOutBranch(checkout);
  if (target === undefined)
    throw new CoordinatorError("REFUSED", `${checkout.topDir} has no branch checked out; switch to the one to land on`);
  if (target === branch) throw new CoordinatorError("REFUSED", `${branch} is checked out in ${checkout.topDir} itself`);
  const head = await refAt(checkout, `refs/heads/${branch}`);
  if (head === undefined) throw new CoordinatorError("NOT_FOUND", `there is no branch ${branch}`);
  for (let attempt = 1; ; attempt += 1) {
    const landing = await landOnce(deps, { branch, target, slug, head, message });
    if (landing !== undefined) return landing;
    if (attempt >= TRIES_MAX)
      throw new CoordinatorError("TRY_AGAIN", `${target} was moved by somebody else again and again; try again later`);
  }
}

interface Car {
  readonly branch: string;
  readonly target: string;
  readonly slug: string;
  readonly head: string;
  readonly message: string;
}

/** `undefined`: the target has moved meanwhile. */
async function landOnce(deps: LandingDeps, car: Car): Promise<Landing | undefined> {
  const { checkout, merger, now } = deps;
  const { branch, target, head, slug, message } = car;
  const onto = await refAt(checkout, `refs/heads/${target}`);
  if (onto === undefined) throw new CoordinatorError("REFUSED", `${target} has no commit yet`);
  const names = { branch, target };
  if (await isAncestor(checkout, head, onto)) {
    await forget(checkout, slug);
    return { ...names, state: "nothing" };
  }
  const { tree, conflicts } = await merger.merge(onto, head);
  if (conflicts.length > 0) {
    const atMs = await committedAtMs(checkout, head);
    return { ...names, state: "conflict", head, onto, tree, conflicts, atMs };
  }
  const identity = await readIdentity(checkout);
  const commit = await merger.commit({ tree, parents: [onto, head], message, identity, atMs: now() });
  await moveRef(checkout, LANDING + slug, commit, await refAt(checkout, LANDING + slug));
  const why = (await hindrance(deps)) ?? (await moveCheckout(checkout, commit));
  if (why !== undefined) {
    if ((await refAt(checkout, `refs/heads/${target}`)) !== onto) return undefined;
    const command = `git -C ${shellWord(checkout.topDir)} ${FORWARD.join(" ")} ${commit.slice(0, 12)}`;
    return { ...names, state: "ready", head, commit, why, command };
  }
  await forget(checkout, slug);
  return { ...names, state: "landed", head, commit };
}

async function committedAtMs(checkout: KnownRepository, commit: string): Promise<number> {
  const { status, stdout, stderr } = await runGit(checkout, ["log", "-1", "--format=%ct", commit]);
  if (status !== 0) throw new GitError(`git log in ${checkout.topDir}: ${stderr}`);
  return Number(stdout.toString("latin1").trim()) * 1_000;
}

/** Why the checkout is not moved by us, or `undefined`. */
async function hindrance({ checkout, programs }: LandingDeps): Promise<string | undefined> {
  if (await programs.hasFilters(checkout)) return "its files are written by filters of git's configuration";
  const status = await runGit(checkout, ["status", "--porcelain", "-z", "--untracked-files=no"]);
  if (status.status !== 0) return oneLine(status.stderr, WHY_CHARACTERS_MAX);
  return status.stdout.length === 0 ? undefined : "it has changes that are not committed";
}

async function moveCheckout(checkout: KnownRepository, commit: string): Promise<string | undefined> {
  const { status, stderr, stdout } = await runGit(checkout, [...FORWARD, "--quiet", commit], { movesWorkTree: true });
  if (status === 0) return undefined;
  return oneLine(stderr || stdout.toString("utf8"), WHY_CHARACTERS_MAX);
}

async function forget(checkout: KnownRepository, slug: string): Promise<void> {
  const kept = await refAt(checkout, LANDING + slug);
  if (kept !== undefined) await moveRef(checkout, LANDING + slug, undefined, kept);
}
