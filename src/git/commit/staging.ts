import { faultPoint } from "../../base/fault-point.ts";
import { createSlices } from "../../base/slices.ts";
import type { IndexFile } from "../index/index-file.ts";
import type { Answer, IndexKnowledge } from "../index/index-knowledge.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import type { TreeEditor } from "../objects/tree-edit.ts";
import { isPlainFile, type TreeEntry } from "../objects/tree-format.ts";
import type { CommitChain, FileChange } from "./commit-chain.ts";
import type { CommittedMemory } from "./committed-memory.ts";
import type { DiskStep } from "./placement.ts";
import type { DiskContent, StagedFiles, WorkTree } from "./work-tree.ts";

/** The successor of the index, written aside and valid while nobody writes the one that it was made from. */
export interface IndexStaging {
  readonly indexStamp: string;
  /** The new index; `undefined` where it stays as it is. */
  readonly indexPath: string | undefined;
  readonly indexChanges: ReadonlyMap<string, TreeEntry | undefined>;
}

/** The successor of the index and the new files, written aside and valid while nobody touches what they were made from. */
export interface Staging extends IndexStaging {
  readonly indexMs: number;
  readonly files: StagedFiles;
  /** Paths the user has edited, staged or removed: the commit holds our version, index or work tree keep theirs. */
  readonly leftAlone: readonly string[];
}

/** Why nothing can be staged now: a sentence. */
export interface Refusal {
  readonly refused: string;
}

export interface StagingParts {
  readonly store: ObjectStore;
  readonly trees: TreeEditor;
  readonly index: IndexFile;
  readonly knowledge: IndexKnowledge;
  readonly workTree: WorkTree;
  readonly memory: CommittedMemory;
}

/** Prepares index and work tree for `chain`, or returns why that cannot be done now. */
export async function stageChain(parts: StagingParts, chain: CommitChain): Promise<Staging | Refusal> {
  const { store, index, workTree, memory } = parts;
  const askedMs = performance.now();
  const answer = await askIndex(parts, chain);
  const asking = performance.now() - askedMs;
  if (answer === "unmerged")
    return { refused: "the index holds unmerged paths (a conflicted merge, rebase or stash pop)" };

  const steps: DiskStep[] = [];
  const leftAlone = new Set<string>();
  const indexChanges = new Map<string, TreeEntry | undefined>();
  for (const change of chain.changes) {
    const disk = workTree.look(change.path);
    const isOurs = (id: string): boolean =>
      id === change.before?.id || id === change.after?.id || memory.isOurs(change.path, id);
    const onDisk = judgeDisk(change, disk, isOurs);
    if (onDisk === "user's") leftAlone.add(change.path);
    else if (onDisk === "change") steps.push(await toStep(store, change, disk));
    const staged = judgeIndex(change, { staged: answer.entries.get(change.path), disk, isOurs });
    if (staged === "user's") leftAlone.add(change.path);
    else if (staged === "change") indexChanges.set(change.path, change.after);
  }
  if (answer.isForeign) await addRepairs(parts, chain, answer, indexChanges);

  const [built, files] = await settleAll([
    buildIndex(index, indexChanges), // In a child: meanwhile the files are written.
    writeFiles(workTree, steps),
  ]);
  if (built.refused !== undefined) {
    await files.clear();
    return { refused: `git update-index refuses: ${built.refused}` };
  }
  const indexMs = asking + built.tookMs;
  return { indexStamp: answer.stamp, indexPath: built.path, indexChanges, indexMs, files, leftAlone: [...leftAlone] };
}

/**
 * Returns a path where the user's reset has left our version in the work tree of another branch, outside its index. Were the branch
 * moved on to `chain` now, git would refuse to switch back to it, because it would have to overwrite that file.
 *
 * @param placed what was put in place ahead, before the user went to another branch
 */
export async function findLeftBehind(
  parts: StagingParts,
  chain: CommitChain,
  placed: ReadonlySet<string>,
): Promise<string | undefined> {
  const { workTree, memory } = parts;
  const known = new Set([...memory.paths(), ...placed]);
  const slices = createSlices();
  const found: { readonly path: string; readonly id: string }[] = [];
  for (const { path, after } of chain.changes) {
    if (after === undefined || !known.has(path)) continue;
    await slices.next();
    const disk = workTree.look(path);
    if (disk.kind !== "file") continue;
    if (memory.isOurs(path, disk.id) || (placed.has(path) && disk.id === after.id)) found.push({ path, id: disk.id });
  }
  if (found.length === 0) return undefined;
  const paths = found.map(({ path }) => path);
  const answer = await parts.knowledge.ask(paths, paths);
  // With a conflict in the index nobody can switch anyway, and what is staged of ours is not in the way.
  return answer === "unmerged" ? undefined : found.find(({ path, id }) => answer.entries.get(path)?.id !== id)?.path;
}

async function writeFiles(workTree: WorkTree, steps: readonly DiskStep[]): Promise<StagedFiles> {
  const files = await workTree.stage(steps);
  faultPoint("commit:files-written");
  return files;
}

interface BuiltIndex {
  readonly path: string | undefined;
  readonly refused: string | undefined;
  readonly tookMs: number;
}

async function buildIndex(index: IndexFile, changes: ReadonlyMap<string, TreeEntry | undefined>): Promise<BuiltIndex> {
  if (changes.size === 0) return { path: undefined, refused: undefined, tookMs: 0 };
  const startedMs = performance.now();
  const built = await index.build(changes);
  faultPoint("commit:index-built");
  return { path: undefined, refused: undefined, ...built, tookMs: performance.now() - startedMs };
}

function askIndex({ knowledge, memory }: StagingParts, chain: CommitChain): Promise<Answer | "unmerged"> {
  const paths = new Set([...memory.paths(), ...chain.changes.map((change) => change.path)]);
  const known = chain.changes.filter((change) => change.before !== undefined);
  return knowledge.ask(
    [...paths],
    known.map((change) => change.path),
  );
}

type Verdict = "done" | "change" | "user's";

/** Returns what is to become of a file of ours in the work tree. */
export function judgeDisk({ before, after }: FileChange, disk: DiskContent, isOurs: (id: string) => boolean): Verdict {
  if (disk.kind === "foreign") return "user's";
  if (after === undefined) {
    if (disk.kind === "absent") return "done";
    return disk.id === before?.id ? "change" : "user's";
  }
  if (disk.kind === "absent") return before === undefined ? "change" : "user's";
  if (disk.id === after.id) return "done";
  return isOurs(disk.id) ? "change" : "user's";
}

export interface IndexView {
  readonly staged: TreeEntry | undefined;
  readonly disk: DiskContent;
  readonly isOurs: (id: string) => boolean;
}

/** Returns what is to become of a file of ours in the index. */
export function judgeIndex({ before, after }: FileChange, { staged, disk, isOurs }: IndexView): Verdict {
  if (staged !== undefined) {
    if (staged.id === after?.id) return "done";
    return isOurs(staged.id) ? "change" : "user's";
  }
  if (after === undefined) return "done";
  // Staged nowhere although the branch has it: the user's `git rm`, unless the file is still there as we wrote it.
  return before === undefined || (disk.kind === "file" && isOurs(disk.id)) ? "change" : "user's";
}

export async function toStep(store: ObjectStore, { path, after }: FileChange, disk: DiskContent): Promise<DiskStep> {
  const content = after === undefined ? undefined : await store.read(after.id, "blob");
  return { path, content, before: disk.kind === "file" ? disk.stamp : undefined };
}

/**
 * A slow `git commit` of the user may write the index it read before our last commit back over ours; the next one would then
 * revert us. Where branch and work tree hold our file and the index does not, or an older version, it is put back.
 */
async function addRepairs(
  { trees, workTree, memory }: StagingParts,
  chain: CommitChain,
  answer: Answer,
  changes: Map<string, TreeEntry | undefined>,
): Promise<void> {
  const planned = new Set(chain.changes.map((change) => change.path));
  for (const path of memory.paths()) {
    const inBranch = planned.has(path) ? undefined : await trees.find(chain.tree, path);
    if (inBranch === undefined || !isPlainFile(inBranch)) continue;
    const staged = answer.entries.get(path);
    if (staged?.id === inBranch.id || (staged !== undefined && !memory.isOurs(path, staged.id))) continue;
    const disk = workTree.look(path);
    if (disk.kind === "file" && disk.id === inBranch.id) changes.set(path, inBranch);
  }
}

/** Waits for both even when one fails, so that nothing is still being written when the failure is told. */
export async function settleAll<First, Second>(
  both: readonly [Promise<First>, Promise<Second>],
): Promise<[First, Second]> {
  await Promise.allSettled(both);
  return Promise.all(both);
}
