import { readFileSync, renameSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Files remembered, and versions of each: enough to cover what a user's slow command may take back by accident. */
const FILES_MAX = 200;
const VERSIONS_MAX = 4;
/** Each was followed by a commit of somebody's and one of ours, and nobody has looked at the branch since the first of them. */
const UNSEEN_MAX = 100;

/**
 * What we committed lately. Kept on disk, so that after a crash a row of our own in the work tree is not mistaken for the user's
 * edit, and a commit of ours that vanished meanwhile is missed.
 */
export interface CommittedMemory {
  /** Our last commit, or the one that was about to be made when we died. */
  last(): string | undefined;
  /**
   * Our commits that were the last ones when somebody else moved the branch, oldest first, until somebody has seen to it. What `intend`
   * and `intendMove` write holds them: a commit of ours on top does not hide from a later process that the branch may have lost them.
   */
  unseen(): readonly string[];
  /** Somebody else has moved the branch: our last commit is one of `unseen` now. */
  noteMoved(): void;
  /** All is done that follows from the branch having lost these, or not. */
  seenTo(commits: readonly string[]): Promise<void>;
  /** Tells whether this content of `path` was made by us. */
  isOurs(path: string, id: string): boolean;
  /** Paths of the files written lately, oldest first. */
  paths(): readonly string[];
  /**
   * Writes down that `commit` is about to be made with these files, before anything visible happens. Not synced: a loss of power may leave
   * the note of a commit before, or none; then some rows of ours on disk count as the user's.
   */
  intend(commit: string, files: ReadonlyMap<string, string>): Promise<void>;
  /** The intended commit is in the branch. */
  settle(commit: string): void;
  /** Returns the commit that the branch was about to be moved to, by somebody's commits, when we died. */
  unfinishedMove(): string | undefined;
  /** Writes down that the branch is about to be moved to `commit`; `undefined`: it has been. Not synced, as `intend`. */
  intendMove(commit: string | undefined): Promise<void>;
}

interface Note {
  readonly v: 1;
  readonly branch: string;
  readonly last: string;
  readonly files: readonly (readonly [path: string, ...ids: string[]])[];
  readonly move?: string;
  readonly unseen?: readonly string[];
}

export function createCommittedMemory(stateDir: string, branch: string): CommittedMemory {
  const notePath = join(stateDir, "committer.json");
  const note = readNote(notePath, branch);
  const files = new Map<string, readonly string[]>(note?.files.map(([path, ...ids]) => [path, ids]));
  let last = note?.last === "" ? undefined : note?.last;
  let intended: string | undefined;
  let move = note?.move;
  let unseen = note?.unseen ?? [];
  let written = { last, unseen };
  let writing: Promise<void> = Promise.resolve();

  async function replaceNote(): Promise<void> {
    const next: Note = {
      ...{ v: 1, branch, last: written.last ?? "", files: [...files].map(([path, ids]) => [path, ...ids]) },
      ...(move === undefined ? {} : { move }),
      ...(written.unseen.length === 0 ? {} : { unseen: written.unseen }),
    };
    const temporary = `${notePath}.${process.pid}.tmp`;
    await writeFile(temporary, JSON.stringify(next));
    renameSync(temporary, notePath);
  }

  function write(commit: string | undefined): Promise<void> {
    written = { last: commit, unseen };
    const result = writing.then(replaceNote);
    writing = result.catch(() => undefined);
    return result;
  }

  return {
    last: () => last,
    unseen: () => unseen,
    noteMoved() {
      if (last === undefined || unseen.at(-1) === last) return;
      unseen = [...unseen, last].slice(-UNSEEN_MAX);
    },
    async seenTo(commits) {
      unseen = unseen.filter((commit) => !commits.includes(commit));
      if (written.unseen.some((commit) => commits.includes(commit))) await write(written.last);
    },
    isOurs: (path, id) => files.get(path)?.includes(id) ?? false,
    paths: () => [...files.keys()],
    async intend(commit, written) {
      if (commit === intended) return;
      for (const [path, id] of written) {
        const ids = [id, ...(files.get(path) ?? []).filter((known) => known !== id)];
        files.delete(path);
        files.set(path, ids.slice(0, VERSIONS_MAX));
      }
      for (const path of files.keys()) {
        if (files.size <= Math.max(FILES_MAX, written.size)) break;
        files.delete(path);
      }
      await write(commit);
      intended = commit;
    },
    settle(commit) {
      last = commit;
    },
    unfinishedMove: () => move,
    async intendMove(commit) {
      if (move === commit) return;
      move = commit;
      await write(last);
    },
  };
}

/** A note that cannot be read (none yet, another branch, damaged by a power failure) is no note: everything is then foreign. */
function readNote(path: string, branch: string): Note | undefined {
  try {
    const note: Note = JSON.parse(readFileSync(path, "utf8"));
    const isWhole = Array.isArray(note.files) && (note.unseen ?? []).every((commit) => typeof commit === "string");
    return note.v === 1 && note.branch === branch && isWhole ? note : undefined;
  } catch {
    return undefined;
  }
}
