import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, type Stats } from "node:fs";
import { diskPath, fromByteName } from "../objects/tree-format.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

/** A larger file is not compared with what would take its place. */
const COMPARED_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Returns a path that is in no tree `from`, where something lies that is another than what `to` has there; `undefined` where there is none.
 * Git looks after such files itself, but for those that it ignores: these it replaces without a word.
 *
 * @throws GitError
 */
export async function findFileInTheWay(
  worktree: KnownRepository,
  from: string,
  to: string,
): Promise<string | undefined> {
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", from, to];
  const { status, stdout, stderr } = await runGit(worktree, args);
  if (status !== 0) throw new GitError(`git diff-tree in ${worktree.topDir}: ${stderr}`);
  // Records ":<mode> <mode> <id> <id> <kind>\0<path>\0"; a character of a path is a byte.
  const words = stdout.toString("latin1").split("\0");
  const gone = new Set<string>();
  const added: { readonly path: string; readonly id: string }[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [, , , id = "", kind] = (words[at] ?? "").split(" ");
    const path = words[at + 1] ?? "";
    if (kind === "D") gone.add(path);
    if (kind === "A") added.push({ path, id });
  }
  for (const { path, id } of added) {
    const found = inTheWay(worktree.topDir, path, id, gone);
    if (found !== undefined) return fromByteName(found);
  }
  return undefined;
}

function inTheWay(topDir: string, path: string, id: string, gone: ReadonlySet<string>): string | undefined {
  for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
    const folder = path.slice(0, end);
    const stats = statOf(topDir, folder);
    if (stats === undefined) return undefined;
    if (!stats.isDirectory()) return gone.has(folder) ? undefined : folder;
  }
  const stats = statOf(topDir, path);
  if (stats?.isDirectory() === true) return strangerIn(topDir, path, gone);
  return stats === undefined || isThat(topDir, path, stats, id) ? undefined : path;
}

/** Below a folder in whose place a file comes. */
function strangerIn(topDir: string, folder: string, gone: ReadonlySet<string>): string | undefined {
  for (const name of readdirSync(diskPath(topDir, folder), { encoding: "latin1" })) {
    const path = `${folder}/${name}`;
    const found = statOf(topDir, path)?.isDirectory() === true ? strangerIn(topDir, path, gone) : path;
    if (found !== undefined && !gone.has(found)) return found;
  }
  return undefined;
}

/** What a kill has put there before, for one. */
function isThat(topDir: string, path: string, stats: Stats, id: string): boolean {
  if (!stats.isFile() || stats.size > COMPARED_BYTES_MAX) return false;
  const bytes = readFileSync(diskPath(topDir, path));
  const hash = createHash(id.length > 40 ? "sha256" : "sha1");
  return hash.update(`blob ${bytes.length}\0`).update(bytes).digest("hex") === id;
}

function statOf(topDir: string, path: string): Stats | undefined {
  return lstatSync(diskPath(topDir, path), { throwIfNoEntry: false });
}
