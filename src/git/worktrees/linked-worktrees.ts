import { existsSync, lstatSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import { makeFolder } from "../../base/files/make-folder.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { endGitIn } from "./git-in-folder.ts";
import {
  checkoutsOf,
  findLinkedWorktree,
  INITIALIZING,
  type LinkedWorktree,
  listLinkedWorktrees,
} from "./worktree-list.ts";

/** A linked worktree to be made. */
export interface WorktreePlan {
  /** Absolute; nothing may be there. Its last part is a name that no other worktree has. */
  readonly dir: string;
  /** Full name: "refs/heads/codex-inbox/docs-9f31c2". Made from `base` where it is not there. */
  readonly branch: string;
  readonly base: string;
  /** Why it is locked: git prunes an unlocked worktree whose folder was moved. */
  readonly reason: string;
  /** Folders that alone are checked out; empty: everything. */
  readonly sparse: readonly string[];
}

export interface LinkedWorktreesOptions {
  /** The repository whose worktrees these are. */
  readonly repository: KnownRepository;
  /** Takes what was removed (absolute; on the file system of the git directory). */
  readonly trashDir: string;
  /** Variables that switch off what the configuration would run on files. */
  readonly environment: () => Promise<Readonly<Record<string, string>>>;
}

/**
 * Makes and removes linked worktrees of one repository. What a kill at any moment leaves behind is cleaned by `clear`, also what no
 * command of git's removes: a git directory without a path.
 */
export interface LinkedWorktrees {
  list(): readonly LinkedWorktree[];
  /** Returns the whole worktree at `dir`, or `undefined`. */
  find(dir: string): KnownRepository | undefined;
  /**
   * Makes a worktree, one after the other. No hook runs, and it is locked.
   *
   * @throws CoordinatorError `TASK_FILE` where its branch is checked out elsewhere, or something lies in the way; GitError
   */
  add(plan: WorktreePlan): Promise<KnownRepository>;
  /** Removes what is left of a worktree that was not made to its end; what lies in its folder is put into the trash beside it. */
  clear(dir: string): Promise<void>;
  /** Forgets the worktree whose folder was at `dir`; the folder itself is not looked at. */
  forget(dir: string): Promise<void>;
  /** Tells git where a worktree lies that was moved, or whose repository was. @throws CoordinatorError `REFUSED` where it cannot be told */
  repair(dir: string): Promise<void>;
}

/** While git users of all kinds make worktrees at the same moment, git may fail; a moment later it does not. */
const TRIES_MAX = 4;
const RACE = /\/commondir: |could not create leading directories|File exists|cannot lock ref/i;
/** A branch is a file, and its name below that of another one would be a folder. */
const IN_THE_WAY = /'(refs\/heads\/[^']+)' exists; cannot create/;
const TAKEN = /is already (checked out|used by worktree) at/;

export function openLinkedWorktrees(options: LinkedWorktreesOptions): LinkedWorktrees {
  const { repository, trashDir } = options;
  const { commonDir } = repository;
  /** Names of worktrees whose folder has gone: where it was moved, git there must not take another one for its own. */
  const vanished = new Set<string>();
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };

  const git = async (place: KnownRepository, args: readonly string[]): Promise<string> => {
    const environment = await options.environment();
    const { status, stderr } = await runGit(place, ["-c", "checkout.workers=0", ...args], { environment });
    return status === 0 ? "" : stderr || `git ${args[0]} ended with ${status}`;
  };

  /**
   * As `git worktree add --no-checkout --lock`, but at once: git makes the folder in pieces, and whoever looks at all worktrees meanwhile
   * fails (`git switch`, `git branch -d`, another `git worktree add`). Returns what is wrong, or nothing.
   */
  const addAtOnce = async ({ dir, branch, base, reason }: WorktreePlan): Promise<string> => {
    const [holder] = checkoutsOf(commonDir, branch);
    if (holder !== undefined) {
      const at = listLinkedWorktrees(commonDir).find(({ gitDir }) => gitDir === holder)?.topDir ?? repository.topDir;
      return `fatal: '${branch.replace(/^refs\/heads\//, "")}' is already checked out at '${at}'`;
    }
    if ((await runGit(repository, ["rev-parse", "--verify", "--quiet", branch])).status !== 0) {
      const problem = await git(repository, ["update-ref", "-m", "codex-inbox", branch, base, ""]);
      if (problem !== "") return problem;
    }
    let name = basename(dir);
    const isTaken = (): boolean => vanished.has(name) || existsSync(join(commonDir, "worktrees", name));
    for (let n = 1; isTaken(); n += 1) name = `${basename(dir)}${n}`; // As git does.
    const draft = join(trashDir, `${name}-${freshName()}`);
    makeFolder(draft);
    const files = { HEAD: `ref: ${branch}`, commondir: "../..", gitdir: join(dir, ".git"), locked: reason };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(draft, file), `${text}\n`);
    const gitDir = join(commonDir, "worktrees", name);
    mkdirSync(dirname(gitDir), { recursive: true });
    renameSync(draft, gitDir);
    faultPoint("worktree:named");
    mkdirSync(dir);
    writeFileSync(join(dir, ".git"), `gitdir: ${gitDir}\n`);
    return "";
  };

  /** With these, git puts more into the folder of a worktree than is known here. */
  const isPlain = (): boolean => !["reftable", "config.worktree"].some((name) => existsSync(join(commonDir, name)));

  const tryAdd = async (plan: WorktreePlan): Promise<string> => {
    const { dir, branch, base, reason, sparse } = plan;
    if (isPlain()) {
      const problem = await addAtOnce(plan);
      const made = problem === "" && sparse.length === 0 ? halfMade(dir) : undefined;
      return made === undefined ? problem : git(made, ["read-tree", "-m", "-u", "HEAD"]);
    }
    const short = branch.replace(/^refs\/heads\//, "");
    const isThere = (await runGit(repository, ["rev-parse", "--verify", "--quiet", branch])).status === 0;
    const what = isThere ? [dir, short] : ["--no-track", "-b", short, dir, base];
    const checkout = sparse.length === 0 ? [] : ["--no-checkout"];
    return git(repository, ["worktree", "add", "--quiet", ...checkout, "--lock", "--reason", reason, ...what]);
  };

  const checkOutSparse = async (place: KnownRepository, sparse: readonly string[]): Promise<string> => {
    const problem = await git(place, ["sparse-checkout", "set", "--cone", "--", ...sparse]);
    return problem === "" ? git(place, ["read-tree", "-m", "-u", "HEAD"]) : problem;
  };

  const addNow = async (plan: WorktreePlan): Promise<KnownRepository> => {
    const { dir, branch, sparse } = plan;
    makeFolder(dirname(dir));
    for (let attempt = 1; ; attempt += 1) {
      if (lstatSync(dir, { throwIfNoEntry: false }) !== undefined)
        throw new CoordinatorError("TASK_FILE", `cannot make a worktree: ${dir} is there already; move it away`);
      let problem = await tryAdd(plan);
      faultPoint("worktree:added");
      const made = problem === "" ? findLinkedWorktree(commonDir, dir) : undefined;
      const empty = sparse.length === 0 ? undefined : halfMade(dir);
      if (problem === "" && empty !== undefined) problem = await checkOutSparse(empty, sparse);
      const whole = made ?? findLinkedWorktree(commonDir, dir);
      if (problem === "" && whole !== undefined) return whole;
      await clearNow(dir);
      if (TAKEN.test(problem)) {
        const said = problem.replace(/^fatal: /, "");
        throw new CoordinatorError("TASK_FILE", `cannot make a worktree: ${said}; switch that one to another branch`);
      }
      const [, inTheWay] = IN_THE_WAY.exec(problem) ?? [];
      if (inTheWay !== undefined) {
        const name = inTheWay.replace("refs/heads/", "");
        const message = `cannot make a worktree: the branch ${name} is in the way of ${branch.replace("refs/heads/", "")}`;
        throw new CoordinatorError("TASK_FILE", `${message}; rename it: git branch -m ${name} <another name>`);
      }
      if (attempt >= TRIES_MAX || (problem !== "" && !RACE.test(problem)))
        throw new GitError(`cannot make a worktree at ${dir}: ${problem || "it is not whole"}`);
    }
  };

  /** A worktree without files has no index yet. */
  const halfMade = (dir: string): KnownRepository | undefined => {
    const found = listLinkedWorktrees(commonDir).find(({ topDir }) => topDir === dir);
    return found === undefined ? undefined : { topDir: dir, gitDir: found.gitDir, commonDir };
  };

  const clearNow = async (dir: string): Promise<void> => {
    await endGitIn(dir);
    if (lstatSync(dir, { throwIfNoEntry: false }) !== undefined) renameSync(dir, trashBeside(dir));
    else for (const { topDir, name } of listLinkedWorktrees(commonDir)) if (topDir === dir) vanished.add(name);
    await forgetNow(dir);
    // Of a branch that was being made: git that was killed leaves its lock behind.
    const lock = join(commonDir, "refs/heads/codex-inbox", `${basename(dir)}.lock`);
    if (existsSync(lock)) await rm(lock, { force: true });
  };

  const forgetNow = async (dir: string): Promise<void> => {
    const left = listLinkedWorktrees(commonDir).filter((one) => one.topDir === dir || isNameless(one, basename(dir)));
    for (const { gitDir, name } of left) {
      mkdirSync(trashDir, { recursive: true, mode: 0o700 });
      const aside = join(trashDir, `${name}-${freshName()}`);
      await rename(gitDir, aside); // At once: half a git directory is one that nobody can remove.
      await rm(aside, { recursive: true, force: true });
    }
  };

  return {
    list: () => listLinkedWorktrees(commonDir),
    find: (dir) => findLinkedWorktree(commonDir, dir),
    add: (plan) => inTurn(() => addNow(plan)),
    clear: (dir) => inTurn(() => clearNow(dir)),
    forget: (dir) => inTurn(() => forgetNow(dir)),
    repair: (dir) =>
      inTurn(async () => {
        const problem = await git(repository, ["worktree", "repair", dir]);
        if (findLinkedWorktree(commonDir, dir) !== undefined) return; // Git finds fault with a .git file that it has just written.
        const what = `git cannot take up the worktree at ${dir} again${problem === "" ? "" : ` (${problem})`}`;
        throw new CoordinatorError(
          "REFUSED",
          `${what}: move that folder away, then another one is made from its branch`,
        );
      }),
  };
}

/** What git that was killed at once leaves of a worktree: a locked folder of a name like this one's, without a path. */
function isNameless({ topDir, name, lock, gitDir }: LinkedWorktree, wanted: string): boolean {
  if (topDir !== undefined || !name.startsWith(wanted) || !/^\d*$/.test(name.slice(wanted.length))) return false;
  return lock === undefined || lock === "" || lock === INITIALIZING || !existsSync(join(gitDir, "HEAD"));
}

let count = 0;

/** Returns a name that was not given before, in the order of time. */
function freshName(): string {
  count += 1;
  return `${Date.now().toString(36)}-${process.pid.toString(36)}-${count.toString(36)}`;
}

/** What the names of folders begin with that were put aside. */
const TRASH_PREFIX = ".trash-";

/** Returns where the folder at `dir` is put, beside it, before it is removed for good. */
export function trashBeside(dir: string): string {
  return join(dirname(dir), `${TRASH_PREFIX}${basename(dir)}-${freshName()}`);
}

/** Tells whether a folder of this name was put aside; @returns the name that it had, and when (Unix ms) */
export function parseTrash(name: string): { readonly slug: string; readonly atMs: number } | undefined {
  const [, slug, time] = /^\.trash-(.+)-([0-9a-z]+)-[0-9a-z]+-[0-9a-z]+$/.exec(name) ?? [];
  return slug === undefined || time === undefined ? undefined : { slug, atMs: Number.parseInt(time, 36) };
}
