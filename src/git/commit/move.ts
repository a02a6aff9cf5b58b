import { mkdirSync, rmSync } from "node:fs";
import { createSlices } from "../../base/slices.ts";
import { ARCHIVE, INBOX, LEDGER, ROTATED_LEDGERS, SESSIONS } from "../../task/records/workspace-paths.ts";
import type { Goal } from "../branch.ts";
import type { TemporaryFiles } from "../gate/temporary-files.ts";
import type { Answer } from "../index/index-knowledge.ts";
import { isPlainFile, type TreeEntry } from "../objects/tree-format.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { ConfiguredPrograms } from "../repository/configured-programs.ts";
import { isReachable } from "../repository/history.ts";
import type { Repository } from "../repository/repository.ts";
import type { BatchParts, BatchWork } from "./commit-batch.ts";
import type { CommitChain, FileChange } from "./commit-chain.ts";
import type { CommittedMemory } from "./committed-memory.ts";
import { joinBeside, type MovePlan } from "./join-beside.ts";
import type { DiskStep } from "./placement.ts";
import { type IndexStaging, judgeDisk, judgeIndex, type Refusal, type Staging, toStep } from "./staging.ts";
import { createUserFiles, MoveRefusedError, type UserFile, type UserFiles } from "./user-files.ts";
import type { DiskContent } from "./work-tree.ts";

/** More files of the user's are not put into the work tree at a stretch: git's lock is held meanwhile. */
const FILES_MAX = 1_000;
/** Of files of ours: one by one, each would wait for its own turn of the git that reads. */
const READ_AT_ONCE = 100;
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
  let seen: Seen | undefined;

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
      const users = createUserFiles(parts, await halfMade(parts, unfinished, chain.base));
      seen = { users, disks: new Map() };
      return stageMove(parts, chain, { ...seen, folder });
    },
    stageIndex: async (chain) => (seen === undefined ? undefined : stageIndexAnew(parts, chain, seen)),
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

/** What was found out about the work tree. */
interface Seen {
  readonly users: UserFiles;
  /** What lay there of our own files. */
  readonly disks: Map<string, DiskContent>;
}

const UNMERGED: Refusal = { refused: "the index holds unmerged paths (a conflicted merge, rebase or stash pop)" };

async function stageMove(
  parts: MoveParts,
  chain: CommitChain,
  { folder, users, disks }: Seen & { readonly folder: string },
): Promise<Staging | Refusal> {
  const { workTree, memory, store, repository } = parts;
  const askedMs = performance.now();
  const answer = await askIndex(parts, chain);
  if (answer === "unmerged") return UNMERGED;
  const toWrite: { readonly change: FileChange; readonly disk: DiskContent }[] = [];
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
    disks.set(change.path, disk);
    const known = knownOf(memory, change);
    const onDisk = judgeDisk(change, disk, known);
    if (onDisk === "change") toWrite.push({ change, disk });
    const inIndex = judgeIndex(change, { staged, disk, isOurs: known });
    if (inIndex === "change") indexChanges.set(change.path, change.after);
    if (onDisk === "user's" || inIndex === "user's") leftAlone.add(change.path);
  }
  if (theirs.length > FILES_MAX)
    throw new MoveRefusedError(`${theirs.length} files differ, which is more than is moved at a stretch`, []);
  const judged = await users.judge(theirs);
  const steps: DiskStep[] = [];
  for (let at = 0; at < toWrite.length; at += READ_AT_ONCE) {
    const some = toWrite.slice(at, at + READ_AT_ONCE).map(({ change, disk }) => toStep(store, change, disk));
    for (const step of await Promise.all(some)) steps.push({ ...step, mayPrecede: true });
  }
  for (const { path, after } of judged.toStage) indexChanges.set(path, after);
  const indexPath = await buildIndex(parts, indexChanges);
  try {
    steps.push(...(await users.write(judged.toWrite, indexPath ?? repository.indexPath, folder)));
    const files = await workTree.stage(steps);
    const indexMs = performance.now() - askedMs;
    return { indexStamp: answer.stamp, indexPath, indexChanges, indexMs, files, leftAlone: [...leftAlone] };
  } catch (error) {
    if (indexPath !== undefined) rmSync(indexPath, { force: true });
    throw error;
  }
}

/** Returns the index alone, for files that are as they were; `undefined` where what is staged now asks for more. */
async function stageIndexAnew(
  parts: MoveParts,
  chain: CommitChain,
  { users, disks }: Seen,
): Promise<IndexStaging | Refusal | undefined> {
  const answer = await askIndex(parts, chain);
  if (answer === "unmerged") return UNMERGED;
  const indexChanges = new Map<string, TreeEntry | undefined>();
  const theirs: UserFile[] = [];
  const slices = createSlices();
  for (const change of chain.changes) {
    await slices.next();
    const staged = answer.entries.get(change.path);
    const disk = disks.get(change.path);
    if (disk === undefined) {
      theirs.push({ ...change, staged });
      continue;
    }
    const inIndex = judgeIndex(change, { staged, disk, isOurs: knownOf(parts.memory, change) });
    if (inIndex === "user's") return undefined;
    if (inIndex === "change") indexChanges.set(change.path, change.after);
  }
  const toStage = await users.judgeStaged(theirs);
  if (toStage === undefined) return undefined;
  for (const { path, after } of toStage) indexChanges.set(path, after);
  return { indexStamp: answer.stamp, indexPath: await buildIndex(parts, indexChanges), indexChanges };
}

function askIndex({ knowledge, memory }: MoveParts, { changes }: CommitChain): Promise<Answer | "unmerged"> {
  const paths = changes.map(({ path }) => path);
  return knowledge.ask([...new Set([...memory.paths(), ...paths])], paths);
}

/** @throws MoveRefusedError */
async function buildIndex(
  { index }: MoveParts,
  changes: ReadonlyMap<string, TreeEntry | undefined>,
): Promise<string | undefined> {
  if (changes.size === 0) return undefined;
  const built = await index.build(changes);
  if ("refused" in built) throw new MoveRefusedError(`git update-index refuses: ${built.refused}`, []);
  return built.path;
}

function knownOf(memory: CommittedMemory, { path, before, after }: FileChange): (id: string) => boolean {
  return (id) => id === before?.id || id === after?.id || memory.isOurs(path, id);
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
