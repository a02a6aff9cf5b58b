import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hashBlob } from "../support/blob-and-id.ts";
import type { BranchUser } from "../support/branch-user.ts";

export interface FakeCommit {
  readonly id: string;
  readonly parent: FakeCommit | undefined;
  readonly message: string;
  readonly timeMs: number;
  /** Path to text; everything the branch holds. */
  readonly files: ReadonlyMap<string, string>;
}

/** What a `.git` folder would hold: it outlives the coordinators that open it. */
export interface FakeRepository {
  readonly dir: string;
  readonly now: () => number;
  tip: FakeCommit | undefined;
  /** Our last commit, as the committer notes it beside its work. */
  lastOurs: FakeCommit | undefined;
  /** Those of our commits that were the last ones when somebody else moved the branch, as noted with our next commit. */
  unseen: readonly FakeCommit[];
  /** Path to blob, as staged. */
  readonly index: Map<string, string>;
  headIsOurs: boolean;
  /** Why nothing may be committed now; `undefined`: nothing is in the way. */
  obstacle: string | undefined;
  /** Called when there may be no obstacle any more. */
  readonly waiting: Set<() => void>;
  /** What others do at the last moment before a commit of ours. */
  beforeCommit: () => void;
  /** Called before a file of the branch is looked up; may throw, and take its time. */
  beforeLookUp: (path: string) => void | Promise<void>;
  /** The next commits fail with this, for a reason of the world's. */
  failure: Error | undefined;
  /** What rewriting the index is said to take. */
  indexMs: number;
  /** What is read of the branch fails with this. */
  unreadable: Error | undefined;
  readonly user: BranchUser;
  /** The history, newest first. */
  log(): readonly FakeCommit[];
}

/** Makes a repository whose branch lives in memory and whose work tree is `dir` (an existing folder). */
export function createFakeRepository(dir: string, now: () => number): FakeRepository {
  const repository: FakeRepository = {
    dir,
    now,
    tip: undefined,
    lastOurs: undefined,
    unseen: [],
    index: new Map(),
    headIsOurs: true,
    obstacle: undefined,
    waiting: new Set(),
    beforeCommit: () => undefined,
    beforeLookUp: () => undefined,
    failure: undefined,
    indexMs: 0,
    unreadable: undefined,
    user: {
      commit(files, { keepOnDisk = false } = {}) {
        const next = changed(repository.tip?.files, Object.entries(files));
        repository.tip = makeCommit(repository, repository.tip, next, "a commit of the user's");
        for (const [path, text] of Object.entries(files)) stageText(repository, path, text);
        if (!keepOnDisk) for (const [path, text] of Object.entries(files)) putOnDisk(repository, path, text);
        return repository.tip.id;
      },
      stage(path, text) {
        putOnDisk(repository, path, text);
        stageText(repository, path, text);
      },
      write: (path, text) => putOnDisk(repository, path, text),
      read: (path) => (existsSync(join(dir, path)) ? readFileSync(join(dir, path), "utf8") : undefined),
      reset(commit) {
        const target = historyOf(repository.tip).find(({ id }) => id === commit);
        if (target === undefined) throw new Error(`no commit ${commit} in the branch`);
        for (const path of repository.index.keys()) if (!target.files.has(path)) putOnDisk(repository, path, undefined);
        repository.index.clear();
        for (const [path, text] of target.files) {
          stageText(repository, path, text);
          putOnDisk(repository, path, text);
        }
        repository.tip = target;
      },
      switchAway() {
        repository.headIsOurs = false;
      },
      switchBack() {
        repository.headIsOurs = true;
      },
      beginMerge() {
        repository.obstacle = "a merge is under way";
      },
      endMerge() {
        repository.obstacle = undefined;
        for (const look of repository.waiting) look();
      },
    },
    log: () => historyOf(repository.tip),
  };
  return repository;
}

/** Returns `tip` and everything before it, newest first. */
export function historyOf(tip: FakeCommit | undefined): readonly FakeCommit[] {
  const found: FakeCommit[] = [];
  for (let commit = tip; commit !== undefined; commit = commit.parent) found.push(commit);
  return found;
}

export function makeCommit(
  { now }: FakeRepository,
  parent: FakeCommit | undefined,
  files: ReadonlyMap<string, string>,
  message: string,
): FakeCommit {
  const timeMs = Math.floor(now() / 1_000) * 1_000; // Git keeps seconds.
  const id = sha1(JSON.stringify([parent?.id, message, timeMs, [...files].sort()]));
  return { id, parent, message, timeMs, files };
}

/** Returns `files` with `changes`; `undefined` takes a file away. */
export function changed(
  files: ReadonlyMap<string, string> = new Map(),
  changes: Iterable<readonly [path: string, text: string | undefined]>,
): ReadonlyMap<string, string> {
  const next = new Map(files);
  for (const [path, text] of changes) {
    if (text === undefined) next.delete(path);
    else next.set(path, text);
  }
  return next;
}

export function stageText({ index }: FakeRepository, path: string, text: string | undefined): void {
  if (text === undefined) index.delete(path);
  else index.set(path, hashBlob(Buffer.from(text)));
}

/** Writes a file with the time of the repository's clock, or removes it. */
export function putOnDisk(
  { dir, now }: Pick<FakeRepository, "dir" | "now">,
  path: string,
  text: string | undefined,
): void {
  const place = join(dir, path);
  if (text === undefined) {
    rmSync(place, { force: true });
    return;
  }
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, text);
  utimesSync(place, now() / 1_000, now() / 1_000);
}

export function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
