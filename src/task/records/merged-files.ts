import { TASK_STATUSES } from "../ledger/ledger.ts";
import { parseTaskFile } from "./task-file/parsed-task-file.ts";
import { ARCHIVE, INBOX, LEDGER, ROTATED_LEDGERS, SESSIONS } from "./workspace-paths.ts";

/** Where a merge decides by rules of ours; paths are from the workspace. */
export const MERGED_PLACES: readonly string[] = [INBOX, SESSIONS, ARCHIVE, ROTATED_LEDGERS, LEDGER];

/** Of a commit that holds what two clones did apart from each other. */
export const MERGE_MESSAGE = "sync: merge what the remote holds\n";

/** Returns what git is told of our files in a merge, whatever the repository's own attributes say: lines of a `.gitattributes`. */
export function mergeAttributes(prefix: string): string {
  const anywhere = [`${ROTATED_LEDGERS}/**`, `${SESSIONS}/**`, `${ARCHIVE}/**`, LEDGER];
  return anywhere.map((place) => `"/${quoted(prefix)}${place}" merge=union\n`).join("");
}

function quoted(path: string): string {
  return path.replaceAll(/[\\"*?[]/g, (sign) => (sign === '"' ? '\\"' : `\\\\${sign}`));
}

/**
 * Returns which of two versions of one task's file is kept where two clones have both changed it: the one whose outcome the ledger
 * counts, by its run, its status and its time. `undefined` where both tell of the same outcome, or one is no task file: then the merged
 * file holds the lines of both.
 */
export function laterTaskFile(one: string, other: string): "one" | "other" | undefined {
  const [first, second] = [rankOf(one), rankOf(other)];
  if (first === undefined || second === undefined || first.id !== second.id) return undefined;
  for (const [at, value] of first.rank.entries()) {
    const against = second.rank[at] ?? "";
    if (value !== against) return value > against ? "one" : "other";
  }
  return undefined;
}

function rankOf(text: string): { readonly id: string; readonly rank: readonly (number | string)[] } | undefined {
  const file = parseTaskFile(text);
  if (file === undefined) return undefined;
  const { run, endedAt } = file.frontMatter;
  const rank = TASK_STATUSES.indexOf(file.status);
  return { id: file.id, rank: [typeof run === "number" ? run : 0, rank, typeof endedAt === "string" ? endedAt : ""] };
}

/** Returns the drop that a task's file was made of, as it says itself. */
export function sourceOf(text: string): string | undefined {
  const source = parseTaskFile(text)?.frontMatter.source;
  return typeof source === "string" ? source : undefined;
}

/** Returns the name that one of two drops of the same path gets, where two clones have put different ones there. */
export function dropBeside(path: string, blob: string): string {
  return path.replace(/(\.md)?$/i, (end) => `-${blob.slice(0, 8)}${end}`);
}
