import { existsSync, renameSync } from "node:fs";
import { faultPoint } from "../../../base/fault-point.ts";
import type { Log, Surroundings } from "../../../base/surroundings.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import { processUsing } from "../../../git/worktrees/git-in-folder.ts";
import { type LinkedWorktrees, trashBeside } from "../../../git/worktrees/linked-worktrees.ts";
import { nestedObstacle } from "../../../git/worktrees/nested-repositories.ts";
import {
  changedBelow,
  commitFiles,
  hasStash,
  ignoredEntries,
  ignoredFiles,
  keepSalvage,
  readName,
  statOfName,
  submodulesInUse,
} from "../../../git/worktrees/session-branch.ts";
import { describeOperation } from "../../../git/worktrees/worktree-list.ts";
import type { WorktreeRecord, WorktreeRecords } from "../../../store/worktrees/worktree-records.ts";
import type { SessionSnapshots } from "./session-snapshots.ts";
import type { SessionWorktrees } from "./session-worktrees.ts";
import { settleRemoval } from "./settle-removal.ts";
import { keepStaged } from "./staged-content.ts";

export interface WorktreeRemovalDeps {
  readonly code: KnownRepository;
  readonly trees: LinkedWorktrees;
  readonly worktrees: SessionWorktrees;
  readonly records: Pick<WorktreeRecords, "get">;
  readonly snapshots: SessionSnapshots;
  /** Paths from the top that are the coordinator's own. */
  readonly ours: readonly string[];
  readonly committer: () => Promise<string>;
  readonly environment: (repository: KnownRepository) => Promise<Readonly<Record<string, string>>>;
  readonly surroundings: Pick<Surroundings, "now">;
  readonly log: Log;
}

/** Removes worktrees whose branch holds all of them; it never removes what is nowhere else. */
export interface WorktreeRemoval {
  /**
   * Removes a worktree; its branch stays, and the next task of its session makes it again. Returns why it stays, or `undefined`.
   *
   * @param isIdle tells whether nothing of its session is open; asked again at each step
   */
  park(slug: string, isIdle: () => boolean): Promise<string | undefined>;
  /** Finishes, or takes back, a removal that a kill has cut off. */
  settle(slug: string): Promise<void>;
}

/** What git ignores is kept on a ref before it goes, up to this. */
const SALVAGE_BYTES_MAX = 50 * 1024 * 1024;
const SALVAGE_FILES_MAX = 5_000;
const NAMED_MAX = 3;

export function createWorktreeRemoval(deps: WorktreeRemovalDeps): WorktreeRemoval {
  const { code, trees, worktrees, records, snapshots, log } = deps;

  /** Returns why nothing may be removed, as far as can be told without a change. */
  const obstacle = async (record: WorktreeRecord, worktree: KnownRepository): Promise<string | undefined> => {
    const pid = await processUsing(record.dir);
    if (pid !== undefined) return `process ${pid} works in it`;
    const operation = describeOperation(worktree.gitDir);
    if (operation !== undefined) return operation;
    // Commits that no branch holds go with it, and what lies there is not its branch's.
    const at = trees.list().find(({ topDir }) => topDir === record.dir)?.branch;
    if (at !== `refs/heads/${record.branch}`) return `it is on ${at?.replace("refs/heads/", "") ?? "no branch"}`;
    if (await hasStash(code, record.branch)) return `a stash was made on ${record.branch}`;
    const [module] = await submodulesInUse(worktree);
    return module === undefined ? undefined : `its submodule ${module} is checked out, or holds files`;
  };

  /** What no snapshot takes and no setup has made: neither a commit nor the next setup brings it back. */
  const strangers = async (record: WorktreeRecord, worktree: KnownRepository): Promise<readonly string[]> => {
    const made = new Set(record.setUp);
    return (await ignoredEntries(worktree)).filter((entry) => {
      if (!made.has(entry)) return true;
      const changedMs = statOfName(worktree, entry)?.ctimeMs ?? 0;
      return !entry.endsWith("/") && changedMs > record.atMs;
    });
  };

  const salvage = async (
    record: WorktreeRecord,
    worktree: KnownRepository,
    entries: readonly string[],
  ): Promise<string | undefined> => {
    const odd = entries.map(readName).find(({ isUtf8 }) => !isUtf8);
    if (odd !== undefined) return `the name of ${odd.text}, which git ignores, is not UTF-8`;
    const files = entries.length > SALVAGE_FILES_MAX ? entries : await ignoredFiles(worktree, entries);
    const bytes = files.reduce((sum, path) => sum + (statOfName(worktree, path)?.size ?? 0), 0);
    const nested = files.length > SALVAGE_FILES_MAX ? undefined : files.find((path) => path.endsWith("/"));
    if (nested !== undefined) return `${readName(nested).text} is a repository of its own that git ignores`;
    if (bytes > SALVAGE_BYTES_MAX || files.length > SALVAGE_FILES_MAX)
      return `it holds ${files.length} ignored files (${bytes} bytes) that no setup has made: ${named(entries.map((entry) => readName(entry).text))}`;
    if (files.length === 0) return undefined;
    const parent = await worktrees.tip(record);
    const indexPath = `${worktrees.indexPath(record.slug)}-salvage`;
    const message = `${record.session}: ignored files of its worktree\n\nSession-Key: ${record.session}\n`;
    const common = { parent, message, indexPath, environment: await deps.environment(worktree) };
    const identity = await deps.committer();
    const commit = await commitFiles(worktree, files, { ...common, identity, atMs: deps.surroundings.now() });
    const ref = await keepSalvage(code, record.slug, commit);
    log("worktree-salvaged", { session: record.session, ref, files: files.length });
    return undefined;
  };

  /** Returns why what lies there is not wholly on the branch; what somebody has edited is committed first. */
  const uncommitted = async (record: WorktreeRecord, worktree: KnownRepository): Promise<string | undefined> => {
    const { leftOut, held, problem } = await snapshots.outside(record, worktree);
    if (problem !== undefined) return problem;
    if (held !== undefined) return `what looks like a secret is not on its branch: ${named(held.paths)}`;
    // Files below our own paths (a task file that an agent left in inbox/) are part of no snapshot.
    const ours = await changedBelow(worktree, deps.ours, await deps.environment(worktree));
    const paths = [...leftOut.map(({ path }) => path), ...ours];
    return paths.length === 0 ? nestedObstacle(worktree, record.setUp) : `in no commit: ${named(paths)}`;
  };

  const parkNow = async (slug: string, isIdle: () => boolean): Promise<string | undefined> => {
    const record = records.get(slug);
    if (record === undefined || record.state === "parked") return undefined;
    if (!isIdle()) return "it is in use";
    if (record.state !== "ready") return `it is not ready (${record.state})`;
    const worktree = worktrees.repository(record);
    if (worktree === undefined) {
      if (existsSync(record.dir)) return `git does not know ${record.dir}`;
      const moved = worktrees.moved(record);
      if (moved !== undefined) return moved;
      await trees.forget(record.dir);
      await worktrees.save({ ...record, state: "parked", atMs: deps.surroundings.now() });
      return undefined;
    }
    const why = (await obstacle(record, worktree)) ?? (await uncommitted(record, worktree));
    if (why !== undefined) return why;
    const atMs = deps.surroundings.now();
    await keepStaged(deps, record, worktree, { parent: await worktrees.tip(record), atMs });
    const kept = await salvage(record, worktree, await strangers(record, worktree));
    if (kept !== undefined) return kept;
    if (!isIdle()) return "it is in use";
    return remove(records.get(slug) ?? record, worktree);
  };

  const remove = async (record: WorktreeRecord, worktree: KnownRepository): Promise<string | undefined> => {
    await worktrees.save({ ...record, state: "removing" });
    const aside = trashBeside(record.dir);
    renameSync(record.dir, aside);
    faultPoint("worktree:trashed");
    // Once more, where no run comes any longer: a process that was there may have written meanwhile.
    const moved = { ...worktree, topDir: aside };
    const pid = await processUsing(aside);
    const why = pid === undefined ? await uncommitted(record, moved) : `process ${pid} works in it`;
    if (why !== undefined) {
      renameSync(aside, record.dir);
      await worktrees.save({ ...(records.get(record.slug) ?? record), state: "ready" });
      return why;
    }
    await trees.forget(record.dir);
    faultPoint("worktree:forgotten");
    const after = records.get(record.slug) ?? record;
    await worktrees.save({ ...after, state: "parked", atMs: deps.surroundings.now() });
    log("worktree-parked", { session: record.session, worktree: record.dir, branch: record.branch });
    return undefined;
  };

  return {
    park: (slug, isIdle) => worktrees.alone(slug, () => parkNow(slug, isIdle)),
    settle: (slug) => worktrees.alone(slug, () => settleRemoval(slug, deps)),
  };
}

function named(paths: readonly string[]): string {
  const more = paths.length > NAMED_MAX ? ` and ${paths.length - NAMED_MAX} more` : "";
  return paths.slice(0, NAMED_MAX).join(", ") + more;
}
