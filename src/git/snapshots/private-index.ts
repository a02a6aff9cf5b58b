import { lstatSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stampText } from "../../base/files/file-stamp.ts";
import { makeFolder } from "../../base/files/make-folder.ts";
import { readBoundedText } from "../../base/files/read-bounded.ts";
import { asText, parseObject } from "../../base/json-shape.ts";
import { copyIndex } from "../index/index-copy.ts";
import { diskPath, fromByteName } from "../objects/tree-format.ts";
import { type GitCall, GitError, type GitResult, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

/**
 * An index of our own that holds a work tree as the last snapshot of it found it, without the coordinator's files: what git lists
 * against it is what changed since. It is a cache: lost or damaged, it is made again from a commit and the user's index, which knows
 * which files are as they were when git last looked.
 */
export interface PrivateIndex {
  readonly path: string;
  /** Variables for git commands that use it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Returns the tree that it holds, asked of git only after it was changed by somebody who could not say so (a kill). */
  tree(): Promise<string>;
  /** Takes these paths (a character is a byte) as they are on the disk, or out of it. Returns those that git does not take, and why. */
  update(add: readonly string[], remove: readonly string[]): Promise<readonly RefusedPath[]>;
  /** Notes which files are as they were: one that was touched and not changed is compared each time otherwise. Returns whether there was one. */
  refresh(): Promise<boolean>;
  /** How long a listing took in which nothing was compared in vain; 0 where nobody knows. To be set by whoever has seen that. */
  usualMs: number;
  /** Remembers what it holds now, and which rules hold for which of its trees. */
  save(rules: readonly (readonly [tree: string, file: string])[]): void;
  readonly rules: readonly (readonly [tree: string, file: string])[];
}

export interface RefusedPath {
  readonly path: string;
  /** In words. */
  readonly why: string;
}

export interface PrivateIndexOptions {
  readonly repository: KnownRepository;
  /** Absolute; its folder is made. A file `<path>.json` lies beside it. */
  readonly path: string;
  /** Switches filters off. */
  readonly environment: Readonly<Record<string, string>>;
  /** Tree that it begins with where there is none. */
  readonly begin: () => Promise<string>;
}

interface Remembered {
  readonly stamp: string;
  readonly tree: string;
  readonly rules: readonly (readonly [string, string])[];
  readonly usualMs: number;
}

const STATE_BYTES_MAX = 64 * 1024;
/** What git adds is on the disk before a commit names it; all of it costs one or two syncs. */
const DURABLE = ["-c", "core.fsync=loose-object", "-c", "core.fsyncMethod=batch"] as const;
/** A line ending that cannot be put back is no reason to refuse a file. */
const AS_IT_IS = ["-c", "core.safecrlf=false", "-c", "core.splitIndex=false"] as const;

/** Opens the index, and makes it where there is none. @throws GitError */
export async function openPrivateIndex(options: PrivateIndexOptions): Promise<PrivateIndex> {
  const { repository, path } = options;
  const environment = { ...options.environment, GIT_INDEX_FILE: path };
  const git = (args: readonly string[], call: GitCall = {}): Promise<GitResult> =>
    runGit(repository, [...DURABLE, ...AS_IT_IS, ...args], { ...call, environment });
  const known = remembered(path);
  if (known === undefined) await build(options);
  else rmSync(`${path}.lock`, { force: true }); // Left by a git that was killed; nobody else writes it.
  let tree = known?.tree;
  let stamp = known?.stamp;
  let usualMs = known?.usualMs ?? 0;

  /** What a filter makes of a file is what git is to have of it: where that fails, it must not have the file itself. */
  const brokenFilter = async (name: string): Promise<string | undefined> => {
    const { stdout } = await git(["check-attr", "-z", "--stdin", "filter"], {
      input: Buffer.from(`${name}\0`, "latin1"),
    });
    const value = stdout.toString("latin1").split("\0")[2] ?? "";
    return ["", "unset", "unspecified"].includes(value) ? undefined : value;
  };

  const addAll = async (paths: readonly string[]): Promise<readonly RefusedPath[]> => {
    if (paths.length === 0) return [];
    const input = Buffer.from(paths.map((name) => `${name}\0`).join(""), "latin1");
    const { status, stderr } = await git(["update-index", "--add", "--remove", "--replace", "-z", "--stdin"], {
      input,
    });
    if (status === 0) return refusedNames(stderr);
    const [only = ""] = paths;
    if (paths.length === 1) {
      const filter = await brokenFilter(only);
      if (filter !== undefined) return [{ path: fromByteName(only), why: `its filter "${filter}" has failed` }];
      await addAsTheyAre(git, repository, [only]); // An encoding that `.gitattributes` claims and the file has not.
      return [];
    }
    const half = Math.ceil(paths.length / 2); // One file is in the way: the others are not to be lost for it.
    return [...(await addAll(paths.slice(0, half))), ...(await addAll(paths.slice(half)))];
  };

  return {
    path,
    environment,
    rules: known?.rules ?? [],
    async tree() {
      if (tree !== undefined && stamp === stampText(path)) return tree;
      const { status, stdout, stderr } = await git(["write-tree"]);
      if (status !== 0) throw new GitError(`git write-tree in ${repository.topDir}: ${stderr}`);
      tree = stdout.toString("latin1").trim();
      stamp = stampText(path);
      return tree;
    },
    async update(add, remove) {
      const none = "0".repeat((tree ?? "").length === 64 ? 64 : 40);
      const input = Buffer.from(remove.map((name) => `0 ${none}\t${name}\0`).join(""), "latin1");
      if (remove.length > 0) await expectDone(git(["update-index", "-z", "--index-info"], { input }), "update-index");
      return addAll(add);
    },
    async refresh() {
      const before = stampText(path);
      await git(["update-index", "-q", "--refresh"]); // Its status says whether files have changed, and that is no failure.
      const after = stampText(path);
      if (stamp === before) stamp = after; // It holds the same tree.
      return after !== before;
    },
    get usualMs() {
      return usualMs;
    },
    set usualMs(ms) {
      usualMs = ms;
    },
    save(rules) {
      if (tree === undefined || stamp === undefined) return;
      const text = `${JSON.stringify({ v: 1, stamp, tree, rules, usualMs })}\n`;
      if (text === readQuietly(`${path}.json`)) return;
      writeFileSync(`${path}.json.new`, text, { mode: 0o600 });
      renameSync(`${path}.json.new`, `${path}.json`); // Not synced: what a loss of power spoils is made again.
    },
  };
}

/** Removes the index, so that the next one is made from a commit. */
export function dropPrivateIndex(path: string): void {
  for (const end of ["", ".json", ".lock", ".draft", ".draft.lock"]) rmSync(`${path}${end}`, { force: true });
}

async function build({ repository, path, environment, begin }: PrivateIndexOptions): Promise<void> {
  dropPrivateIndex(path);
  makeFolder(dirname(path));
  const draft = `${path}.draft`;
  await copyIndex(join(repository.gitDir, "index"), draft);
  const args = ["-c", "core.splitIndex=false", "read-tree", "--reset", await begin()];
  const own = { environment: { ...environment, GIT_INDEX_FILE: draft } };
  await expectDone(runGit(repository, args, own), "read-tree");
  await lookAtAll(repository, own);
  await runGit(repository, ["update-index", "-q", "--refresh"], own);
  renameSync(draft, path);
}

/** What the user has told git not to look at, and what lies there although a sparse checkout leaves it out, may change as well. */
async function lookAtAll({ topDir, ...place }: KnownRepository, own: GitCall): Promise<void> {
  const repository = { ...place, topDir };
  const { stdout } = await runGit(repository, ["ls-files", "-v", "-z"], own);
  const records = stdout.toString("latin1").split("\0");
  const marked = (mark: RegExp): readonly string[] =>
    records.flatMap((record) => (mark.test(record) ? [record.slice(2)] : []));
  const isThere = (name: string): boolean => lstatSync(diskPath(topDir, name), { throwIfNoEntry: false }) !== undefined;
  const trust = async (option: string, names: readonly string[]): Promise<void> => {
    if (names.length === 0) return;
    const input = Buffer.from(names.map((name) => `${name}\0`).join(""), "latin1");
    await expectDone(runGit(repository, ["update-index", option, "-z", "--stdin"], { ...own, input }), "update-index");
  };
  await trust("--no-assume-unchanged", marked(/^[a-z] /));
  await trust("--no-skip-worktree", marked(/^[Ss] /).filter(isThere));
}

/** What the index was when it was last looked at; `undefined` where it has to be made anew. */
function remembered(path: string): Remembered | undefined {
  const value = parseObject(readQuietly(`${path}.json`));
  const [stamp, tree] = [asText(value?.stamp), asText(value?.tree)];
  if (value?.v !== 1 || stamp === undefined || tree === undefined || stampText(path) === "absent") return undefined;
  const rules = Array.isArray(value.rules) ? value.rules : [];
  const usualMs = typeof value.usualMs === "number" ? value.usualMs : 0;
  return { stamp, tree, usualMs, rules: rules.map(([key, file]) => [String(key), String(file)] as const) };
}

function readQuietly(path: string): string {
  try {
    return readBoundedText(path, STATE_BYTES_MAX) ?? "";
  } catch {
    return ""; // Not a file of ours: then there is no index of ours either.
  }
}

/**
 * Takes plain files (a character of a name is a byte) into an index as they are: no attribute converts them.
 *
 * @param git runs git with that index
 * @throws GitError where one cannot be read
 */
export async function addAsTheyAre(
  git: (args: readonly string[], call?: GitCall) => Promise<GitResult>,
  { topDir }: KnownRepository,
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return;
  const input = Buffer.from(names.map(quoted).join(""), "latin1");
  const { status, stdout, stderr } = await git(["hash-object", "-w", "--no-filters", "--stdin-paths"], { input });
  const ids = stdout.toString("latin1").trim().split("\n");
  if (status !== 0 || ids.length !== names.length) {
    const what = names.length === 1 ? fromByteName(names[0] ?? "") : `one of ${names.length} files`;
    throw new GitError(`git cannot read ${what} in ${topDir}: ${stderr}`);
  }
  const entries = names.map((name, at) => {
    const isProgram = (lstatSync(diskPath(topDir, name)).mode & 0o100) !== 0;
    return `${isProgram ? "100755" : "100644"} ${ids[at]}\t${name}\0`;
  });
  const info = { input: Buffer.from(entries.join(""), "latin1") };
  await expectDone(git(["update-index", "--add", "--replace", "-z", "--index-info"], info), "update-index");
}

/** A path as git reads it from a line. */
function quoted(name: string): string {
  return `"${name.replaceAll(/[\\"\n\t\r]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`)}"\n`;
}

/** What looks like git's own folder to some system ("x/.GIT/y") is in no tree. */
function refusedNames(said: string): readonly RefusedPath[] {
  const why = "git takes no file of this name";
  return Array.from(said.matchAll(/^Ignoring path (.+)$/gm), ([, path = ""]) => ({ path, why }));
}

async function expectDone(running: Promise<GitResult>, what: string): Promise<void> {
  const { status, stderr } = await running;
  if (status !== 0) throw new GitError(`git ${what}: ${stderr}`);
}
