import { type Dirent, lstatSync, opendirSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { isMendable, worldFaultCode } from "../../base/world-fault.ts";
import { INBOX } from "../../task/records/workspace-paths.ts";
import { type FilePrint, printOf } from "./file-print.ts";
import { causeOf, type Folder, isGone, openFolder } from "./folder.ts";
import { FOLDER_DEPTH_MAX } from "./limits.ts";
import {
  decodeName,
  type InboxPlace,
  isDropName,
  isErrorFileName,
  isIgnoredName,
  shownBytes,
  shownName,
} from "./name-rules.ts";
import { createTurns, type Turns } from "./turns.ts";

/** Something in inbox/ whose name says that it is a task. */
export interface FoundFile {
  readonly path: string;
  readonly place: InboxPlace;
  readonly print: FilePrint;
}

/** What lies in inbox/, by names and sizes alone. */
export interface InboxListing {
  readonly files: readonly FoundFile[];
  /** Paths of `*.error.md`, ours or not. */
  readonly errorFiles: readonly string[];
  readonly notices: readonly string[];
}

interface Walk {
  readonly files: FoundFile[];
  readonly errorFiles: string[];
  readonly notices: string[];
  entriesLeft: number;
  readonly turns: Turns;
}

/**
 * Lists inbox/ and its folders, following no symbolic link. A missing inbox/ is an empty one.
 *
 * @throws system errors where inbox/ cannot be read, or the machine is short of what it takes to read any folder
 */
export async function listInbox(workspaceDir: string, entriesMax: number): Promise<InboxListing> {
  const walk: Walk = { files: [], errorFiles: [], notices: [], entriesLeft: entriesMax, turns: createTurns() };
  const path = join(workspaceDir, INBOX);
  try {
    await listFolder(path, [], walk);
  } catch (error) {
    if (isMendable(error)) throw error; // The whole look is made again later, and people are told.
    if (systemErrorCode(error) !== "ENOENT")
      walk.notices.push(`nothing is taken from ${INBOX}/: ${rootProblem(path, error)}`);
  }
  if (walk.entriesLeft === 0) {
    walk.notices.push(`${INBOX}/ holds more than ${entriesMax} entries: the rest is looked at as these leave it`);
  }
  return walk;
}

function rootProblem(path: string, error: unknown): string {
  if (!isGone(error)) return `it cannot be read (${causeOf(error)})`;
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink ? "it is a symbolic link, and links are not followed; make it a folder" : "it is not a folder";
}

/** @throws system errors of the folder at `path` itself; those of its subfolders become notices */
async function listFolder(path: string, folders: readonly string[], walk: Walk): Promise<void> {
  const folder = openFolder(path);
  try {
    const subfolders = await listEntries(folder, folders, walk);
    for (const name of subfolders) await listSubfolder(folder.at(name), [...folders, name], walk);
  } finally {
    folder.close();
  }
}

async function listSubfolder(path: string, folders: readonly string[], walk: Walk): Promise<void> {
  const shown = shownName([INBOX, ...folders].join("/"));
  if (folders.length > FOLDER_DEPTH_MAX) {
    walk.notices.push(`${shown}/ is not looked into: it lies too deep to name a session`);
    return;
  }
  try {
    await listFolder(path, folders, walk);
  } catch (error) {
    if (worldFaultCode(error) !== undefined) throw error;
    if (!isGone(error)) walk.notices.push(`${shown}/ cannot be read (${causeOf(error)})`);
  }
}

/** Notes the files of a folder and returns the names of its subfolders. */
async function listEntries(folder: Folder, folders: readonly string[], walk: Walk): Promise<readonly string[]> {
  const subfolders: string[] = [];
  // Names as Latin-1: one character per byte, so that a name that is not UTF-8 is seen as it is.
  const listing = opendirSync(folder.here, { encoding: "latin1", bufferSize: 256 });
  try {
    for (let entry = listing.readSync(); entry !== null; entry = listing.readSync()) {
      if (walk.entriesLeft === 0) break;
      walk.entriesLeft -= 1;
      noteEntry(folder, folders, entry, subfolders, walk);
      if (walk.turns.due()) await walk.turns.take();
    }
  } finally {
    listing.closeSync();
  }
  return subfolders;
}

function noteEntry(folder: Folder, folders: readonly string[], entry: Dirent, subfolders: string[], walk: Walk): void {
  const bytes = Buffer.from(entry.name, "latin1");
  const name = decodeName(bytes);
  if (name === undefined) {
    if (isIgnoredName(entry.name) || !(isDropName(entry.name) || entry.isDirectory())) return;
    const shown = shownName([INBOX, ...folders].join("/"));
    walk.notices.push(`${shown}/${shownBytes(bytes)} is left alone: its name is not valid UTF-8; rename it`);
    return;
  }
  const path = [INBOX, ...folders, name].join("/");
  if (isErrorFileName(name)) walk.errorFiles.push(path);
  else if (isIgnoredName(name)) return;
  else if (isDropName(name)) noteFile(folder, path, { folders, name }, walk);
  else if (entry.isDirectory()) subfolders.push(name);
  else if (entry.isSymbolicLink()) {
    walk.notices.push(`${shownName(path)} is left alone: it is a symbolic link, and links are not followed`);
  }
}

function noteFile(folder: Folder, path: string, place: InboxPlace, walk: Walk): void {
  const stats = lstatSync(folder.at(place.name), { throwIfNoEntry: false });
  if (stats !== undefined) walk.files.push({ path, place, print: printOf(stats) });
}
