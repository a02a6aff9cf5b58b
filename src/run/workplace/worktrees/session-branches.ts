import type { Log } from "../../../base/surroundings.ts";
import type { Merger } from "../../../git/merge/merger.ts";
import { countApart, readUnlanded } from "../../../git/merge/unlanded-branches.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import type { WorktreeRecord, WorktreeRecords } from "../../../store/worktrees/worktree-records.ts";
import type { HeldLock } from "../../../task/schedule/session-turns.ts";

/** Work of a session that the checkout's branch does not hold. */
export interface SessionBranch {
  readonly session: string;
  readonly slug: string;
  /** Without `refs/heads/`. */
  readonly branch: string;
  readonly tip: string;
  /** When its newest commit was made, Unix ms. */
  readonly atMs: number;
  /** Commits that what is checked out does not have, and that it has besides. */
  readonly ahead: number;
  readonly behind: number;
  /** Paths that do not go together with what is checked out. */
  readonly conflicts: readonly string[];
  /** The same with the work of other sessions. */
  readonly overlaps: readonly Overlap[];
}

export interface Overlap {
  readonly session: string;
  readonly paths: readonly string[];
}

export interface SessionBranchesDeps {
  readonly code: KnownRepository;
  readonly records: Pick<WorktreeRecords, "list">;
  readonly merger: Pick<Merger, "mergeAll">;
  /** What keeps git from running filters in a listing. */
  readonly environment: () => Promise<Readonly<Record<string, string>>>;
  readonly log: Log;
}

/** The branches of sessions that are not landed, and what stands between them. What is asked is answered from memory, as of the last look. */
export interface SessionBranches {
  /** Looks again: two processes where nothing has changed, one more where something has. Never rejects. */
  refresh(): Promise<readonly SessionBranch[]>;
  all(): readonly SessionBranch[];
  hasBranch(session: string): boolean;
  locks(): readonly HeldLock[];
  changedBeside(session: string): readonly string[];
  openingMs(): number;
  /** The checkout has changes that are not committed. */
  isDirty(): boolean;
  /** No session has a worktree, or a branch that is known. */
  readonly isEmpty: boolean;
}

/** All pairs of these are tried: 780 at most, which takes about a second. The newest count. */
const BRANCHES_MAX = 39;
const PATHS_MAX = 20;

export function createSessionBranches(deps: SessionBranchesDeps): SessionBranches {
  const { code, records, merger, log } = deps;
  let branches: readonly SessionBranch[] = [];
  let locks: readonly HeldLock[] = [];
  let seen = "";
  let isDirty = false;
  let openingMs = 0;
  let looking: Promise<readonly SessionBranch[]> | undefined;
  let isStale = false;

  const look = async (): Promise<void> => {
    const known = new Map(records.list().map((record) => [record.branch, record]));
    const {
      head,
      isDirty: isDirtyNow,
      branches: found,
    } = await readUnlanded(code, await deps.environment(), known.size > 0);
    isDirty = isDirtyNow;
    const open = found.flatMap((branch): readonly SessionBranch[] => {
      const record = known.get(branch.branch); // A branch of nobody's session is the user's.
      return record === undefined ? [] : [{ session: record.session, slug: record.slug, ...branch, ...UNKNOWN }];
    });
    const state = JSON.stringify([head, open.map(({ branch, tip }) => [branch, tip])]);
    if (state !== seen) {
      branches = await judge(head, open);
      seen = state;
    }
    const held = branches.flatMap(({ session, branch }) =>
      (known.get(branch)?.locks ?? []).map((path): HeldLock => ({ session, path })),
    );
    if (JSON.stringify(held) !== JSON.stringify(locks)) locks = held;
  };

  const judge = async (head: string, open: readonly SessionBranch[]): Promise<readonly SessionBranch[]> => {
    const tried = open.slice(0, BRANCHES_MAX);
    const pairs = tried.flatMap((one, at) => tried.slice(at + 1).map((other) => [one, other] as const));
    const merges = await merger.mergeAll(head, [
      ...tried.map(({ tip }) => [head, tip] as const),
      ...pairs.map(([one, other]) => [one.tip, other.tip] as const),
    ]);
    const conflictsAt = (at: number): readonly string[] => merges[at]?.conflicts.slice(0, PATHS_MAX) ?? [];
    const overlaps = new Map<SessionBranch, Overlap[]>(tried.map((branch) => [branch, []]));
    for (const [at, [one, other]] of pairs.entries()) {
      const paths = conflictsAt(tried.length + at);
      if (paths.length === 0) continue;
      overlaps.get(one)?.push({ session: other.session, paths });
      overlaps.get(other)?.push({ session: one.session, paths });
    }
    const judged: SessionBranch[] = [];
    for (const [at, branch] of open.entries()) {
      const isTried = at < tried.length;
      const apart = isTried ? await countApart(code, head, branch.tip) : { ahead: 0, behind: 0 };
      const conflicts = isTried ? conflictsAt(at) : [];
      judged.push({ ...branch, ...apart, conflicts, overlaps: overlaps.get(branch) ?? [] });
    }
    return judged;
  };

  const lookQuietly = async (): Promise<readonly SessionBranch[]> => {
    do {
      isStale = false;
      try {
        await look();
      } catch (error) {
        log("session-branches-unknown", { reason: String(error) }); // What was seen last stands.
      }
    } while (isStale);
    return branches;
  };

  const ofOthers = (session: string): readonly WorktreeRecord[] => {
    const unlandedBranches = new Set(branches.map(({ branch }) => branch));
    return records.list().filter((record) => record.session !== session && unlandedBranches.has(record.branch));
  };

  return {
    refresh() {
      isStale = true; // What is being looked at may have been read before the change that this is asked for.
      looking ??= lookQuietly().finally(() => {
        looking = undefined;
      });
      return looking;
    },
    all: () => branches,
    hasBranch: (session) => branches.some((branch) => branch.session === session),
    locks: () => locks,
    changedBeside: (session) => ofOthers(session).flatMap(({ changed }) => changed),
    isDirty: () => isDirty,
    get isEmpty() {
      return records.list().length === 0;
    },
    openingMs() {
      const known = records.list().reduce((most, record) => Math.max(most, record.openingMs), 0);
      if (known > 0) openingMs = known; // What is landed is forgotten, and how long it took is not.
      return openingMs;
    },
  };
}

const UNKNOWN = { ahead: 0, behind: 0, conflicts: [], overlaps: [] } as const;
