import { createHash, randomUUID } from "node:crypto";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { StoredObject } from "../objects/object-reader.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import type { PrivateIndex } from "./private-index.ts";

/** Names of folders that hold what programs fetch or keep for themselves: left out where the rules of a repository forget them. */
export const DEPENDENCY_FOLDERS = [
  ...["node_modules", "bower_components", "jspm_packages", ".pnpm-store"],
  ...[".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".gradle"],
] as const;

export const IGNORE_FILE = ".gitignore";
/** A name that no file has: then git reads no ignore file of the work tree itself, only the user's own and what it is given. */
const NO_FILE = `.git/${randomUUID()}`;
const RULES_MAX = 8;
/** Of one ignore file. */
const RULES_BYTES_MAX = 1024 * 1024;

/** Arguments of `git ls-files` that say what is ignored. */
export interface RuleArguments {
  readonly top: readonly string[];
  /** In a repository that somebody has made inside the work tree. */
  readonly inside: readonly string[];
}

/** The ignore files as they are on the disk now. */
export const RULES_OF_THE_DISK: RuleArguments = { top: ["--exclude-standard"], inside: ["--exclude-standard"] };

/** The rules in the file at `path` (absolute), besides the user's own for all repositories and for this one. */
export function rulesIn(path: string): RuleArguments {
  const inside = ["--exclude-standard", `--exclude-per-directory=${NO_FILE}`];
  return { top: [...inside, `--exclude-from=${path}`], inside };
}

/** Which rules hold for which tree (without the coordinator's own files), written down once as a file of patterns. */
export interface IgnoreRules {
  /** Returns the file of patterns that says what the ignore files of `tree` say. */
  of(tree: string): Promise<string>;
  /** Tells that `tree` has the same ignore files as `as`. */
  same(tree: string, as: string): void;
  /** To be remembered with the index. */
  readonly known: readonly (readonly [tree: string, file: string])[];
}

export function createIgnoreRules(
  repository: KnownRepository,
  index: PrivateIndex,
  read: (id: string) => Promise<StoredObject | undefined>,
): IgnoreRules {
  const folder = dirname(index.path);
  const known = new Map(index.rules);

  const note = (tree: string, file: string): string => {
    known.delete(tree);
    known.set(tree, file);
    for (const [oldest] of known) if (known.size > RULES_MAX) known.delete(oldest);
    return file;
  };

  return {
    get known() {
      return [...known];
    },
    same(tree, as) {
      const file = known.get(as);
      if (file !== undefined) note(tree, file);
    },
    async of(tree) {
      const file = known.get(tree);
      if (file !== undefined && existsSync(join(folder, file))) return join(folder, file);
      const found =
        (await index.tree()) === tree
          ? await ignoreFilesOfIndex(repository, index)
          : await ignoreFilesOf(repository, tree);
      const texts = await Promise.all(found.map(async ({ path, id }) => patternsOf(path, await read(id))));
      const text = Buffer.from(texts.join(""), "latin1");
      const name = `rules-${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
      const place = join(folder, name);
      if (!existsSync(place)) {
        writeFileSync(`${place}.new`, text);
        renameSync(`${place}.new`, place);
      }
      note(tree, name);
      return place;
    },
  };
}

interface IgnoreFile {
  /** A character is a byte. */
  readonly path: string;
  readonly id: string;
}

async function ignoreFilesOfIndex(repository: KnownRepository, index: PrivateIndex): Promise<readonly IgnoreFile[]> {
  const environment = { ...index.environment, GIT_LITERAL_PATHSPECS: "0" };
  const args = ["ls-files", "-z", "--stage", "--", `:(top,glob)**/${IGNORE_FILE}`];
  return parseFiles(await listed(repository, args, environment), /^\d+ ([0-9a-f]+) 0\t(.*)$/s);
}

async function ignoreFilesOf(repository: KnownRepository, tree: string): Promise<readonly IgnoreFile[]> {
  return parseFiles(await listed(repository, ["ls-tree", "-r", "-z", tree], {}), /^\d+ blob ([0-9a-f]+)\t(.*)$/s);
}

async function listed(
  repository: KnownRepository,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const { status, stdout, stderr } = await runGit(repository, args, { environment });
  if (status !== 0) throw new GitError(`git ${args[0]} in ${repository.topDir}: ${stderr}`);
  return stdout.toString("latin1");
}

/** Upper folders first: among patterns the last that matches decides, as the file of the deepest folder does. */
function parseFiles(text: string, shape: RegExp): readonly IgnoreFile[] {
  return text
    .split("\0")
    .filter((record) => record.endsWith(IGNORE_FILE))
    .flatMap((record) => {
      const [, id = "", path = ""] = shape.exec(record) ?? [];
      return path === IGNORE_FILE || path.endsWith(`/${IGNORE_FILE}`) ? [{ id, path }] : [];
    })
    .sort((one, other) => depthOf(one.path) - depthOf(other.path) || (one.path < other.path ? -1 : 1));
}

function depthOf(path: string): number {
  return path.split("/").length;
}

/** Returns the patterns of one ignore file, as they have to be written from the top. */
function patternsOf(path: string, file: StoredObject | undefined): string {
  const folder = path.slice(0, -IGNORE_FILE.length);
  if (file?.type !== "blob" || file.content.length > RULES_BYTES_MAX || folder.includes("\n")) return "";
  const lines = file.content
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "")
    .split(/\r?\n/);
  return lines.map((line) => (folder === "" ? `${line}\n` : `${belowFolder(folder, line)}\n`)).join("");
}

/** A pattern with a slash in it is meant from its folder, any other for every folder below. @param folder with a "/" at its end */
function belowFolder(folder: string, line: string): string {
  const [, not = "", pattern = ""] = /^(!?)(.*)$/s.exec(line) ?? [];
  if (pattern === "" || line.startsWith("#")) return "";
  const top = `/${escapePattern(folder)}`;
  if (pattern.startsWith("/")) return `${not}${top}${pattern.slice(1)}`;
  return pattern.slice(0, -1).includes("/") ? `${not}${top}${pattern}` : `${not}${top}**/${pattern}`;
}

/** Returns the pattern that matches `path` alone. */
export function escapePattern(path: string): string {
  return path.replaceAll(/[\\*?[\] ]/g, "\\$&");
}
