import { mkdirSync, rmSync } from "node:fs";
import { createSlices } from "../../base/slices.ts";
import { ARCHIVE, INBOX, LEDGER, ROTATED_LEDGERS, SESSIONS } from "../../task/records/workspace-paths.ts";
import type { Goal } from "../branch.ts";
import type { TemporaryFiles } from "../gate/temporary-files.ts";
import { isPlainFile, type TreeEntry } from "../objects/tree-format.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { ConfiguredPrograms } from "../repository/configured-programs.ts";
import { isReachable } from "../repository/history.ts";
import type { Repository } from "../repository/repository.ts";
import type { BatchParts, BatchWork } from "./commit-batch.ts";
import type { CommitChain, FileChange } from "./commit-chain.ts";
import { joinBeside, type MovePlan } from "./join-beside.ts";
import { judgeDisk, judgeIndex, type Refusal, type Staging, toStep } from "./staging.ts";
import { createUserFiles, MoveRefusedError, type UserFile } from "./user-files.ts";
import type { DiskStep } from "./work-tree.ts";

/** More files of the user's are not put into the work tree at a stretch: git's lock is held meanwhile. */
const FILES_MAX = 1_000;
const DIFFERENCE_BYTES_MAX = 32 * 1024 * 1024;

export interface MoveParts extends BatchParts {
  readonly temporary: TemporaryFiles;
  readonly programs: ConfiguredPrograms;
}

/** The branch is no ancestor of where it was to go. */
export class ApartError extends Error {
  override readonly name = "ApartError";
}

const SUBJECT = "moved forward to what the remote holds";

/**
 * Returns the work of moving the branch to a commit. Files of ours follow as for commits of ours; those of the user's only where index and disk
 * hold exactly what the branch has, or already what it will have.
 *
 * @returns work whose `build` throws ApartError, and whose `stage` throws MoveRefusedError
 */
export function moveTo(
  parts: MoveParts,
  goal: string | Goal,
  onMoved: (changes: readonly FileChange[]) => void,
): BatchWork {
  const { memory } = parts;
  const unfinished = memory.unfinishedMove(); // Before our own intention takes its place.
  let folder: string | undefined;
  let plan: MovePlan | undefined;

  const clear = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
  };

  return {
    paths: [],
    async build(base, { committer }) {
      if (typeof goal === "string") plan = await planOf(parts, base, goal);
      else plan ??= await planOf(parts, goal.from, goal.to);
      if (typeof goal !== "string" && plan.from !== base) {
        const beside = base === undefined ? undefined : await joinBeside(parts, plan, base, committer);
        if (beside !== undefined) return chainOf(parts, base, beside, plan.changes);
        const joined = await goal.join(base);
        if (joined === undefined) throw new ApartError(base);
        plan = await planOf(parts, base, joined);
      }
      return chainOf(parts, base, plan.to, plan.changes);
    },
    async stage(chain) {
      clear();
      folder = parts.temporary.newPath("move");
      mkdirSync(folder, { recursive: true });
      return stageMove(parts, chain, { folder, half: await halfMade(parts, unfinished, chain.base) });
    },
    intend: ({ tip }) => memory.intendMove(tip),
    async settle({ changes }) {
      onMoved(changes);
      await memory.intendMove(undefined);
    },
    end: clear,
  };
}

/** @throws ApartError where `to` does not hold all of `from`; MoveRefusedError */
async function planOf(parts: MoveParts, from: string | undefined, to: string): Promise<MovePlan> {
  const both = from === undefined ? undefined : await mergeBase(parts.repository, from, to);
  if (from !== undefined && both === to) return { from, to: from, changes: [] };
  if (both !== from) throw new ApartError(to);
  return { from, to, changes: await readChanges(parts, from, to) };
}

async function chainOf(
  { store }: MoveParts,
  base: string | undefined,
  tip: string,
  changes: readonly FileChange[],
): Promise<CommitChain> {
  return { base, tip, tree: await store.treeOf(tip), commits: [], changes, lastSubject: SUBJECT };
}

async function mergeBase(repository: Repository, one: string, other: string): Promise<string | undefined> {
  const { status, stdout } = await runGit(repository, ["merge-base", one, other]);
  return status === 0 ? stdout.toString("latin1").trim() : undefined;
}

/** Returns what differs, removals first: a folder may stand where a file was. */
async function readChanges(
  { repository }: MoveParts,
  base: string | undefined,
  to: string,
): Promise<readonly FileChange[]> {
  const empty = repository.objectFormat === "sha1" ? EMPTY_TREE_SHA1 : EMPTY_TREE_SHA256;
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", base ?? empty, to];
  const { status, stdout, stderr } = await runGit(repository, args, { stdoutBytesMax: DIFFERENCE_BYTES_MAX });
  if (stdout.length > DIFFERENCE_BYTES_MAX) throw new MoveRefusedError("too many files differ", []);
  if (status !== 0) throw new GitError(`git diff-tree: ${stderr}`);
  const words = stdout.toString("utf8").split("\0");
  const changes: FileChange[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [, modeBefore = "", mode = "", idBefore = "", id = ""] =
      /^:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*$/.exec(words[at] ?? "") ?? [];
    const path = words[at + 1] ?? "";
    const [before, after] = [entryOf(modeBefore, idBefore), entryOf(mode, id)];
    if (path.includes("�")) throw new MoveRefusedError("the name of a file is no UTF-8", [path]);
    if ([before, after].some((entry) => entry !== undefined && !isPlainFile(entry)))
      throw new MoveRefusedError("a link or a submodule has changed", [path]);
    changes.push({ path, before, after });
  }
  return changes.sort((one, other) => Number(one.after !== undefined) - Number(other.after !== undefined));
}

const EMPTY_TREE_SHA1 = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const EMPTY_TREE_SHA256 = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";

function entryOf(mode: string, id: string): TreeEntry | undefined {
  return Number(mode) === 0 ? undefined : { mode, id };
}

async function stageMove(
  parts: MoveParts,
  chain: CommitChain,
  { folder, half }: { readonly folder: string; readonly half: string | undefined },
): Promise<Staging | Refusal> {
  const { index, workTree, knowledge, memory, store, repository } = parts;
  const paths = chain.changes.map(({ path }) => path);
  const askedMs = performance.now();
  const answer = await knowledge.ask([...new Set([...memory.paths(), ...paths])], paths);
  if (answer === "unmerged")
    return { refused: "the index holds unmerged paths (a conflicted merge, rebase or stash pop)" };
  const steps: DiskStep[] = [];
  const leftAlone = new Set<string>();
  const indexChanges = new Map<string, TreeEntry | undefined>();
  const theirs: UserFile[] = [];
  const slices = createSlices();
  for (const change of chain.changes) {
    await slices.next();
    const staged = answer.entries.get(change.path);
    if (!isOurs(change, repository.prefix)) {
      theirs.push({ ...change, staged });
      continue;
    }
    const disk = workTree.look(change.path);
    const known = (id: string): boolean =>
      id === change.before?.id || id === change.after?.id || memory.isOurs(change.path, id);
    const onDisk = judgeDisk(change, disk, known);
    if (onDisk === "change") steps.push(await toStep(store, change, disk));
    const inIndex = judgeIndex(change, { staged, disk, isOurs: known });
    if (inIndex === "change") indexChanges.set(change.path, change.after);
    if (onDisk === "user's" || inIndex === "user's") leftAlone.add(change.path);
  }
  if (theirs.length > FILES_MAX)
    throw new MoveRefusedError(`${theirs.length} files differ, which is more than is moved at a stretch`, []);
  const users = createUserFiles(parts, half);
  const judged = await users.judge(theirs);
  for (const { path, after } of judged.toStage) indexChanges.set(path, after);
  const built = indexChanges.size === 0 ? undefined : await index.build(indexChanges);
  if (built !== undefined && "refused" in built)
    throw new MoveRefusedError(`git update-index refuses: ${built.refused}`, []);
  try {
    steps.push(...(await users.write(judged.toWrite, built?.path ?? repository.indexPath, folder)));
    const files = await workTree.stage(steps);
    const indexMs = performance.now() - askedMs;
    const left = [...leftAlone];
    return { indexStamp: answer.stamp, indexPath: built?.path, indexChanges, indexMs, files, leftAlone: left };
  } catch (error) {
    if (built !== undefined) rmSync(built.path, { force: true });
    throw error;
  }
}

/** The tree that a crash kept the branch from; some of its files may lie in the work tree already. */
async function halfMade(
  { repository, store }: MoveParts,
  unfinished: string | undefined,
  base: string | undefined,
): Promise<string | undefined> {
  if (unfinished === undefined || (await isReachable(repository, unfinished, base))) return undefined;
  return store.treeOf(unfinished).catch(() => undefined); // Git may have swept it away.
}

/** What is ours to replace although the user has it open: results and ledgers, and drops that go because somebody has taken them. */
function isOurs({ path, after }: FileChange, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  const own = path.slice(prefix.length);
  if (own === LEDGER || (after === undefined && own.startsWith(`${INBOX}/`))) return true;
  return [SESSIONS, ROTATED_LEDGERS, ARCHIVE].some((place) => own.startsWith(`${place}/`));
}
