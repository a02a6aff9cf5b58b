import {
  chmodSync,
  closeSync,
  fchmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { type FileStamp, readStamp } from "../../base/files/file-stamp.ts";
import { writeAll } from "../../base/files/write-file-atomic.ts";
import { createSlices } from "../../base/slices.ts";
import { worldFaultCode } from "../../base/world-fault.ts";
import { INBOX } from "../../task/records/workspace-paths.ts";
import type { TemporaryFiles } from "../gate/temporary-files.ts";
import type { Repository } from "../repository/repository.ts";

/** What the work tree holds at a path, seen from ours: nothing, a version of ours, or something of the user's. */
export type DiskContent =
  | { readonly kind: "absent" }
  | { readonly kind: "file"; readonly id: string; readonly stamp: FileStamp }
  | { readonly kind: "foreign" };

/** One file to change on disk. `before` is what was seen; should it differ at the last look, nothing is done. */
export interface DiskStep {
  readonly path: string;
  readonly content: Uint8Array | undefined;
  readonly before: FileStamp | undefined;
  /** Absolute: the file is there already, with its mode, and is moved; `content` does not count. */
  readonly prepared?: string;
}

export interface StagedFiles {
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
  /** Removes what is left of the temporary files, and the folders that `apply` emptied. */
  clear(): Promise<void>;
}

export class ElsewhereError extends Error {
  override readonly name = "ElsewhereError";
}

/** What a file or folder that the user has put there, or protected, answers. */
const USERS_DOING = new Set(["EACCES", "EEXIST", "EISDIR", "ENOENT", "ENOTDIR", "ENOTEMPTY", "EPERM"]);

export interface WorkTree {
  /**
   * Reads what lies at `path` (from the top). A link on the way, or anything but a plain file, is the user's.
   *
   * @throws the system's error where the machine cannot read it just now (no descriptors, a fault of the disk)
   */
  look(path: string): DiskContent;
  /**
   * Writes the new contents to temporary files. They are not synced: the work tree is only a view of the branch, and git writes its
   * files without, too. Folders are made in the work tree itself: git does not see an empty one.
   */
  stage(steps: readonly DiskStep[]): Promise<StagedFiles>;
}

interface ReadyStep extends DiskStep {
  readonly target: string;
  readonly temporary: string | undefined;
  /** Of a file that is written in the swap itself. */
  readonly mode?: number;
}

/** @param hash names content as git would */
export function createWorkTree(
  repository: Repository,
  temporary: TemporaryFiles,
  hash: (content: Uint8Array) => string,
): WorkTree {
  const { topDir } = repository;

  /**
   * Returns whether every folder on the way to `path` that exists is a real folder.
   *
   * @param seen what was found out before in the same moment, by folder
   */
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
  function ready(step: DiskStep): ReadyStep {
    const target = join(topDir, step.path);
    if (step.prepared !== undefined) return readyPrepared(step, step.prepared, target);
    if (step.content === undefined || !temporary.reachesWorkTree()) return { ...step, target, temporary: undefined };
    const path = temporary.newPath("file");
    writeFileSync(path, step.content, { flag: "wx" });
    if (step.before !== undefined) chmodSync(path, step.before.mode & 0o777);
    else makeFolder(dirname(target));
    return { ...step, target, temporary: path };
  }

  function readyPrepared(step: DiskStep, prepared: string, target: string): ReadyStep {
    if (temporary.reachesWorkTree()) {
      if (step.before === undefined) makeFolder(dirname(target));
      return { ...step, target, temporary: prepared };
    }
    const mode = statSync(prepared).mode & 0o777;
    return { ...step, target, temporary: undefined, content: readFileSync(prepared), mode };
  }

  function applyAll(steps: readonly ReadyStep[]): readonly string[] {
    const failed: string[] = [];
    for (const [index, step] of steps.entries()) {
      try {
        applyStep(step);
      } catch (error) {
        const code = systemErrorCode(error) ?? "";
        if (index === 0 && code === "EXDEV") {
          temporary.cannotReach();
          throw new ElsewhereError(step.path);
        }
        // A full disk is no reason to leave the user's work tree behind the branch: the whole commit is tried again.
        if (!USERS_DOING.has(code)) throw error;
        failed.push(step.path);
      }
    }
    return failed;
  }

  return {
    look,
    async stage(steps) {
      const list: ReadyStep[] = [];
      const slices = createSlices();
      try {
        for (const step of steps) {
          list.push(ready(step));
          await slices.next();
        }
      } catch (error) {
        for (const { temporary: path } of list) if (path !== undefined) rmSync(path, { force: true });
        throw error;
      }
      return {
        replaced: list.filter((step) => step.before !== undefined).map((step) => step.target),
        stillAsSeen() {
          const seen = new Map<string, boolean>();
          return list.every((step) => isReached(step.path, seen) && isAsBefore(step));
        },
        untouched: () => list.every((step) => step.before === undefined || isAsBefore(step)),
        apply: () => applyAll(list),
        async clear() {
          const cleared = createSlices();
          for (const { temporary: path, target } of list) {
            if (path !== undefined) rmSync(path, { force: true });
            if (!isThere(target)) removeEmptyFolders(target, topDir, repository.prefix);
            await cleared.next();
          }
        },
      };
    },
  };
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

/** What stands in the way is the user's, and is met again when the file is put in place. */
function makeFolder(path: string): void {
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
