import { lstatSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { systemErrorCode } from "../../base/errors.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import { runGit } from "../process/git-process.ts";
import type { ConfiguredPrograms } from "../repository/configured-programs.ts";
import type { KnownRepositories, KnownRepository } from "../repository/known-repositories.ts";
import { type CodeIndex, createCodeIndex } from "./code-index.ts";

/** More than this are counted, not listed. */
const CHANGED_FILES_MAX = 1_000;
/** Slack for the clock the kernel stamps files with, which moves in steps of a few milliseconds. */
const CLOCK_STEP_MS = 20;
/** Folders whose place in a work tree is remembered. */
const PLACES_MAX = 200;
/** A listing that takes longer has compared many files that were touched and not changed. */
const SLOW_LISTING_MS = 500;
/**
 * A listing costs a process. Some may follow one another at once, more of one folder only so far apart: those who ask meanwhile share one.
 * The more did, the further apart: where many short runs end in a row, none of them is waited for.
 */
const LISTING_EVERY_MS = 50;
const LISTING_EVERY_MAX_MS = 300;
const LISTINGS_AT_ONCE = 4;

type Change = "added" | "modified" | "deleted";

/** A path that differs from HEAD, relative to the top of its work tree, and how. */
export interface ChangedPath {
  readonly path: string;
  readonly change: Change;
  readonly absolutePath: string;
}

/** Tells what a run changed in the work tree. */
export interface ChangedFiles {
  /**
   * Returns the uncommitted paths below `dir` (absolute) that were touched since `sinceMs` (Unix ms). Git says what differs; the
   * change time, which a program cannot set back, says since when. Takes no lock, so it disturbs nobody's `git commit`.
   *
   * @throws Error where `dir` lies in no repository that is known; CoordinatorError, GitError: what could not be asked
   */
  list(dir: string, sinceMs: number): Promise<readonly ChangedPath[]>;
}

/** Where a folder lies. */
interface Place {
  readonly repository: KnownRepository;
  /** From the top; "" is the top itself. */
  readonly folder: string;
  readonly excluded: readonly string[];
  readonly index: CodeIndex;
  /** What switches filters off, as of the last listing. */
  readonly filters: { off: Readonly<Record<string, string>> };
  readonly pace: Pace;
}

export interface ChangedFilesOptions {
  readonly repositories: KnownRepositories;
  readonly programs: ConfiguredPrograms;
  /** Folder for indexes of our own (absolute; made when missing). */
  readonly keepDir: string;
  /** The work tree that also holds files of ours, and the paths of these from its top. */
  readonly home: { readonly topDir: string; readonly ours: readonly string[] };
}

export function createChangedFiles({ repositories, programs, keepDir, home }: ChangedFilesOptions): ChangedFiles {
  const places = new LRUCache<string, Place>({ max: PLACES_MAX });
  /** Listings that have not begun: whoever asks meanwhile gets the same answer. */
  const waiting = new Map<string, { readonly listing: Promise<ReadonlyMap<string, Change>>; askers: number }>();
  let turn: Promise<unknown> = Promise.resolve();

  /** Returns where `dir` lies, which must be in a known repository. */
  function placeOf(dir: string): Place {
    const ground = repositories.groundOf(dir);
    if (ground.kind !== "repository") {
      const where =
        ground.kind === "foreign" ? `${ground.path} makes it a repository that is not known` : "no repository";
      throw new Error(`${dir}: ${where}`);
    }
    const { repository } = ground;
    const key = `${repository.gitDir}\0${dir}`;
    const known = places.get(key) ?? makePlace(dir, repository);
    places.set(key, known);
    return known;
  }

  function makePlace(dir: string, repository: KnownRepository): Place {
    const folder = relative(repository.topDir, dir);
    const known = [...places.values()].find((place) => place.repository.gitDir === repository.gitDir);
    if (known !== undefined) return { ...known, folder, pace: createPace() };
    const excluded = repository.topDir === home.topDir ? home.ours : [];
    const filters: { off: Readonly<Record<string, string>> } = { off: {} };
    const index = createCodeIndex({
      ...{ place: repository, indexPath: join(repository.gitDir, "index"), keepDir, excluded },
      environment: () => filters.off,
    });
    return { repository, folder, excluded, index, filters, pace: createPace() };
  }

  async function listAll(place: Place): Promise<ReadonlyMap<string, Change>> {
    const { repository, folder, excluded, index, filters } = place;
    filters.off = await programs.forListing(repository);
    const path = await index.current();
    const startedMs = performance.now();
    const patterns = excluded.map((name) => `--exclude=/${escapePattern(name)}`);
    const args = ["ls-files", "-z", "-t", "--modified", "--deleted", "--others", "--exclude-standard", ...patterns];
    const below = folder === "" ? [] : [folder];
    const environment = { ...filters.off, GIT_INDEX_FILE: path };
    const result = await runGit(repository, [...args, "--", ...below], { environment });
    if (result.status !== 0) throw new Error(`git ls-files in ${repository.topDir}: ${result.stderr}`);
    if (performance.now() - startedMs > SLOW_LISTING_MS) await index.refresh(path);
    return parseListing(result.stdout.toString("utf8"));
  }

  function listSoon(place: Place): Promise<ReadonlyMap<string, Change>> {
    const key = join(place.repository.topDir, place.folder);
    const joined = waiting.get(key);
    if (joined !== undefined) {
      joined.askers += 1;
      return joined.listing;
    }
    const listing = listInTurn(key, place);
    waiting.set(key, { listing, askers: 1 });
    return listing;
  }

  async function listInTurn(key: string, place: Place): Promise<ReadonlyMap<string, Change>> {
    const pauseMs = place.pace.pauseMs();
    if (pauseMs > 0) await delay(pauseMs);
    const listing = turn.then(() => {
      place.pace.began(waiting.get(key)?.askers ?? 1);
      waiting.delete(key);
      return listAll(place);
    });
    turn = listing.catch(() => undefined);
    return listing;
  }

  return {
    async list(dir, sinceMs) {
      const place = placeOf(realPathOf(nearestFolder(dir)));
      const { topDir } = place.repository;
      const touched: ChangedPath[] = [];
      for (const [path, change] of await listSoon(place)) {
        if (touched.length >= CHANGED_FILES_MAX) break;
        const absolutePath = join(topDir, path);
        if (touchedSince(absolutePath, sinceMs - CLOCK_STEP_MS)) touched.push({ path, change, absolutePath });
      }
      return touched;
    },
  };
}

/** How far apart the listings of one folder are. */
interface Pace {
  /** Returns how many milliseconds the next listing has to wait, and counts it. */
  pauseMs(): number;
  /** A listing has begun that so many asked for. */
  began(askers: number): void;
}

/** Lets `LISTINGS_AT_ONCE` pass, and as many more as time has passed for. */
function createPace(): Pace {
  let nextMs = Number.NEGATIVE_INFINITY;
  let everyMs = LISTING_EVERY_MS;
  return {
    pauseMs() {
      const nowMs = performance.now();
      const pauseMs = Math.max(0, nextMs - nowMs - (LISTINGS_AT_ONCE - 1) * LISTING_EVERY_MS);
      nextMs = Math.max(nextMs, nowMs) + everyMs;
      return pauseMs;
    },
    began(askers) {
      everyMs = Math.min(LISTING_EVERY_MS * (2 * askers - 1), LISTING_EVERY_MAX_MS);
    },
  };
}

/** Records "<letter> <path>": "?" is a file git does not know, "R" one that is gone, "C" one that differs (a file that is gone too). */
function parseListing(text: string): ReadonlyMap<string, Change> {
  const changes = new Map<string, Change>();
  for (const record of text.split("\0")) {
    const path = record.slice(2);
    if (path === "" || changes.get(path) === "deleted") continue;
    changes.set(path, record.startsWith("?") ? "added" : record.startsWith("R") ? "deleted" : "modified");
  }
  return changes;
}

function escapePattern(path: string): string {
  return path.replaceAll(/[\\*?[\] ]/g, "\\$&");
}

/** The run may have removed the folder that it worked in. */
function nearestFolder(dir: string): string {
  for (let place = resolve(dir); place !== dirname(place); place = dirname(place)) {
    if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory() === true) return place;
  }
  return "/";
}

/** A deleted file leaves its trace in the nearest folder that is still there. */
function touchedSince(path: string, sinceMs: number): boolean {
  for (let place = path; place !== dirname(place); place = dirname(place)) {
    try {
      return lstatSync(place).ctimeMs >= sinceMs;
    } catch (error) {
      const code = systemErrorCode(error);
      if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    }
  }
  return true;
}
