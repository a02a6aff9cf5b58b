import { lstatSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { systemErrorCode } from "../../base/errors.ts";
import { runGit } from "../process/git-process.ts";
import { type CodeIndex, createCodeIndex } from "./code-index.ts";

/** More than this are counted, not listed. */
const CHANGED_FILES_MAX = 1_000;
/** Slack for the clock the kernel stamps files with, which moves in steps of a few milliseconds. */
const CLOCK_STEP_MS = 20;
/** Folders whose place in a work tree is remembered. */
const PLACES_MAX = 200;
/** A listing that takes longer has compared many files that were touched and not changed. */
const SLOW_LISTING_MS = 500;
/** A listing costs a process. Some may follow one another at once, more of one folder only so far apart: those who ask meanwhile share one. */
const LISTING_EVERY_MS = 150;
const LISTINGS_AT_ONCE = 4;

/** A path that differs from HEAD, relative to the top of the work tree, and how. */
export interface ChangedPath {
  readonly path: string;
  readonly change: "added" | "modified" | "deleted";
}

/** Tells what a run changed in the work tree. */
export interface ChangedFiles {
  /**
   * Returns the uncommitted paths below `dir` (absolute) that were touched since `sinceMs` (Unix ms). Git says what differs; the
   * change time, which a program cannot set back, says since when. Takes no lock, so it disturbs nobody's `git commit`.
   */
  list(dir: string, sinceMs: number): Promise<readonly ChangedPath[]>;
  /** Returns the top (absolute, links resolved) of the work tree that `dir` lies in. */
  topOf(dir: string): Promise<string>;
}

/** Where a folder lies. */
interface Place {
  readonly topDir: string;
  /** From the top; "" is the top itself. */
  readonly folder: string;
  readonly excluded: readonly string[];
  readonly index: CodeIndex;
  /** Returns how many milliseconds the next listing of this folder has to wait, and counts it. */
  readonly pause: () => number;
}

export interface ChangedFilesOptions {
  /** Folder for indexes of our own (absolute; made when missing). */
  readonly keepDir: string;
  /** The work tree that also holds files of ours, and the paths of these from its top. */
  readonly home: { readonly topDir: string; readonly ours: readonly string[] };
}

export function createChangedFiles({ keepDir, home }: ChangedFilesOptions): ChangedFiles {
  const places = new LRUCache<string, Place>({ max: PLACES_MAX });
  /** Listings that have not begun: whoever asks meanwhile gets the same answer. */
  const waiting = new Map<string, Promise<ReadonlyMap<string, ChangedPath["change"]>>>();
  let turn: Promise<unknown> = Promise.resolve();

  async function placeOf(dir: string): Promise<Place> {
    const known = places.get(dir) ?? (await findPlace(dir));
    places.set(dir, known);
    return known;
  }

  async function findPlace(dir: string): Promise<Place> {
    const result = await runGit(dir, ["rev-parse", "--show-toplevel", "--git-path", "index"]);
    const [topDir = "", indexPath = ""] = result.stdout.toString("utf8").split("\n");
    if (result.status !== 0) throw new Error(`git rev-parse in ${dir}: ${result.stderr}`);
    const known = [...places.values()].find((place) => place.topDir === topDir);
    if (known !== undefined) return { ...known, folder: relative(topDir, dir), pause: createPace() };
    const excluded = topDir === home.topDir ? home.ours : [];
    const index = createCodeIndex({ topDir, indexPath: resolve(dir, indexPath), keepDir, excluded });
    return { topDir, folder: relative(topDir, dir), excluded, index, pause: createPace() };
  }

  async function listAll({
    topDir,
    folder,
    excluded,
    index,
  }: Place): Promise<ReadonlyMap<string, ChangedPath["change"]>> {
    const path = await index.current();
    const startedMs = performance.now();
    const patterns = excluded.map((name) => `--exclude=/${escapePattern(name)}`);
    const args = ["ls-files", "-z", "-t", "--modified", "--deleted", "--others", "--exclude-standard", ...patterns];
    const below = folder === "" ? [] : [folder];
    const result = await runGit(topDir, [...args, "--", ...below], { environment: { GIT_INDEX_FILE: path } });
    if (result.status !== 0) throw new Error(`git ls-files in ${topDir}: ${result.stderr}`);
    if (performance.now() - startedMs > SLOW_LISTING_MS) await index.refresh(path);
    return parseListing(result.stdout.toString("utf8"));
  }

  function listSoon(place: Place): Promise<ReadonlyMap<string, ChangedPath["change"]>> {
    const key = join(place.topDir, place.folder);
    const joined = waiting.get(key);
    if (joined !== undefined) return joined;
    const listing = listInTurn(key, place);
    waiting.set(key, listing);
    return listing;
  }

  async function listInTurn(key: string, place: Place): Promise<ReadonlyMap<string, ChangedPath["change"]>> {
    const pauseMs = place.pause();
    if (pauseMs > 0) await delay(pauseMs);
    const listing = turn.then(() => {
      waiting.delete(key);
      return listAll(place);
    });
    turn = listing.catch(() => undefined);
    return listing;
  }

  return {
    async list(dir, sinceMs) {
      const place = await placeOf(nearestFolder(dir));
      const touched: ChangedPath[] = [];
      for (const [path, change] of await listSoon(place)) {
        if (touched.length >= CHANGED_FILES_MAX) break;
        if (touchedSince(join(place.topDir, path), sinceMs - CLOCK_STEP_MS)) touched.push({ path, change });
      }
      return touched;
    },
    topOf: async (dir) => (await placeOf(nearestFolder(dir))).topDir,
  };
}

/** Lets `LISTINGS_AT_ONCE` pass, and as many more as time has passed for. */
function createPace(): () => number {
  let nextMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = performance.now();
    const pauseMs = Math.max(0, nextMs - nowMs - (LISTINGS_AT_ONCE - 1) * LISTING_EVERY_MS);
    nextMs = Math.max(nextMs, nowMs) + LISTING_EVERY_MS;
    return pauseMs;
  };
}

/** Records "<letter> <path>": "?" is a file git does not know, "R" one that is gone, "C" one that differs (a file that is gone too). */
function parseListing(text: string): ReadonlyMap<string, ChangedPath["change"]> {
  const changes = new Map<string, ChangedPath["change"]>();
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
