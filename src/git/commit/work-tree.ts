import {
  chmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { syncDescriptor } from "../../base/files/durable-file.ts";
import { type FileStamp, readStamp } from "../../base/files/file-stamp.ts";
import { createSlices } from "../../base/slices.ts";
import { worldFaultCode } from "../../base/world-fault.ts";
import { INBOX } from "../../task/records/workspace-paths.ts";
import type { TemporaryFiles } from "../gate/temporary-files.ts";
import type { Repository } from "../repository/repository.ts";
import {
  createPlacement,
  type DiskStep,
  makeFolder,
  type Placement,
  type Ready,
  type ReadyFolder,
  type ReadyStep,
  stepsOf,
} from "./placement.ts";

/** What the work tree holds at a path, seen from ours: nothing, a version of ours, or something of the user's. */
export type DiskContent =
  | { readonly kind: "absent" }
  | { readonly kind: "file"; readonly id: string; readonly stamp: FileStamp }
  | { readonly kind: "foreign" };

/** New contents, in temporary files. As a placement they are all of them but those of the parts that come before. */
export interface StagedFiles extends Placement {
  /** The parts that are put in place before the rest, and before index and branch move: each is taken from the list once it is. */
  readonly before: Placement[];
  /** Removes what is left of the temporary files, and the folders that `apply` emptied. */
  clear(): Promise<void>;
}

export interface WorkTree {
  /**
   * Reads what lies at `path` (from the top). A link on the way, or anything but a plain file, is the user's.
   *
   * @throws the system's error where the machine cannot read it just now (no descriptors, a fault of the disk)
   */
  look(path: string): DiskContent;
  /**
   * Writes the new contents to temporary files. Few of them are not synced: the work tree is only a view of the branch, and git writes its
   * files without, too. Folders are made in the work tree itself: git does not see an empty one.
   */
  stage(steps: readonly DiskStep[]): Promise<StagedFiles>;
}

/**
 * From so many steps on, folders that are new are put in place whole, and files that replace others are synced ahead: a file system that
 * gives out blocks late (ext4, XFS) would else do so within the rename, under git's lock. 1,000 renames take 8 ms instead of 28 to 220.
 */
const MANY = 16;
const SYNCS_AT_ONCE = 4;
/** Where more files of ours are to be put in place, those beyond come first, in parts: the lock is held for no more than these. */
const HELD_MAX = 1_000;
const PART_MAX = 200;
/** A folder that gives those made in it its group: one that is made elsewhere would not have it. */
const SETGID = 0o2000;

/** @param hash names content as git would */
export function createWorkTree(
  repository: Repository,
  temporary: TemporaryFiles,
  hash: (content: Uint8Array) => string,
): WorkTree {
  const { topDir } = repository;

  function isReached(path: string, seen = new Map<string, boolean>()): boolean {
    const folder = dirname(path);
    if (folder === ".") return true;
    const known = seen.get(folder);
    if (known !== undefined) return known;
    const reached = isReached(folder, seen) && isFolderIfThere(join(topDir, folder));
    seen.set(folder, reached);
    return reached;
  }

  function look(path: string): DiskContent {
    if (!isReached(path)) return { kind: "foreign" };
    const stamp = readStamp(join(topDir, path));
    if (stamp === undefined) return { kind: "absent" };
    if (stamp.kind !== "file") return { kind: "foreign" };
    try {
      return { kind: "file", id: hash(readFileSync(join(topDir, path))), stamp };
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return { kind: "absent" };
      if (worldFaultCode(error) !== undefined) throw error; // Whose file it is has to be found out later.
      return { kind: "foreign" }; // Not readable for us, so not ours.
    }
  }

  /** At once: a small file is written faster than another thread is asked to. */
  function ready(step: DiskStep, folder: OpenFolder | undefined): ReadyStep {
    const target = join(topDir, step.path);
    const reaches = temporary.reachesWorkTree();
    if (step.prepared === undefined && step.content === undefined) return { ...step, target, temporary: undefined };
    if (!reaches) {
      if (step.prepared === undefined) return { ...step, target, temporary: undefined };
      const mode = statSync(step.prepared).mode & 0o777;
      return { ...step, target, temporary: undefined, content: readFileSync(step.prepared), mode };
    }
    const path = folder === undefined ? temporary.newPath("file") : folder.pathOf(target);
    if (step.content !== undefined) writeFileSync(path, step.content, { flag: "wx" });
    else if (step.prepared !== undefined && folder !== undefined) renameSync(step.prepared, path);
    if (step.before === undefined) {
      if (folder === undefined) makeFolder(dirname(target));
    } else if (step.content !== undefined) chmodSync(path, step.before.mode & 0o777);
    const isMoved = step.prepared === undefined || folder !== undefined;
    return { ...step, target, temporary: isMoved ? path : step.prepared };
  }

  /** In their order; a folder stands where its first file does. */
  async function readyAll(steps: readonly DiskStep[], list: Ready[]): Promise<void> {
    const folders = newFolders(topDir, temporary, steps.length > MANY && temporary.reachesWorkTree());
    const open = new Map<string, ReadyStep[]>();
    const slices = createSlices();
    for (const step of steps) {
      await slices.next();
      const folder = step.before === undefined && hasContent(step) ? folders(step.path) : undefined;
      const files = folder === undefined ? undefined : open.get(folder.target);
      const made = ready(step, folder);
      if (folder === undefined) list.push(made);
      else if (files !== undefined) files.push(made);
      else {
        const first = [made];
        open.set(folder.target, first);
        list.push({ target: folder.target, temporary: folder.temporary, files: first } satisfies ReadyFolder);
      }
    }
    const replacing = list
      .flatMap(stepsOf)
      .flatMap(({ before, temporary: path }) => (before === undefined ? [] : (path ?? [])));
    if (replacing.length > MANY) await syncAll(replacing);
  }

  async function clear(list: readonly Ready[]): Promise<void> {
    const slices = createSlices();
    for (const entry of list) {
      await slices.next();
      if (entry.temporary !== undefined) rmSync(entry.temporary, { recursive: true, force: true });
      if (!isThere(entry.target)) removeEmptyFolders(entry.target, topDir, repository.prefix);
    }
  }

  return {
    look,
    async stage(steps) {
      const list: Ready[] = [];
      try {
        await readyAll(steps, list);
      } catch (error) {
        await clear(list);
        throw error;
      }
      const first = list.filter((entry) => stepsOf(entry).every((step) => step.mayPrecede === true));
      const early = first.slice(0, Math.max(0, first.length - HELD_MAX));
      const parts = new Set(early);
      const place = (entries: readonly Ready[]): Placement => createPlacement(entries, { temporary, isReached });
      return {
        ...place(parts.size === 0 ? list : list.filter((entry) => !parts.has(entry))),
        before: Array.from({ length: Math.ceil(early.length / PART_MAX) }, (_, n) =>
          place(early.slice(n * PART_MAX, (n + 1) * PART_MAX)),
        ),
        clear: () => clear(list),
      };
    },
  };
}

function hasContent(step: DiskStep): boolean {
  return step.content !== undefined || step.prepared !== undefined;
}

interface OpenFolder {
  readonly target: string;
  readonly temporary: string;
  /** Returns where a file of it is written, and makes the folders on the way. */
  pathOf(target: string): string;
}

/** Finds the topmost folder on the way to a file that the work tree does not have. */
function newFolders(
  topDir: string,
  temporary: TemporaryFiles,
  isWanted: boolean,
): (path: string) => OpenFolder | undefined {
  const known = new Map<string, OpenFolder | undefined>();
  const find = (folder: string): OpenFolder | undefined => {
    if (folder === ".") return undefined;
    if (known.has(folder)) return known.get(folder);
    const above = find(dirname(folder));
    const found = above ?? openNew(topDir, folder, temporary);
    known.set(folder, found);
    return found;
  };
  return (path) => (isWanted ? find(dirname(path)) : undefined);
}

function openNew(topDir: string, folder: string, temporary: TemporaryFiles): OpenFolder | undefined {
  const target = join(topDir, folder);
  if (isThere(target)) return undefined;
  const parent = readStamp(dirname(target));
  if (parent?.kind !== "folder" || (parent.mode & SETGID) !== 0) return undefined;
  const place = temporary.newPath("folder");
  mkdirSync(place);
  return {
    target,
    temporary: place,
    pathOf(path) {
      const own = join(place, path.slice(target.length + 1));
      mkdirSync(dirname(own), { recursive: true });
      return own;
    },
  };
}

async function syncAll(paths: readonly string[]): Promise<void> {
  const left = paths.values();
  const some = async (): Promise<void> => {
    for (const path of left) await syncDescriptor(openSync(path, "r"));
  };
  await Promise.all(Array.from({ length: SYNCS_AT_ONCE }, some));
}

/** Folders that our removal emptied go, as git would have it; the workspace itself and its inbox stay. */
function removeEmptyFolders(target: string, topDir: string, prefix: string): void {
  const workspace = join(topDir, prefix, ".");
  const inbox = join(workspace, INBOX);
  const top = target.startsWith(`${workspace}/`) ? workspace : topDir;
  for (let folder = dirname(target); folder.startsWith(`${top}/`) && folder !== inbox; folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch {
      return; // Not empty, or gone: either way there is nothing more to remove.
    }
  }
}

function isFolderIfThere(path: string): boolean {
  const stamp = readStamp(path);
  return stamp === undefined || stamp.kind === "folder";
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false; // Any failure to see it means that it is not there for us either.
  }
}
