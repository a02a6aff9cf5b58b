import { rmSync } from "node:fs";
import { dropBeside, laterTaskFile, MERGE_MESSAGE, MERGED_PLACES, sourceOf } from "../../task/records/merged-files.ts";
import { ARCHIVE, INBOX, SESSIONS } from "../../task/records/workspace-paths.ts";
import type { Merger } from "../merge/merger.ts";
import type { TreeEntry } from "../objects/tree-format.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { mergeBase } from "../worktrees/session-branch.ts";
import { type Difference, differences, filesAt } from "./tree-difference.ts";

/** How two tips of one branch stand to each other, and what both come to. */
export type Integration =
  | { readonly kind: "same" | "ahead" | "behind" }
  /** A commit that holds both; nothing names it yet. */
  | { readonly kind: "merged"; readonly commit: string }
  /** Files of the user's that were changed on both sides in ways that do not go together. */
  | { readonly kind: "conflict"; readonly paths: readonly string[] }
  /** They have no commit in common. */
  | { readonly kind: "unrelated" };

export interface IntegrateDeps {
  readonly repository: KnownRepository;
  /** From the top of the work tree to the workspace: "" or "sub/folder/". */
  readonly prefix: string;
  /** Merges by our attributes, without guessing renames: a task's file holds the drop, and would be taken for it under another name. */
  readonly merger: Merger;
  /** "Name <address>" */
  readonly identity: () => Promise<string>;
  readonly now: () => number;
  readonly readTexts: (ids: readonly string[], bytesMax: number) => Promise<ReadonlyMap<string, string>>;
  /** Absolute; written anew. */
  readonly indexPath: string;
}

/** No file of a task is larger. */
const TASK_FILE_BYTES_MAX = 16 * 1024 * 1024;

type Edits = Map<string, TreeEntry | undefined>;

/**
 * Brings the tip of the branch here and the one of the remote together, in memory: no ref, index or work tree is touched. Files of ours
 * never conflict: ledgers and transcripts are the union of their lines, of a task's file the version counts that the ledger counts, and a
 * drop that one side has taken goes, also under another name, unless the other side has edited it.
 *
 * @throws GitError
 */
export async function integrate(deps: IntegrateDeps, local: string, remote: string): Promise<Integration> {
  const { repository, merger } = deps;
  if (local === remote) return { kind: "same" };
  const base = await mergeBase(repository, local, remote);
  if (base === undefined) return { kind: "unrelated" };
  if (base === remote) return { kind: "ahead" };
  if (base === local) return { kind: "behind" };
  const merge = await merger.merge(local, remote);
  const edits: Edits = new Map();
  const conflicts = await decideConflicts(deps, { local, remote }, merge.conflicts, edits);
  if (conflicts.length > 0) return { kind: "conflict", paths: conflicts };
  const inbox = [`${deps.prefix}${INBOX}`];
  const [, here, there] = await Promise.all([
    decideTaskFiles(deps, { local, remote }, merge.tree, edits),
    differences(repository, base, local, inbox),
    differences(repository, base, remote, inbox),
  ]);
  await dropRenamed(deps, { base, taken: local }, [here, there], edits);
  await dropRenamed(deps, { base, taken: remote }, [there, here], edits);
  const tree = edits.size === 0 ? merge.tree : await rewrite(deps, merge.tree, edits);
  const made = {
    tree,
    parents: [local, remote],
    message: MERGE_MESSAGE,
    identity: await deps.identity(),
    atMs: deps.now(),
  };
  return { kind: "merged", commit: await merger.commit(made) };
}

interface Sides {
  readonly local: string;
  readonly remote: string;
}

/** Decides what is ours; returns what is not. */
async function decideConflicts(
  { repository, prefix }: IntegrateDeps,
  { local, remote }: Sides,
  conflicts: readonly string[],
  edits: Edits,
): Promise<readonly string[]> {
  const ours = conflicts.filter((path) => isOurs(path, prefix));
  const [here, there] = [await filesAt(repository, local, ours), await filesAt(repository, remote, ours)];
  const open: string[] = conflicts.filter((path) => !isOurs(path, prefix));
  for (const path of ours) {
    const [mine, theirs] = [here.get(path), there.get(path)];
    const isDrop = path.startsWith(`${prefix}${INBOX}/`);
    const isSaid = isDrop && /\.error\.md$/i.test(path); // What is wrong with a drop is said again where it is wrong still.
    if (mine === undefined && theirs === undefined) open.push(path);
    else if (mine === undefined || theirs === undefined) edits.set(path, isSaid ? undefined : (mine ?? theirs));
    else if (!isDrop || isSaid) edits.set(path, mine);
    else {
      // Two prompts under one name: which one keeps it is the same in every clone.
      const [kept, moved] = mine.id < theirs.id ? [mine, theirs] : [theirs, mine];
      edits.set(path, kept);
      edits.set(dropBeside(path, moved.id), moved);
    }
  }
  return open;
}

function isOurs(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  const own = path.slice(prefix.length);
  return MERGED_PLACES.some((place) => own === place || own.startsWith(`${place}/`));
}

/** Of a task's file that both sides have changed, the version of the outcome that counts. */
async function decideTaskFiles(
  deps: IntegrateDeps,
  { local, remote }: Sides,
  tree: string,
  edits: Edits,
): Promise<void> {
  const { repository, prefix, readTexts } = deps;
  const places = [SESSIONS, ARCHIVE].map((place) => prefix + place);
  const [mine, theirs] = await Promise.all([
    differences(repository, local, tree, places),
    differences(repository, remote, tree, places),
  ]);
  const both = [...mine.values()].flatMap(({ path, before: one }) => {
    const other = theirs.get(path)?.before;
    return path.endsWith(".md") && one !== undefined && other !== undefined ? [{ path, one, other }] : [];
  });
  const texts = await readTexts(
    both.flatMap(({ one, other }) => [one.id, other.id]),
    TASK_FILE_BYTES_MAX,
  );
  for (const { path, one, other } of both) {
    const later = laterTaskFile(texts.get(one.id) ?? "", texts.get(other.id) ?? "");
    if (later !== undefined) edits.set(path, later === "one" ? one : other);
  }
}

/** A drop that one side has taken, and the other has only given another name, is the same drop: it goes too. */
async function dropRenamed(
  { repository, prefix, readTexts }: IntegrateDeps,
  { base, taken }: { readonly base: string; readonly taken: string },
  [gone, changed]: readonly [ReadonlyMap<string, Difference>, ReadonlyMap<string, Difference>],
  edits: Edits,
): Promise<void> {
  const isRemoval = ({ after }: Difference): boolean => after === undefined;
  const lost = [...gone.values()].filter(
    (one) => isRemoval(one) && changed.get(one.path)?.after === undefined && changed.has(one.path),
  );
  if (lost.length === 0) return;
  const renamed = [...changed.values()].flatMap(({ path, before, after }) => {
    const from = before === undefined ? lost.find((one) => one.before?.id === after?.id) : undefined;
    return from === undefined ? [] : [{ path, from: from.path }];
  });
  if (renamed.length === 0) return;
  const made = await differences(repository, base, taken, [`${prefix}${SESSIONS}`]);
  const files = [...made.values()].filter(
    ({ path, before, after }) => path.endsWith(".md") && before === undefined && after !== undefined,
  );
  const texts = await readTexts(
    files.map(({ after }) => after?.id ?? ""),
    TASK_FILE_BYTES_MAX,
  );
  const accepted = new Set([...texts.values()].map((text) => `${prefix}${sourceOf(text) ?? ""}`));
  for (const { path, from } of renamed) if (accepted.has(from)) edits.set(path, undefined);
}

async function rewrite({ repository, indexPath }: IntegrateDeps, tree: string, edits: Edits): Promise<string> {
  rmSync(indexPath, { force: true });
  const environment = { GIT_INDEX_FILE: indexPath };
  const git = async (args: readonly string[], input?: string): Promise<string> => {
    const call = { environment, ...(input === undefined ? {} : { input }) };
    const { status, stdout, stderr } = await runGit(repository, ["-c", "core.fsync=loose-object", ...args], call);
    if (status !== 0) throw new GitError(`git ${args[0]}: ${stderr}`);
    return stdout.toString("utf8").trim();
  };
  try {
    const none = "0".repeat(tree.length);
    const lines = Array.from(edits, ([path, entry]) => `${entry?.mode ?? "0"} ${entry?.id ?? none} 0\t${path}\0`);
    await git(["read-tree", tree]);
    await git(["update-index", "-z", "--add", "--index-info"], lines.join(""));
    return await git(["write-tree"]);
  } finally {
    rmSync(indexPath, { force: true });
  }
}
