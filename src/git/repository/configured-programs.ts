import { existsSync, readlinkSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { stampText } from "../../base/files/file-stamp.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import { isBelow } from "../../task/rights/rights.ts";
import { NO_PROGRAMS, settingsEnvironment } from "../process/git-environment.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "./known-repositories.ts";

/**
 * What the configuration of known repositories would have git run on the content of files: filters. They are the user's own, but the
 * files that ask for them (`.gitattributes`) are anybody's, and so may be the script that a filter names. So none of them runs for us
 * but git-lfs as `git lfs install` configures it, and none at all for codex: a file with a filter that was touched counts as changed.
 */
export interface ConfiguredPrograms {
  /**
   * Returns the variables that switch filters off for our own listings and checkouts, git-lfs excepted, which fetches nothing. Git is
   * asked once, and again when one of its files of configuration has changed.
   *
   * @throws CoordinatorError `CONFIG` where a file of the configuration is one that agents may write; GitError
   */
  forListing(repository: KnownRepository): Promise<Readonly<Record<string, string>>>;
  /** Tells whether a checkout would have to run filters that do not run for us. @throws as `forListing` */
  hasFilters(repository: KnownRepository): Promise<boolean>;
  /** Returns those that switch off every program, for git that others run; `undefined` while git has not been asked yet, or could not be. */
  forOthers(repository: KnownRepository): Readonly<Record<string, string>> | undefined;
}

/** The user's own configuration is looked at no more often: ten system calls for each file of it. */
const FRESH_MS = 200;

interface Known {
  readonly stamp: string;
  readonly files: readonly string[];
  readonly listing: Readonly<Record<string, string>>;
  readonly others: Readonly<Record<string, string>>;
  readonly hasFilters: boolean;
}

/** As `git lfs install` writes them, with and without `--skip-smudge`, by the end of the key. */
const LFS: Readonly<Record<string, readonly string[]>> = {
  clean: ["git-lfs clean -- %f"],
  smudge: ["git-lfs smudge -- %f", "git-lfs smudge --skip -- %f"],
  process: ["git-lfs filter-process", "git-lfs filter-process --skip"],
};
const LFS_PROGRAM = "git-lfs";
/** What git-lfs fetches, and from where, is said by files that an agent may have written: where we check out, pointers stay. */
const POINTERS = { GIT_LFS_SKIP_SMUDGE: "1" } as const;
const PROGRAM = String.raw`^filter\..*\.(clean|smudge|process)$`;
const INCLUDE = String.raw`^include(if\..*)?\.path$`;
/** What looks at the signature of a commit that brought a task; git itself tells which kind of signature it is. */
const SIGNATURES = String.raw`^gpg(\..*)?\.program$`;

export function createConfiguredPrograms(): ConfiguredPrograms {
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<Known>>();

  const lookedMs = new Map<string, number>();

  const fresh = ({ gitDir }: KnownRepository): Known | undefined => {
    const found = known.get(gitDir);
    if (found === undefined) return undefined;
    const nowMs = performance.now();
    if (nowMs - (lookedMs.get(gitDir) ?? Number.NEGATIVE_INFINITY) < FRESH_MS) return found;
    if (stampOf(found.files) !== found.stamp) return undefined;
    lookedMs.set(gitDir, nowMs);
    return found;
  };

  function ask(repository: KnownRepository): Promise<Known> {
    const joined = asking.get(repository.gitDir);
    if (joined !== undefined) return joined;
    const answer = readPrograms(repository)
      .then((found) => {
        known.set(repository.gitDir, found);
        return found;
      })
      .finally(() => asking.delete(repository.gitDir));
    asking.set(repository.gitDir, answer);
    return answer;
  }

  return {
    forListing: async (repository) => (fresh(repository) ?? (await ask(repository))).listing,
    hasFilters: async (repository) => (fresh(repository) ?? (await ask(repository))).hasFilters,
    forOthers(repository) {
      const found = fresh(repository);
      if (found === undefined) ask(repository).catch(() => undefined); // Asked for the next time; who lists files is told.
      return found?.others;
    },
  };
}

async function readPrograms(repository: KnownRepository): Promise<Known> {
  const usual = usualFiles(repository);
  const usualStamp = stampOf(usual); // Before git reads them.
  const args = [
    "config",
    "--null",
    "--show-origin",
    "--includes",
    "--get-regexp",
    `${PROGRAM}|${INCLUDE}|${SIGNATURES}`,
  ];
  const { status, stdout, stderr } = await runGit(repository, args);
  // Status 1: nothing of the kind is configured.
  if (status > 1) throw new GitError(`git config: ${stderr}`);
  const entries = parseEntries(stdout.toString("utf8"), repository);
  const included = entries.filter(({ key }) => key.startsWith("include")).map(includedFile);
  const files = [...usual, ...entries.flatMap(({ origin }) => (origin === undefined ? [] : [origin])), ...included];
  for (const path of files) refuseWritable(path, repository);
  for (const { key, value } of entries) if (key.startsWith("gpg.")) refuseProgram(key, value, repository);
  const filters = entries.filter(({ key }) => key.startsWith("filter."));
  const isLfs = isOnPath(LFS_PROGRAM);
  // Where git-lfs is configured and not to be found, each file that has it would be an error.
  const isForeign = ({ key, value }: Entry): boolean => !isLfs || LFS[lastPart(key)]?.includes(value) !== true;
  const byName = Map.groupBy(filters, ({ key }) => key.slice(0, key.lastIndexOf(".")));
  const settings = Array.from(byName, ([name, entries]) =>
    entries.some(isForeign) ? offSettings(name, entries) : [required(name, true)],
  );
  const hasLfs = filters.some((one) => !isForeign(one));
  return {
    files,
    hasFilters: filters.some(isForeign),
    stamp: stampOf(usual) === usualStamp ? stampOf(files) : "",
    listing: { ...settingsEnvironment(settings.flat()), ...(hasLfs ? POINTERS : {}) },
    others: settingsEnvironment([
      ...NO_PROGRAMS,
      ...Array.from(byName).flatMap(([name, all]) => offSettings(name, all)),
    ]),
  };
}

interface Entry {
  readonly key: string;
  readonly value: string;
  /** Absolute path of the file that says it. */
  readonly origin: string | undefined;
}

/** Reads records "file:<path>\0<key>\n<value>\0"; a path may be relative to where git was started. */
function parseEntries(text: string, { topDir }: KnownRepository): readonly Entry[] {
  const words = text.split("\0");
  return Array.from({ length: Math.floor(words.length / 2) }, (_, n) => {
    const [from = "", setting = ""] = [words[2 * n], words[2 * n + 1]];
    const end = setting.indexOf("\n");
    const key = end === -1 ? setting : setting.slice(0, end);
    const origin = from.startsWith("file:") ? resolve(topDir, from.slice("file:".length)) : undefined;
    return { key, value: end === -1 ? "" : setting.slice(end + 1), origin };
  });
}

type Setting = readonly [key: string, value: string];

/** An empty command is none. Of a filter that only writes files, git takes them as they are anyway. @param name "filter.lfs" */
function offSettings(name: string, entries: readonly Entry[]): readonly Setting[] {
  const isReader = entries.some(({ key }) => lastPart(key) !== "smudge");
  const reading: readonly Setting[] = isReader ? [[`${name}.clean`, ""]] : [];
  return [required(name, false), [`${name}.smudge`, ""], [`${name}.process`, ""], ...reading];
}

/** A filter that is required is an error without a command; without git-lfs where it is wanted, git would take the file itself. */
function required(name: string, isRequired: boolean): Setting {
  return [`${name}.required`, String(isRequired)];
}

function isOnPath(program: string): boolean {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
  return folders.some((folder) => existsSync(join(folder, program)));
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf(".") + 1);
}

function includedFile({ value, origin }: Entry): string {
  if (value.startsWith("~/")) return join(process.env.HOME ?? homedir(), value.slice(2));
  return resolve(origin === undefined ? "/" : dirname(realPathOf(origin)), value);
}

/** A name alone is looked for on the PATH. */
function refuseProgram(key: string, value: string, repository: KnownRepository): void {
  const path = value.startsWith("~/") ? join(process.env.HOME ?? homedir(), value.slice(2)) : value;
  const place = path.includes("/") ? exposedPlace(resolve(repository.topDir, path), repository) : undefined;
  if (place === undefined) return;
  const message = `git checks signatures by ${place} (${key}), which lies in the working tree: agents and pushes can change it`;
  throw new CoordinatorError("CONFIG", `${message}; keep it elsewhere, and name it there`);
}

/** Whoever writes such a file, or a link on the way to it, says what git runs: for the user's own git too. */
function refuseWritable(path: string, repository: KnownRepository): void {
  const place = exposedPlace(path, repository);
  if (place === undefined) return;
  const message = `git reads its configuration from ${place}, which lies in the working tree: agents and pushes can change it, and with it what git runs`;
  throw new CoordinatorError(
    "CONFIG",
    `${message}; keep it elsewhere, or copy what it says to ${join(repository.commonDir, "config")}`,
  );
}

/** Returns where on the way to `path` an agent can write. */
export function exposedPlace(path: string, { topDir, gitDir, commonDir }: KnownRepository): string | undefined {
  return placesOf(path).find(
    (place) => isBelow(topDir, place) && ![gitDir, commonDir].some((dir) => isBelow(dir, place)),
  );
}

/** Returns the places that say what is read at `path`: where it is written to lie, each link that it leads through, and its end. */
function placesOf(path: string): readonly string[] {
  const places = [resolve(path)];
  for (let place = resolve(path); places.length < LINKS_MAX; ) {
    place = join(realPathOf(dirname(place)), basename(place));
    places.push(place);
    const target = targetOf(place);
    if (target === undefined) break;
    place = resolve(dirname(place), target);
    places.push(place);
  }
  return places;
}

/** More than the kernel follows. */
const LINKS_MAX = 100;

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // No link, or nothing there.
  }
}

/** The files that git reads whether or not they are there. */
function usualFiles({ gitDir, commonDir }: KnownRepository): readonly string[] {
  const home = process.env.HOME ?? homedir();
  const xdg = process.env.XDG_CONFIG_HOME ?? "";
  return [
    join(commonDir, "config"),
    join(gitDir, "config.worktree"),
    join(home, ".gitconfig"),
    join(xdg === "" ? join(home, ".config") : xdg, "git", "config"),
    "/etc/gitconfig",
  ];
}

function stampOf(files: readonly string[]): string {
  const stamps = files.map((path) => stampText(realPathOf(path))); // A user may keep them elsewhere, behind links.
  return [String(isOnPath(LFS_PROGRAM)), ...stamps].join("\n");
}
