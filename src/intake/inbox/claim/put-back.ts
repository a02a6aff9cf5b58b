import { linkSync, lstatSync, renameSync, unlinkSync } from "node:fs";
import { systemErrorCode } from "../../../base/errors.ts";
import { readBounded } from "../../../base/files/read-bounded.ts";
import { INBOX } from "../../../task/records/workspace-paths.ts";
import { printOf, sameFile } from "../file-print.ts";
import { type Folder, openInboxFolder } from "../folder.ts";
import { keptName } from "../name-rules.ts";
import type { HeldFile } from "./claim-folder.ts";

/** No drop is larger. */
const SAME_BYTES_MAX = 4 * 1024 * 1024;
/** File systems and kinds of files that know no hard links; EPERM: a folder, or a file of another user (protected_hardlinks). */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Where a file went: under its own name, under another one because a newer file has its name, or nowhere. */
export type PutBack =
  | { readonly kind: "returned"; readonly path: string }
  | { readonly kind: "kept-beside"; readonly path: string }
  | { readonly kind: "no-room" };

/**
 * Puts a held file back where it was dropped, by link: never over a newer file of the same name. Then it is kept beside that
 * as `_<name>.<id>.md`, which nobody runs: a file saved again replaces the earlier one, and one that holds the same *is* the earlier one
 * (git has brought it back). Durable when it resolves.
 * Folders that are missing below inbox/ are made; where inbox/ itself is missing the file stays in the claim.
 */
export async function putBack(workspaceDir: string, held: HeldFile, id: string): Promise<PutBack> {
  const { folders, name } = held.place;
  const folder = openInboxFolder(workspaceDir, folders, "make");
  if (folder === undefined) return { kind: "no-room" };
  try {
    if (holdsSame(held.path, folder.at(name))) {
      unlinkIfThere(held.path);
      return { kind: "returned", path: [INBOX, ...folders, name].join("/") };
    }
    const free = namesFor(name, id).find((candidate) => giveName(held.path, folder.at(candidate)));
    if (free === undefined) return { kind: "no-room" };
    await folder.sync();
    unlinkIfThere(held.path);
    return { kind: free === name ? "returned" : "kept-beside", path: [INBOX, ...folders, free].join("/") };
  } finally {
    folder.close();
  }
}

/** Tells whether a held file was put back already: a crash came between giving it its name and taking it out of the claim. */
export function isBack(workspaceDir: string, held: HeldFile, id: string): boolean {
  const folder = openInboxFolder(workspaceDir, held.place.folders);
  if (folder === undefined) return false;
  try {
    return namesFor(held.place.name, id).some((name) => isSame(held.path, folder, name));
  } finally {
    folder.close();
  }
}

function namesFor(name: string, id: string): readonly string[] {
  return [name, keptName(name, id)];
}

function isSame(path: string, folder: Folder, name: string): boolean {
  const mine = lstatSync(path, { throwIfNoEntry: false });
  const there = lstatSync(folder.at(name), { throwIfNoEntry: false });
  return mine !== undefined && there !== undefined && sameFile(printOf(mine), printOf(there));
}

/** Tells whether both are files that hold the same. What cannot be read does not. */
function holdsSame(held: string, there: string): boolean {
  const size = lstatSync(there, { throwIfNoEntry: false })?.size;
  if (size === undefined || size !== lstatSync(held, { throwIfNoEntry: false })?.size) return false;
  try {
    const [one, other] = [held, there].map((path) => readBounded(path, SAME_BYTES_MAX));
    return one !== undefined && other?.equals(one) === true;
  } catch {
    return false;
  }
}

/** Gives the file at `from` the name `to` too (or instead); false when something else has that name. */
function giveName(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    const code = systemErrorCode(error) ?? "";
    if (code !== "EEXIST" && !NO_LINKS.has(code)) throw error;
    const there = lstatSync(to, { throwIfNoEntry: false });
    if (there !== undefined) return sameFile(printOf(lstatSync(from)), printOf(there));
    if (code === "EEXIST") return giveName(from, to);
    renameSync(from, to); // Not as safe as a link: a file of this name made since the look above is lost.
    return true;
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
}
