import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readStamp } from "../../base/files/file-stamp.ts";
import { type Refs, readHeadBranch } from "./refs.ts";
import type { Repository } from "./repository.ts";

/**
 * What a commit may touch now: everything (`full`: HEAD names our branch), the branch alone (`ref-only`: HEAD is elsewhere, so
 * index and work tree show another commit), or nothing, with the reason as a sentence.
 */
export type RepositoryState =
  | { readonly kind: "full" }
  | { readonly kind: "ref-only" }
  | { readonly kind: "closed"; readonly reason: string };

/** Files in the git directory of a work tree that mean: the user is in the middle of something. */
const OPERATIONS: readonly (readonly [file: string, what: string])[] = [
  ["MERGE_HEAD", "a merge"],
  ["CHERRY_PICK_HEAD", "a cherry-pick"],
  ["REVERT_HEAD", "a revert"],
  ["rebase-merge", "a rebase"],
  ["rebase-apply", "a rebase or git am"],
  ["sequencer", "a cherry-pick or revert of several commits"],
  ["BISECT_LOG", "a bisection"],
];

/** Looks at HEAD and at operations in progress; processes and the index are looked at elsewhere. Takes some 20 µs. */
export function inspectRepository(repository: Repository, refs: Refs): RepositoryState {
  const operation = describeOperation(repository.gitDir);
  if (operation !== undefined) return closed(operation);
  if (refs.headBranch() === repository.branch) return { kind: "full" };
  if (refs.tip() === undefined) return closed(`the branch ${repository.branch} does not exist, and HEAD names another`);
  const other = findOtherHome(repository);
  return other === undefined
    ? { kind: "ref-only" }
    : closed(`${repository.branch} is checked out in another worktree (${other})`);
}

/** Returns the sentence about what the user is in the middle of in the work tree of this git directory, or `undefined`. */
export function describeOperation(gitDir: string): string | undefined {
  const found = OPERATIONS.find(([file]) => existsSync(join(gitDir, file)));
  return found === undefined ? undefined : `${found[1]} is in progress (${found[0]})`;
}

/** Returns the sentence about a lock that somebody else holds, or `undefined`. */
export function describeLock(path: string, nowMs: number): string | undefined {
  const stamp = readStamp(path);
  if (stamp === undefined) return undefined;
  const ageMs = Math.max(0, nowMs - stamp.modifiedMs);
  return `somebody holds ${path}${ageMs < 2_000 ? "" : ` (for ${Math.round(ageMs / 1_000)} s)`}`;
}

function closed(reason: string): RepositoryState {
  return { kind: "closed", reason };
}

/** While our HEAD is elsewhere, another worktree may have our branch checked out, or be rebasing it: its index is not ours to move. */
function findOtherHome({ commonDir, gitDir, branch }: Repository): string | undefined {
  return checkoutsOf(commonDir, branch).find((one) => one !== gitDir);
}

/** Returns the git directories of the work trees that have `branch` (full name) checked out, or are rebasing it. */
export function checkoutsOf(commonDir: string, branch: string): readonly string[] {
  const folder = join(commonDir, "worktrees");
  const linked = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  // The HEAD of a bare repository names a branch, but nothing is checked out there: it has no index.
  const main = existsSync(join(commonDir, "index")) ? [commonDir] : [];
  return [...main, ...linked].filter((gitDir) => holds(gitDir, branch));
}

function holds(gitDir: string, branch: string): boolean {
  const head = join(gitDir, "HEAD");
  const rebased = join(gitDir, "rebase-merge", "head-name");
  if (existsSync(rebased) && readFileSync(rebased, "utf8").trim() === branch) return true;
  return existsSync(head) && readHeadBranch(head) === branch;
}
