import {
  closeSync,
  fchmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { type FileStamp, readStamp } from "../../base/files/file-stamp.ts";
import { writeAll } from "../../base/files/write-file-atomic.ts";
import type { TemporaryFiles } from "../gate/temporary-files.ts";

/** One file to change on disk. `before` is what was seen; should it differ at the last look, nothing is done. */
export interface DiskStep {
  readonly path: string;
  readonly content: Uint8Array | undefined;
  readonly before: FileStamp | undefined;
  /** Absolute: the file is there already, with its mode, and is moved; `content` does not count. */
  readonly prepared?: string;
  /** A file of ours, which may be in place before index and branch have moved where there are many. */
  readonly mayPrecede?: true;
}

/** Files that are put in place together. */
export interface Placement {
  /** From the top of the work tree. */
  readonly paths: readonly string[];
  /** Absolute paths of the files that will be replaced or removed. */
  readonly replaced: readonly string[];
  /** Tells whether every file is still as it was seen. */
  stillAsSeen(): boolean;
  /** The same at once, once `stillAsSeen` was so: whether the files are that will be replaced or removed. A new one finds out itself. */
  untouched(): boolean;
  /**
   * Puts all files in place, at once and without a process.
   *
   * @returns the paths that the system would not let us change: they stay as they are
   * @throws ElsewhereError before anything was done, where the temporary files turn out to be on another file system
   */
  apply(): readonly string[];
}

export class ElsewhereError extends Error {
  override readonly name = "ElsewhereError";
}

/** What a file or folder that the user has put there, or protected, answers. */
const USERS_DOING = new Set(["EACCES", "EEXIST", "EISDIR", "ENOENT", "ENOTDIR", "ENOTEMPTY", "EPERM"]);

export interface ReadyStep extends DiskStep {
  /** Absolute. */
  readonly target: string;
  readonly temporary: string | undefined;
  /** Of a file that is written in the swap itself. */
  readonly mode?: number;
}

/** A folder that the work tree does not have: it is put in place whole, by one rename. */
export interface ReadyFolder {
  /** Absolute; nothing is there. */
  readonly target: string;
  readonly temporary: string;
  readonly files: readonly ReadyStep[];
}

export type Ready = ReadyStep | ReadyFolder;

interface Surroundings {
  readonly temporary: Pick<TemporaryFiles, "cannotReach">;
  /** Returns whether every folder on the way to a path (from the top) that exists is a real folder; `seen` in the same moment. */
  readonly isReached: (path: string, seen: Map<string, boolean>) => boolean;
}

export function createPlacement(entries: readonly Ready[], { temporary, isReached }: Surroundings): Placement {
  const steps = entries.flatMap(stepsOf);
  const replacing = steps.filter((step) => step.before !== undefined);
  const quick = new Map<ReadyStep, Stats | undefined>();
  const isUnchanged = (step: ReadyStep): boolean => {
    const [then, now] = [quick.get(step), quickStamp(step.target)];
    return then !== undefined && now !== undefined && QUICK.every((key) => then[key] === now[key]);
  };

  return {
    paths: steps.map(({ path }) => path),
    replaced: replacing.map((step) => step.target),
    stillAsSeen() {
      const seen = new Map<string, boolean>();
      // Looked at first: what changes after it is found by the full look, or by the next of these.
      for (const step of replacing) quick.set(step, quickStamp(step.target));
      return entries.every((entry) =>
        "files" in entry
          ? entry.files.slice(0, 1).every(({ path }) => isReached(path, seen)) && readStamp(entry.target) === undefined
          : isReached(entry.path, seen) && isAsBefore(entry),
      );
    },
    untouched: () => replacing.every((step) => (quick.has(step) ? isUnchanged(step) : isAsBefore(step))),
    apply() {
      const failed: string[] = [];
      const attempt = (at: number, path: string, put: () => void): boolean => {
        try {
          put();
          return true;
        } catch (error) {
          const code = systemErrorCode(error) ?? "";
          if (at === 0 && code === "EXDEV") {
            temporary.cannotReach();
            throw new ElsewhereError(path);
          }
          // A full disk is no reason to leave the user's work tree behind the branch: the whole commit is tried again.
          if (!USERS_DOING.has(code)) throw error;
          return false;
        }
      };
      for (const [at, entry] of entries.entries()) {
        const isWhole = "files" in entry && attempt(at, entry.target, () => renameSync(entry.temporary, entry.target));
        // A folder that has appeared meanwhile gets its files one by one.
        for (const step of isWhole ? [] : stepsOf(entry))
          if (!attempt(at, step.path, () => applyStep(step))) failed.push(step.path);
      }
      return failed;
    },
  };
}

export function stepsOf(entry: Ready): readonly ReadyStep[] {
  return "files" in entry ? entry.files : [entry];
}

/** What a write, a replacement or a change of rights changes, as numbers: read and compared in a fifth of the time of a stamp's text. */
const QUICK = ["ino", "size", "mtimeMs", "ctimeMs"] as const;

function quickStamp(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (systemErrorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function isAsBefore({ target, before }: ReadyStep): boolean {
  return readStamp(target)?.text === before?.text;
}

function applyStep(step: ReadyStep): void {
  if (step.content === undefined && step.prepared === undefined) {
    unlinkSync(step.target);
    return;
  }
  const from =
    step.temporary ?? writeBeside(step.target, step.content ?? new Uint8Array(), step.mode ?? step.before?.mode);
  try {
    if (step.before === undefined) linkNew(from, step.target);
    else renameSync(from, step.target);
  } finally {
    if (step.temporary === undefined) rmSync(from, { force: true });
  }
}

/** Fails where a file has appeared. The folder may have been swept away since it was made. */
function linkNew(from: string, target: string): void {
  try {
    linkSync(from, target);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    mkdirSync(dirname(target), { recursive: true });
    linkSync(from, target);
  }
}

/** Makes a folder in the work tree. What stands in the way is the user's, and is met again when the file is put in place. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    if (!USERS_DOING.has(systemErrorCode(error) ?? "")) throw error;
  }
}

/**
 * Where the state folder is on another file system, files are written in the swap itself: a moment earlier, a `git add --all` of
 * the user's would pick them up. After a crash just here, the next attempt uses the same name.
 */
function writeBeside(target: string, content: Uint8Array, mode: number | undefined): string {
  mkdirSync(dirname(target), { recursive: true });
  const path = join(dirname(target), `.${basename(target)}.codex-inbox.tmp`);
  rmSync(path, { force: true });
  const descriptor = openSync(path, "wx", 0o666);
  try {
    writeAll(descriptor, content);
    if (mode !== undefined) fchmodSync(descriptor, mode & 0o777);
  } finally {
    closeSync(descriptor);
  }
  return path;
}
