import { closeSync, constants, fstatSync, linkSync, lstatSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { systemErrorCode } from "../../base/errors.ts";
import { writeAll } from "../../base/files/write-file-atomic.ts";
import type { BrokenDrop } from "../../task/file/drop.ts";
import { errorFilePath, isErrorFile, renderErrorFile } from "../../task/file/error-file.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import { type FilePrint, printOf, samePrint } from "./file-print.ts";
import { causeOf, type Folder, openInboxFolder } from "./folder.ts";
import { ERROR_FILE_BYTES_MAX } from "./limits.ts";
import { placeInInbox, shownName } from "./name-rules.ts";
import { createTurns } from "./turns.ts";

export interface ErrorReportsOptions {
  readonly workspaceDir: string;
  readonly keeper: Pick<Keeper, "keep">;
  readonly onNotice: (message: string) => void;
}

/** What the last scan saw beside the broken files. */
export interface SeenBeside {
  /** Paths of `*.error.md`, ours or not. */
  readonly errorFiles: readonly string[];
  /** Files of which nothing is known yet: what was said of them stays until it is. */
  readonly undecided: readonly string[];
}

/** Keeps the error files beside the broken files. Nothing is remembered on disk: a file is ours when it begins as ours do. */
export interface ErrorReports {
  report(broken: readonly BrokenDrop[], seen: SeenBeside): Promise<void>;
}

/** What is known of an error file as long as its print stays the same. */
interface Known {
  readonly print: FilePrint;
  readonly isOurs: boolean;
  /** What it tells of; `undefined`: not looked at closely. */
  readonly about: BrokenDrop | undefined;
}

/** One is written at a time; a crash leaves one of these in a folder at most, and the next report there replaces it. */
const TEMPORARY = ".codex-inbox-error-file";
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Returns the keeper of the error files of one workspace. */
export function createErrorReports(options: ErrorReportsOptions): ErrorReports {
  let known: ReadonlyMap<string, Known> = new Map();
  return {
    async report(broken, seen) {
      // Where two broken files share one (x.md and x.MD), it tells of the first.
      const wanted = new Map([...broken].reverse().map((drop) => [errorFilePath(drop.path), drop]));
      const stay = new Set(seen.undecided.map(errorFilePath));
      const now = new Map<string, Known>();
      const turns = createTurns();
      for (const path of new Set([...wanted.keys(), ...seen.errorFiles])) {
        const about = wanted.get(path);
        const before = known.get(path);
        const after = about === undefined && stay.has(path) ? before : correct(options, path, about, before);
        if (after !== undefined) now.set(path, after);
        if (turns.due()) await turns.take();
      }
      known = now;
    },
  };
}

/** Makes one error file what it should be (`about` undefined: absent), and returns what is known of it then. */
function correct(
  options: ErrorReportsOptions,
  path: string,
  about: BrokenDrop | undefined,
  known: Known | undefined,
): Known | undefined {
  const place = placeInInbox(path);
  let folder: Folder | undefined;
  try {
    folder = place && openInboxFolder(options.workspaceDir, place.folders);
    if (place === undefined || folder === undefined) return undefined;
    const after = correctIn(options, folder, place.name, about, known);
    if (about !== undefined && after?.isOurs === false) {
      options.onNotice(`${shownName(about.path)} is broken, but ${shownName(path)} is not ours and stays as it is`);
    }
    return after;
  } catch (error) {
    options.onNotice(`${shownName(path)} cannot be written or removed (${causeOf(error)})`);
    return undefined;
  } finally {
    folder?.close();
  }
}

function correctIn(
  { keeper }: ErrorReportsOptions,
  folder: Folder,
  name: string,
  about: BrokenDrop | undefined,
  known: Known | undefined,
): Known | undefined {
  const print = printAt(folder, name);
  const isKnown = print !== undefined && known !== undefined && samePrint(print, known.print);
  if (isKnown && (!known.isOurs || (about !== undefined && about === known.about))) return known;
  const text = print === undefined ? undefined : readOwn(folder.at(name));
  if (print !== undefined && text === undefined) return { print, isOurs: false, about };
  if (about === undefined) {
    rmSync(folder.at(name), { force: true });
    return undefined;
  }
  const shown = shownName(placeInInbox(about.path)?.name ?? about.path);
  const wanted = renderErrorFile(keeper.keep(shown), keeper.keep(about.problems));
  if (text !== wanted) write(folder, name, wanted, text === undefined ? "new" : "replace");
  const written = printAt(folder, name);
  return written === undefined ? undefined : { print: written, isOurs: true, about };
}

function printAt(folder: Folder, name: string): FilePrint | undefined {
  const stats = lstatSync(folder.at(name), { throwIfNoEntry: false });
  return stats === undefined ? undefined : printOf(stats);
}

/** Returns the text of an error file of ours, or `undefined` when it is something else. */
function readOwn(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  const descriptor = openSync(path, READ_ONLY);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return undefined;
    const bytes = Buffer.alloc(Math.min(stats.size, ERROR_FILE_BYTES_MAX));
    const text = bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, bytes.length, 0));
    return isErrorFile(text) ? text : undefined;
  } finally {
    closeSync(descriptor);
  }
}

function write(folder: Folder, name: string, text: string, kind: "new" | "replace"): void {
  const temporary = folder.at(TEMPORARY);
  rmSync(temporary, { force: true });
  const descriptor = openSync(temporary, NEW_FILE, 0o644);
  try {
    writeAll(descriptor, Buffer.from(text));
  } finally {
    closeSync(descriptor);
  }
  if (kind === "new" && linked(temporary, folder.at(name))) rmSync(temporary, { force: true });
  else renameSync(temporary, folder.at(name));
}

/** Gives the file a second name, never over somebody's file of that name; false where the file system knows no links. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return true; // Made a moment ago, by somebody else: the next report looks at it.
    return false;
  }
}
