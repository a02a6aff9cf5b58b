import { join } from "node:path";
import { stampText } from "../../base/files/file-stamp.ts";
import { fromByteName, toByteName } from "../objects/tree-format.ts";
import { GitError } from "../process/git-process.ts";
import type { GitShell } from "../process/git-shell.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { DEPENDENCY_FOLDERS, escapePattern, type RuleArguments } from "./ignore-rules.ts";
import type { PrivateIndex } from "./private-index.ts";

/** What lies otherwise in a work tree than an index has it. In all paths a character is a byte. */
export interface Listing {
  /** Files and links that the index has, and that are not as it has them; submodules at another commit. */
  readonly modified: readonly string[];
  readonly deleted: readonly string[];
  /** Files and links that it has not. */
  readonly untracked: readonly string[];
  /** Repositories that git cannot be run in: their names are not UTF-8. */
  readonly unreachable: readonly string[];
}

/** Lists what lies in one work tree. */
export interface Listings {
  /**
   * Returns what `listWorkTree` does. A listing that found nothing answers all who had asked before it began, in the same words and of
   * the same index.
   *
   * @param askedAtMs monotonic: the answer is not older
   * @throws GitError
   */
  list(
    repository: KnownRepository,
    index: PrivateIndex,
    rules: RuleArguments,
    ours: readonly string[],
    askedAtMs: number,
  ): Promise<Listing>;
}

const NOTHING: Listing = { modified: [], deleted: [], untracked: [], unreachable: [] };

export function createListings(git: GitShell): Listings {
  /** By what was asked: when the last listing that found nothing began. */
  const emptyAtMs = new Map<string, number>();
  return {
    async list(repository, index, rules, ours, askedAtMs) {
      const words = JSON.stringify([repository.topDir, index.environment, stampText(index.path), rules, ours]);
      if ((emptyAtMs.get(words) ?? 0) > askedAtMs) return NOTHING;
      const beganAtMs = performance.now();
      const listing = await listWorkTree(git, repository, index, rules, ours);
      const isEmpty = Object.values(listing).every((paths: readonly string[]) => paths.length === 0);
      if (isEmpty) emptyAtMs.set(words, beganAtMs);
      return listing;
    },
  };
}

/** Looked into so deeply: a repository in a repository in a repository … */
const NESTED_MAX = 10;

/**
 * Lists what differs, files in repositories that somebody has made inside the work tree included: their `.git` is not looked at, and
 * nothing that their configuration says is run.
 *
 * @throws GitError
 */
async function listWorkTree(
  git: GitShell,
  repository: KnownRepository,
  index: PrivateIndex,
  rules: RuleArguments,
  ours: readonly string[],
): Promise<Listing> {
  const args = ["--modified", "--deleted", "--others", ...leftOut(ours), ...rules.top];
  const records = await listFiles(git, repository, args, index.environment);
  const deleted = new Set<string>();
  const modified: string[] = [];
  const untracked: string[] = [];
  const unreachable: string[] = [];
  const none = { ...index.environment, GIT_INDEX_FILE: `${index.path}.none` };
  /** As a work tree of its own, against nothing: so git does not take its top for a repository. */
  const listNested = async (folder: string, depth: number): Promise<void> => {
    const name = fromByteName(folder);
    if (toByteName(name) !== folder || depth > NESTED_MAX) return void unreachable.push(folder);
    const place = { ...repository, topDir: join(repository.topDir, name) };
    for (const record of await listFiles(git, place, ["--others", ...leftOut([]), ...rules.inside], none))
      await addUntracked(folder + record.slice(2), depth + 1);
  };
  /** Git names a repository inside the work tree by its folder alone. */
  const addUntracked = async (path: string, depth: number): Promise<void> => {
    if (path.endsWith("/")) await listNested(path, depth);
    else untracked.push(path);
  };
  for (const record of records) {
    const path = record.slice(2);
    if (record.startsWith("R ")) deleted.add(path);
    else if (record.startsWith("C ")) modified.push(path);
    else await addUntracked(path, 1);
  }
  return { modified: modified.filter((path) => !deleted.has(path)), deleted: [...deleted], untracked, unreachable };
}

async function listFiles(
  git: GitShell,
  place: KnownRepository,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const { status, stdout, stderr } = await git.run(place, ["ls-files", "-z", "-t", ...args], { environment });
  if (status !== 0) throw new GitError(`git ls-files in ${place.topDir}: ${stderr}`);
  return stdout.toString("latin1").split("\0").slice(0, -1);
}

/** Arguments that leave out what is not the agent's: the coordinator's own files, and what programs fetch. */
function leftOut(ours: readonly string[]): readonly string[] {
  return [...ours.map((path) => `/${escapePattern(path)}`), ...DEPENDENCY_FOLDERS.map((name) => `${name}/`)].map(
    (pattern) => `--exclude=${pattern}`,
  );
}
