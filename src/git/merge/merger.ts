import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GitPlace } from "../process/git-environment.ts";
import { GitError, runGit } from "../process/git-process.ts";
import { identityEnvironment } from "../repository/committer-identity.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

/** What the merge of two commits comes to. */
export interface Merge {
  /** Where there are conflicts, with markers in the files that have them. */
  readonly tree: string;
  /** Paths that both sides have changed in ways that do not go together; empty: it is a clean merge. */
  readonly conflicts: readonly string[];
}

export interface MergeCommit {
  readonly tree: string;
  /** The target's commit first. */
  readonly parents: readonly string[];
  readonly message: string;
  /** "Name <address>" */
  readonly identity: string;
  readonly atMs: number;
}

/**
 * Merges in memory: no work tree, no index and no ref is touched, and nothing of what the user has configured or not committed yet says
 * what comes out. Git merges by the `.gitattributes` of the folder that it is started in, and by drivers, renames and limits of its
 * configuration (2.39): so it is started in a repository of our own, which holds nothing but the target's attributes and borrows the
 * objects of the user's.
 */
export interface Merger {
  /**
   * Merges `theirs` into `ours`, by the attributes of `attributesOf` (a commit). Marks of conflicts name the two as they are given.
   *
   * @throws GitError
   */
  merge(ours: string, theirs: string, attributesOf?: string): Promise<Merge>;
  /**
   * Merges each pair by the attributes of `target`, all by one process, to see what comes of it: the trees are not kept. What is no commit
   * any more is `undefined`. @throws GitError
   */
  mergeAll(
    target: string,
    pairs: readonly (readonly [string, string])[],
  ): Promise<readonly (Pick<Merge, "conflicts"> | undefined)[]>;
  /** Makes a commit, durably; the same input gives the same id. @throws GitError */
  commit(commit: MergeCommit): Promise<string>;
}

const ATTRIBUTES = ".gitattributes";
/** Of one commit; more are not read. */
const ATTRIBUTE_FILES_MAX = 1_000;
const ATTRIBUTE_BYTES_MAX = 1024 * 1024;

export interface MergeRules {
  /** Lines of attributes that count before those of the target. */
  readonly attributes?: string;
  /** Whether git may guess that a file which is gone on one side has another name there. */
  readonly renames?: boolean;
}

/** @param dir folder for that repository (absolute; made anew), which nobody else writes to */
export function createMerger(repository: KnownRepository, dir: string, rules: MergeRules = {}): Merger {
  const place: GitPlace & { readonly topDir: string } = { gitDir: join(dir, "git"), topDir: join(dir, "tree") };
  const shallow = join(repository.commonDir, "shallow");
  let prepared: string | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const objects = join(repository.commonDir, "objects");
  /** Objects that nobody needs afterwards do not go into the user's repository. */
  const PASSING = { GIT_OBJECT_DIRECTORY: join(place.gitDir, "objects"), GIT_ALTERNATE_OBJECT_DIRECTORIES: objects };

  const git = async (args: readonly string[], input?: string, more: Readonly<Record<string, string>> = {}) => {
    const environment = {
      GIT_OBJECT_DIRECTORY: objects,
      GIT_INDEX_FILE: join(place.gitDir, "no-index"),
      ...{ GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", GIT_ATTR_NOSYSTEM: "1", ...more },
    };
    const options = existsSync(shallow) ? ["--shallow-file", shallow] : [];
    return runGit(place, [...options, ...args], { environment, ...(input === undefined ? {} : { input }) });
  };
  const expect = async (args: readonly string[], input?: string, more?: Readonly<Record<string, string>>) => {
    const { status, stdout, stderr } = await git(args, input, more);
    if (status !== 0) throw new GitError(`git ${args[0]} for ${repository.topDir}: ${stderr}`);
    return stdout;
  };

  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };

  const prepare = async (target: string): Promise<void> => {
    if (prepared === target) return;
    prepared = undefined;
    rmSync(dir, { recursive: true, force: true });
    for (const folder of [join(place.gitDir, "refs"), PASSING.GIT_OBJECT_DIRECTORY, place.topDir])
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(place.gitDir, "HEAD"), "ref: refs/heads/none\n");
    writeFileSync(join(place.gitDir, "config"), configOf(target, rules.renames ?? true));
    mkdirSync(join(place.gitDir, "info"));
    writeFileSync(join(place.gitDir, "info/attributes"), rules.attributes ?? "");
    await writeAttributes(target);
    prepared = target;
  };

  const writeAttributes = async (target: string): Promise<void> => {
    const listed = (await expect(["ls-tree", "-r", "-z", target])).toString("utf8").split("\0");
    const files = listed.flatMap((line) => {
      const [, id, path] = /^100\d{3} blob ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
      const isOne = path === ATTRIBUTES || path?.endsWith(`/${ATTRIBUTES}`) === true;
      return id !== undefined && path !== undefined && isOne ? [{ id, path }] : [];
    });
    for (const { id, path } of files.slice(0, ATTRIBUTE_FILES_MAX)) {
      const size = Number((await expect(["cat-file", "-s", id])).toString("utf8"));
      if (size > ATTRIBUTE_BYTES_MAX) continue;
      mkdirSync(dirname(join(place.topDir, path)), { recursive: true });
      writeFileSync(join(place.topDir, path), await expect(["cat-file", "blob", id]));
    }
  };

  const mergeLines = async (
    pairs: readonly (readonly [string, string])[],
    where: Readonly<Record<string, string>> = {},
  ): Promise<readonly (Merge | undefined)[]> => {
    if (pairs.length === 0) return [];
    const input = pairs.map((pair) => `${pair.join(" ")}\n`).join("");
    const { status, stdout, stderr } = await git(
      ["merge-tree", "--stdin", "--name-only", "--no-messages"],
      input,
      where,
    );
    if (status === 0) return parseMerges(stdout.toString("utf8"));
    // One commit that is gone, or shares no history, ends it for all: then each is asked alone.
    const [pair] = pairs;
    if (pair === undefined || pairs.length > 1) {
      const found: (Merge | undefined)[] = [];
      for (const one of pairs) found.push(...(await mergeLines([one], where)));
      return found;
    }
    if (/not something we can merge|unrelated histories/.test(stderr)) return [undefined];
    throw new GitError(`git merge-tree for ${repository.topDir}: ${stderr}`);
  };

  return {
    async merge(ours, theirs, attributesOf = ours) {
      const [found] = await inTurn(async () => {
        await prepare(attributesOf);
        return mergeLines([[ours, theirs]]);
      });
      if (found === undefined) throw new GitError(`${theirs} and ${ours} have no history in common`);
      return found;
    },
    mergeAll: (target, pairs) =>
      inTurn(async () => {
        if (pairs.length === 0) return [];
        await prepare(target);
        try {
          return await mergeLines(pairs, PASSING);
        } finally {
          await rm(PASSING.GIT_OBJECT_DIRECTORY, { recursive: true, force: true });
          mkdirSync(PASSING.GIT_OBJECT_DIRECTORY);
        }
      }),
    commit: ({ tree, parents, message, identity, atMs }) =>
      inTurn(async () => {
        await prepare(prepared ?? parents[0] ?? tree);
        const args = ["commit-tree", tree, ...parents.flatMap((one) => ["-p", one])];
        const made = await expect(args, message, identityEnvironment(identity, atMs));
        return made.toString("utf8").trim();
      }),
  };
}

/** Whether the ids are those of SHA-256 is told by their length. */
function configOf(commit: string, renames: boolean): string {
  const [version, format] = commit.length > 40 ? [1, "[extensions]\n\tobjectFormat = sha256\n"] : [0, ""];
  return `[core]\n\trepositoryformatversion = ${version}\n\tattributesFile = /dev/null\n\tfsync = loose-object,pack\n\tbare = false\n[merge]\n\trenames = ${renames}\n${format}`;
}

/** Reads, of each merge, "<1 or 0>\0<tree>\0", the paths with conflicts, each with "\0", and one more "\0". */
function parseMerges(text: string): readonly Merge[] {
  const words = text.split("\0");
  const merges: Merge[] = [];
  for (let at = 0; at + 1 < words.length; ) {
    const end = words.indexOf("", at + 2);
    if (end === -1) break;
    const conflicts = words[at] === "1" ? [] : [...new Set(words.slice(at + 2, end))];
    merges.push({ tree: words[at + 1] ?? "", conflicts });
    at = end + 1;
  }
  return merges;
}
