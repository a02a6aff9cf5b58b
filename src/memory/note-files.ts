import { lstatSync } from "node:fs";
import { join } from "node:path";

/** The notes of a workspace: one file, and the Markdown files of a folder. */
const MEMORY_FILE = "MEMORY.md";
const MEMORY_FOLDER = "memory";

/** A larger file is no note. */
export const NOTE_BYTES_MAX = 4 * 1024 * 1024;

/** Returns those of the two that are there and are no links, relative to `workspaceDir`. */
export function noteRoots(workspaceDir: string): readonly string[] {
  const file = lstatSync(join(workspaceDir, MEMORY_FILE), { throwIfNoEntry: false });
  const folder = lstatSync(join(workspaceDir, MEMORY_FOLDER), { throwIfNoEntry: false });
  return [
    ...(file?.isFile() === true && file.size <= NOTE_BYTES_MAX ? [MEMORY_FILE] : []),
    ...(folder?.isDirectory() === true ? [MEMORY_FOLDER] : []),
  ];
}

/** Tells whether a Markdown file is a note by its path: hidden ones are not, nor is a README.md, which is about its folder. */
export function isNotePath(path: string): boolean {
  const parts = path.split("/");
  const isHidden = parts.some((part) => part.startsWith("."));
  return /\.md$/i.test(path) && !isHidden && parts.at(-1)?.toLowerCase() !== "readme.md";
}

/** Tells whether the file at `path` (bytes, relative to `workspaceDir`) is small enough. */
export function isNoteSized(workspaceDir: string, path: Buffer): boolean {
  const stat = lstatSync(Buffer.concat([Buffer.from(`${workspaceDir}/`), path]), { throwIfNoEntry: false });
  return stat !== undefined && stat.size <= NOTE_BYTES_MAX;
}
