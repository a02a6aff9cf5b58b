import { createHash, randomInt } from "node:crypto";
import type { Branch } from "../../git/branch.ts";
import type { TaskSource } from "../../store/journal/journal-record.ts";
import type { Drop } from "../../task/file/drop.ts";
import { isTaskId, makeTaskId, taskIdFromCommit } from "../../task/names/task-id.ts";

/** Why a drop stays where it is although it is a valid task. */
export const HELD_BACK = {
  beyond: "it came with a commit that this shallow clone does not have; get it with: git fetch --unshallow",
  staged: "it is staged: once it is committed and pushed, other clones have it too; commit it, or unstage it",
} as const;

/**
 * Returns the id that a drop is accepted under: its own, or one made of the commit that brought it, or a new one; `undefined` where
 * this clone cannot name it as every other does.
 */
export async function dropId(
  drop: Drop,
  source: TaskSource,
  { branch, now }: { readonly branch: Pick<Branch, "introducedBy">; readonly now: () => number },
): Promise<string | undefined> {
  const named = namedId(drop);
  if (named !== undefined) return named;
  const commit = source.tracked === "head" ? await branch.introducedBy(drop.path) : undefined;
  if (commit === "beyond-history") return undefined;
  if (commit === undefined) return newTaskId(now());
  const digest = createHash("sha256").update(`${commit.commit}\0${drop.path}`).digest("hex");
  return taskIdFromCommit(commit.timeMs, digest);
}

/** Returns the id that a drop brings along: in its front matter, or as its name. */
export function namedId(drop: Pick<Drop, "spec" | "path">): string | undefined {
  if (drop.spec.id !== undefined) return drop.spec.id;
  const name = drop.path.slice(drop.path.lastIndexOf("/") + 1).replace(/\.md$/i, "");
  return isTaskId(name) ? name : undefined;
}

/** Returns an id that is nobody's yet. */
export function newTaskId(nowMs: number): string {
  const suffix = randomInt(36 ** 6)
    .toString(36)
    .padStart(6, "0");
  return makeTaskId(nowMs, suffix);
}
