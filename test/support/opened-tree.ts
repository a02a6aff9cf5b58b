import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ConfiguredPrograms } from "../../src/git/repository/configured-programs.ts";
import { leaseOfRecord } from "../../src/run/workplace/worktrees/session-worktrees.ts";
import type { WorktreeChange } from "../../src/run/workplace/worktrees/worktree-change.ts";
import type { WorktreeRecord } from "../../src/store/worktrees/worktree-records.ts";
import type { GitRepo } from "./git-repo.ts";
import { openSessionTrees, type SessionTrees } from "./session-trees.ts";
import { tempRepo } from "./temp-repo.ts";

/** A repository in which the session "docs" has a worktree. */
export interface OpenedTree {
  readonly repo: GitRepo;
  readonly sessions: SessionTrees;
  readonly record: WorktreeRecord;
  /** Writes a file of the worktree. */
  write(path: string, text: string | Uint8Array): void;
  /** Git, in the worktree. */
  git(...args: readonly string[]): string;
  /** Commits what run `number` has left. */
  commit(number?: number): Promise<WorktreeChange | undefined>;
  park(): Promise<string | undefined>;
  open(): Promise<WorktreeRecord>;
}

/**
 * @param prepare makes the repository what it is to be before
 * @param programs what git may run there
 */
export async function openedTree(
  prepare: (repo: GitRepo, sessions: SessionTrees) => void = () => undefined,
  programs?: Pick<ConfiguredPrograms, "forListing">,
): Promise<OpenedTree> {
  const repo = tempRepo();
  const sessions = openSessionTrees(repo.dir, undefined, programs);
  prepare(repo, sessions);
  const open = (): Promise<WorktreeRecord> => sessions.worktrees.open("docs", () => true);
  const record = await open();
  const turn = { session: "docs", title: "Make it", task: "20261120-141530-k3f9x2", thread: undefined };
  return {
    ...{ repo, sessions, record, open },
    write(path, text) {
      mkdirSync(dirname(join(record.dir, path)), { recursive: true });
      writeFileSync(join(record.dir, path), text);
    },
    git: (...args) => repo.git("-C", record.dir, ...args),
    commit: (run = 1) =>
      sessions.snapshots.after(leaseOfRecord(record), { ...turn, run }, Date.parse("2026-11-20T14:15:30Z")),
    park: () => sessions.removal.park(record.slug, () => !sessions.busy.has("docs")),
  };
}
