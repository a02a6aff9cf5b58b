import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CoordinatorError } from "../../../base/errors.ts";
import { faultPoint } from "../../../base/fault-point.ts";
import type { Log, Surroundings } from "../../../base/surroundings.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import type { LinkedWorktrees } from "../../../git/worktrees/linked-worktrees.ts";
import { commitAt, ignoredEntries, mergeBase, moveRef, refAt, textAt } from "../../../git/worktrees/session-branch.ts";
import { checkoutsOf, describeMove, INITIALIZING, OWN_LOCK } from "../../../git/worktrees/worktree-list.ts";
import type { WorktreeRecord, WorktreeRecords } from "../../../store/worktrees/worktree-records.ts";
import { SESSION_BRANCH_PREFIX, type WorkplaceLease, worktreeSlug } from "../../../task/workplace/workplace-lease.ts";
import { settleRemoval } from "./settle-removal.ts";
import { freeSlot, settingsOfBase, slotVariables, treesDirOf, type WorktreeSettings } from "./worktree-settings.ts";
import { copyInto, type WorktreeSetup } from "./worktree-setup.ts";

/** There is no room for one more worktree: until something else gives some up. */
export class NoRoomError extends CoordinatorError {
  override readonly name: string = "NoRoomError";
  constructor(message: string) {
    super("TRY_AGAIN", message);
  }
}

/** The lease of a worktree. */
export type WorktreeLease = WorkplaceLease & { readonly kind: "worktree" };

export interface SessionWorktreesDeps {
  /** The checkout of the code. */
  readonly code: KnownRepository;
  /** Tells workspaces of one repository apart: two may have sessions of the same name. `undefined` for the one in the main checkout. */
  readonly home?: string | undefined;
  readonly trees: LinkedWorktrees;
  readonly records: WorktreeRecords;
  readonly setup: WorktreeSetup;
  readonly settings: () => WorktreeSettings;
  /** Makes room for one more worktree; says why there is none, or `undefined`. */
  readonly makeRoom: () => Promise<string | undefined>;
  /** Holds the indexes by which worktrees are snapshotted; absolute. */
  readonly indexesDir: string;
  readonly surroundings: Pick<Surroundings, "now">;
  readonly log: Log;
}

/** The worktrees of sessions: a branch is a session's work, and its worktree a cache of it that is made when a run needs it. */
export interface SessionWorktrees {
  /**
   * Returns the worktree of a session, made and set up where it is not there: every step is on record before it is taken, and a
   * coordinator that starts goes on from there.
   *
   * @throws CoordinatorError `TASK_FILE` where it cannot be made, or its setup failed; `TRY_AGAIN` where it is not wanted any more, or
   * there is no room; GitError
   */
  open(session: string, isWanted: () => boolean): Promise<WorktreeRecord>;
  /** The session has a worktree, or a branch that one was parked for. */
  isKnown(session: string): boolean;
  /** Says where somebody has moved its folder by git, and how it comes back; `undefined` where nobody has. */
  moved(record: WorktreeRecord): string | undefined;
  /** Runs `work` while nothing else happens to the worktree of this name. */
  alone<Result>(slug: string, work: () => Promise<Result>): Promise<Result>;
  /** Something is done with it just now: who has to be alone with it would wait. */
  isBusy(slug: string): boolean;
  /** The worktree of a record as a repository to run git in; `undefined` where it is not there, or not whole. */
  repository(record: Pick<WorktreeRecord, "dir">): KnownRepository | undefined;
  /** The worktrees that runs may work in; the same list until that changes. */
  known(): readonly KnownRepository[];
  /** Brings its branch back where somebody has deleted it; returns its tip. @throws GitError */
  tip(record: WorktreeRecord): Promise<string>;
  /** Notes a change of a record, durably. */
  save(record: WorktreeRecord): Promise<WorktreeRecord>;
  /** Forgets a worktree whose folder is gone, with what is kept of it. */
  drop(record: WorktreeRecord): Promise<void>;
  /** Absolute path of the index by which it is snapshotted. */
  indexPath(slug: string): string;
}

const SETTINGS_BYTES_MAX = 256 * 1024;
/** The time that a file gets is that of the kernel's last tick. */
const FILE_CLOCK_MS = 12;
/** Of what its setup left, so many entries are remembered. */
const SET_UP_MAX = 1_000;

export function createSessionWorktrees(deps: SessionWorktreesDeps): SessionWorktrees {
  const { code, trees, records, setup, log } = deps;
  const { now } = deps.surroundings;
  const turns = new Map<string, Promise<unknown>>();
  let known: readonly KnownRepository[] | undefined;
  let making: Promise<unknown> = Promise.resolve();
  /** What git notes of a worktree: whose it is, also where the record of it is lost. */
  const reasonOf = (session: string): string =>
    [OWN_LOCK, deps.home ?? "", session].filter((word) => word !== "").join(" ");

  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = making.then(work);
    making = result.catch(() => undefined);
    return result;
  };

  const save = async (record: WorktreeRecord): Promise<WorktreeRecord> => {
    known = undefined;
    await records.save(record);
    return record;
  };
  const step = (record: WorktreeRecord, state: WorktreeRecord["state"]): Promise<WorktreeRecord> =>
    save({ ...record, state, atMs: now() });

  const alone = <Result>(slug: string, work: () => Promise<Result>): Promise<Result> => {
    const result = (turns.get(slug) ?? Promise.resolve()).then(work);
    const over = result.then(
      () => undefined,
      () => undefined,
    );
    turns.set(slug, over);
    void over.then(() => {
      if (turns.get(slug) === over) turns.delete(slug);
    });
    return result;
  };

  /** Tells whether a record was lost: its worktree is there, as it was made. @throws CoordinatorError where something else is there */
  const isLeft = (session: string, dir: string): boolean => {
    const known = trees.list().find(({ topDir }) => topDir === dir);
    if (known === undefined && existsSync(dir))
      throw new CoordinatorError("TASK_FILE", `cannot make a worktree: ${dir} is there already; move it away`);
    if (known === undefined || known.lock === INITIALIZING || known.lock === "") return false;
    if (known.lock === reasonOf(session)) return trees.find(dir) !== undefined;
    const message = `cannot make a worktree: ${dir} is one already that was made by somebody else`;
    throw new CoordinatorError("TASK_FILE", `${message}; remove it with git worktree remove -f -f, or move it away`);
  };

  const begin = async (session: string, slug: string): Promise<WorktreeRecord> => {
    const branch = SESSION_BRANCH_PREFIX + slug;
    const tip = await refAt(code, `refs/heads/${branch}`);
    const head = await commitAt(code, "HEAD");
    if (head === undefined)
      throw new CoordinatorError("TASK_FILE", `${code.topDir} has no commit yet that a worktree could begin from`);
    // A branch that is there is an earlier coordinator's: its work goes on.
    const base = tip === undefined ? head : ((await mergeBase(code, tip, head)) ?? tip);
    const slot = freeSlot(records.list().flatMap((record) => (record.state === "parked" ? [] : [record.slot])));
    const dir = join(treesDirOf(code.topDir, deps.settings()), slug);
    const state = isLeft(session, dir) ? "ready" : "wanted"; // What git ignores there may be an agent's: no setup is repeated.
    return save({
      ...{ slug, session, branch, base, head: tip ?? base, dir, slot, state, atMs: now(), usedAtMs: now() },
      ...{ pinned: [], changed: [], locks: [], setUp: [], openingMs: 0 },
    });
  };

  const tip = async (record: WorktreeRecord): Promise<string> => {
    const ref = `refs/heads/${record.branch}`;
    const found = await refAt(code, ref);
    if (found !== undefined) return found;
    log("worktree-branch-back", { session: record.session, branch: record.branch, commit: record.head });
    await moveRef(code, ref, record.head, undefined);
    return (await refAt(code, ref)) ?? record.head;
  };

  const make = async (record: WorktreeRecord): Promise<WorktreeRecord> => {
    const wasBegun = record.state === "wanted";
    const taken = records
      .list()
      .flatMap((one) => (one.slug === record.slug || one.state === "parked" ? [] : [one.slot]));
    const slot = taken.includes(record.slot) ? freeSlot(taken) : record.slot;
    const wanted = wasBegun ? record : await step({ ...record, slot }, "wanted");
    faultPoint("worktree:wanted");
    await trees.clear(wanted.dir);
    return inTurn(() => makeNow(wanted));
  };

  /** One after the other: whether there is room is told by what is there. */
  const makeNow = async (wanted: WorktreeRecord): Promise<WorktreeRecord> => {
    const full = await deps.makeRoom();
    if (full !== undefined) throw new NoRoomError(full);
    const { sparse } = deps.settings();
    const branch = `refs/heads/${wanted.branch}`;
    await rm(join(deps.indexesDir, wanted.slug), { recursive: true, force: true });
    const beganMs = now();
    await trees.add({ dir: wanted.dir, branch, base: wanted.head, reason: reasonOf(wanted.session), sparse });
    faultPoint("worktree:made");
    log("worktree-made", { session: wanted.session, worktree: wanted.dir, branch: wanted.branch });
    const openingMs = Math.max(0, now() - beganMs);
    return step({ ...wanted, openingMs, setUp: [], pinned: [], merging: undefined }, "made");
  };

  const setUp = async (record: WorktreeRecord, isWanted: () => boolean): Promise<WorktreeRecord> => {
    const { slug, session, dir } = record;
    const beganMs = now();
    const text = await textAt(code, record.base, "codex-inbox.json", SETTINGS_BYTES_MAX);
    const { setup: command, copy, setupTimeoutMs } = settingsOfBase(deps.settings(), text);
    await copyInto(code.topDir, dir, copy);
    const variables = slotVariables(leaseOfRecord(record));
    if (command !== undefined && command.trim() !== "")
      await setup.run({ slug, session, dir, command, timeoutMs: setupTimeoutMs, variables, isWanted });
    faultPoint("worktree:set-up");
    const [repository, doneAtMs] = [trees.find(dir), now()];
    const left = repository === undefined ? [] : await ignoredEntries(repository);
    const openingMs = record.openingMs + Math.max(0, doneAtMs - beganMs);
    // What an agent changes of that is told by its time, and the clock of files is behind ours.
    if (left.length > 0) await delay(FILE_CLOCK_MS);
    return save({ ...record, openingMs, setUp: left.slice(0, SET_UP_MAX), state: "ready", atMs: doneAtMs });
  };

  /** Where nothing was done yet, what it began from may be old, or even why its setup failed: it begins anew. */
  const settled = async (slug: string): Promise<WorktreeRecord | undefined> => {
    const record = records.get(slug);
    if (record === undefined || record.state === "ready" || record.state === "removing") return record;
    const { base, head, branch, dir } = record;
    if (head !== base || (await commitAt(code, "HEAD")) === base) return record;
    // Somebody else may have its branch checked out.
    const checkouts = checkoutsOf(code.commonDir, `refs/heads/${branch}`);
    const own = trees.list().flatMap(({ topDir, gitDir }) => (topDir === undefined || topDir === dir ? [gitDir] : []));
    if (checkouts.some((gitDir) => !own.includes(gitDir))) return record;
    if (!(await moveRef(code, `refs/heads/${branch}`, undefined, base))) return record;
    await trees.clear(dir);
    await records.remove(slug);
    return undefined;
  };

  const moved = (record: WorktreeRecord): string | undefined => describeMove(code, record);

  const openNow = async (session: string, slug: string, isWanted: () => boolean): Promise<WorktreeRecord> => {
    let record = (await settled(slug)) ?? (await begin(session, slug));
    if (record.state === "removing") {
      await settleRemoval(slug, { trees, worktrees: { save }, records });
      record = records.get(slug) ?? record;
    }
    if ((record.state === "ready" || record.state === "made") && trees.find(record.dir) === undefined) {
      if (existsSync(record.dir)) throw notItself(record);
      const why = moved(record);
      if (why !== undefined) throw new CoordinatorError("TASK_FILE", why);
      log("worktree-gone", { session, worktree: record.dir });
      record = await step(record, "parked");
    }
    if (record.state !== "wanted") await tip(record);
    if (record.state === "wanted" || record.state === "parked") record = await make(record);
    if (record.state === "made") record = await setUp(record, isWanted);
    const at = trees.list().find(({ topDir }) => topDir === record.dir)?.branch;
    if (at !== `refs/heads/${record.branch}`) throw elsewhere(record, at);
    return record;
  };

  return {
    open(session, isWanted) {
      const slug = slugOf(session, deps.home);
      return alone(slug, () => openNow(session, slug, isWanted));
    },
    alone,
    isBusy: (slug) => turns.has(slug),
    isKnown: (session) => records.find(session) !== undefined,
    moved,
    repository: ({ dir }) => trees.find(dir),
    known() {
      known ??= records
        .list()
        .filter(({ state }) => state === "made" || state === "ready")
        .flatMap((record) => trees.find(record.dir) ?? []);
      return known;
    },
    tip,
    save,
    async drop(record) {
      known = undefined;
      await rm(join(deps.indexesDir, record.slug), { recursive: true, force: true });
      await records.remove(record.slug);
    },
    indexPath: (slug) => join(deps.indexesDir, slug, "index"),
  };
}

/**
 * Returns the name of a session's worktree.
 *
 * @param home as `SessionWorktreesDeps` has it
 * @public Tests look for worktrees by it.
 */
export function slugOf(session: string, home?: string): string {
  const key = home === undefined ? session : `${home}\0${session}`;
  return worktreeSlug(session, createHash("sha256").update(key).digest("hex"));
}

/** Returns the lease of a run that works in the worktree of a record. */
export function leaseOfRecord({ slug, branch, dir, base, slot }: WorktreeRecord): WorktreeLease {
  return { kind: "worktree", slug, branch, dir, base, slot };
}

function notItself({ dir, session }: WorktreeRecord): CoordinatorError {
  const message = `${dir} is there, and git does not know it as the worktree of the session ${session}`;
  return new CoordinatorError(
    "TASK_FILE",
    `${message}: "codex-inbox worktree repair ${session}" tells git, or move it away`,
  );
}

function elsewhere({ dir, branch }: WorktreeRecord, at: string | undefined): CoordinatorError {
  const is = at === undefined ? "no branch" : at.replace("refs/heads/", "");
  return new CoordinatorError("TASK_FILE", `the worktree ${dir} is on ${is}: switch it back to ${branch}`);
}
