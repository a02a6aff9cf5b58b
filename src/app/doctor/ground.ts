import { existsSync } from "node:fs";
import { type LockHolder, lastHolder } from "../../base/process/process-lock.ts";
import { type BranchReader, createBranchReader } from "../../git/commit/branch-reader.ts";
import { createRefs } from "../../git/repository/refs.ts";
import { openRepository, type Repository } from "../../git/repository/repository.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { type BranchLedger, createBranchLedger } from "../../store/branch/branch-ledger.ts";
import { knownCloneId } from "../../store/clone/clone-id.ts";
import { readTaskJournal } from "../../store/journal/journal-reader.ts";
import { type StatePaths, statePaths } from "../../store/state-paths.ts";
import { readServer } from "../queries/server-record.ts";
import { createRepairs, type Repairs } from "./set-aside.ts";

/** Where the checks look. What takes a process of git is asked for once, with the first check that needs it. */
export interface Ground {
  readonly place: WorkspacePlace;
  readonly paths: StatePaths;
  readonly environment: NodeJS.ProcessEnv;
  /** Everything is read, and not only what is open and recent. */
  readonly all: boolean;
  /** Unix ms. */
  readonly now: () => number;
  /** A coordinator is at work: what it is about to do is no finding. */
  readonly isServed: boolean;
  /** Who took the lock last and has not given it back, alive or not, before the doctor itself took it. */
  readonly lastHolder: LockHolder | undefined;
  /** Full name of the branch that is served, or would be. */
  readonly branch: string | undefined;
  /** The id of this clone; `undefined` where none was drawn yet, and in a copy. */
  readonly clone: string | undefined;
  readonly repairs: Repairs;
  /** Ids of tasks whose journals are there, as of now. */
  journalIds(): ReadonlySet<string>;
  /** @throws CoordinatorError `CONFIG`; CannotLook on no branch */
  repository(): Promise<Repository>;
  /**
   * The branch as it was when it was first asked for: beside a coordinator all checks look at one moment.
   *
   * @throws CannotLook where it has no commit, or the repository cannot be read
   */
  tip(): Promise<BranchTip>;
  close(): void;
}

export interface BranchTip extends Omit<BranchReader, "close"> {
  readonly commit: string;
  readonly ledger: BranchLedger;
}

/** Days of closed ledgers that are kept in memory: the files of a session belong to few, those of all sessions to all. */
const LEDGER_DAYS_MAX = 64;

export interface GroundOptions {
  readonly place: WorkspacePlace;
  readonly environment: NodeJS.ProcessEnv;
  readonly all: boolean;
  readonly now: () => number;
  readonly isServed: boolean;
  readonly lastHolder: LockHolder | undefined;
}

export function openGround({ place, ...options }: GroundOptions): Ground {
  const paths = statePaths(place.stateDir);
  const branch = readServer(paths.server)?.branch ?? place.branch;
  let repository: Promise<Repository> | undefined;
  let tip: Promise<BranchTip> | undefined;
  let reader: BranchReader | undefined;

  const openTip = async (): Promise<BranchTip> => {
    const commit = await ground
      .repository()
      .then((found) => createRefs(found).tip())
      .catch(() => {
        throw new CannotLook('the branch cannot be read: see "repository"');
      });
    if (commit === undefined) throw new CannotLook("the branch has no commit");
    reader = createBranchReader(place, commit);
    return { ...reader, commit, ledger: createBranchLedger(reader, LEDGER_DAYS_MAX) };
  };

  const ground: Ground = {
    ...options,
    ...{ place, paths, branch },
    get clone() {
      try {
        return knownCloneId(paths.clone);
      } catch {
        return undefined; // The check of the small files says why.
      }
    },
    repairs: createRepairs(paths, options.now()),
    journalIds() {
      const journal = readTaskJournal(paths.journal);
      return new Set([...journal.openIds(), ...journal.doneIds()]);
    },
    repository() {
      if (branch === undefined) throw new CannotLook("HEAD names no branch");
      repository ??= openRepository(place, place.workspaceDir, branch);
      return repository;
    },
    tip() {
      tip ??= openTip();
      return tip;
    },
    close: () => reader?.close(),
  };
  return ground;
}

/** Returns who took the lock of the workspace last and has not given it back, alive or not. */
export function lastHolderOf({ root }: StatePaths): LockHolder | undefined {
  return existsSync(root) ? lastHolder(root, "lock") : undefined;
}

/** Ends a check that has nothing to look at; not a finding of its own. */
export class CannotLook extends Error {
  override readonly name = "CannotLook";
}
