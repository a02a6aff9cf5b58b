import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { type GitCommand, mayWrite, parseGitCommand } from "../process/git-command.ts";
import { findMover } from "../process/git-under-way.ts";
import type { Repository } from "../repository/repository.ts";
import { createProcessFamily } from "./process-family.ts";
import { createProcessTable, type ProcessStat, type ProcessTable, realPathOf } from "./process-table.ts";

/** A live git process that may write what a commit of ours moves. */
export interface Blocker {
  readonly pid: number;
  readonly what: string;
}

/**
 * Which processes count that are not git yet. One that was just forked becomes git within a millisecond or never: it is waited for by
 * looking again. Each step down lets more pass, so that programs which start others without end cannot starve us. The first, `any`, is
 * content only where no process at all was begun since the last look: one has its id a moment before it can be looked at.
 */
export type Forks = "any" | "everywhere" | "in-the-tree" | "none";

export type Look = "clear" | "unsettled" | Blocker;

/**
 * Looks for git processes in one work tree that other people have started (Linux: /proc), or that move it for us. Dangerous to a commit of ours is only a git that has read HEAD
 * or the index before it, or reads them in the middle of it: a process that is git already, or becomes git while we swap.
 */
export interface ProcessScan {
  /**
   * Looks at every process (some 2 ms for 100), and remembers which may become git by exec, under the same process id.
   *
   * @param first a process id to look at before the others: what blocked last time
   */
  scan(first?: number): Blocker | undefined;
  /** Does that unless it was done a moment ago: a program that has run for seconds hardly ever becomes git. */
  scanIfOld(): void;
  /** Looks at what was started since the last scan or look (some 0.03 ms each), and again at what was remembered (0.01 ms). */
  look(forks: Forks): Look;
  /**
   * Tells whether what a look found clear still is, in a tenth of a look's time: for the moment at which git's locks are held. What was
   * looked at then is asked for its name alone.
   */
  isStillClear(forks: Forks): boolean;
  /** Tells whether a git process that may write runs and began less than `withinMs` ago, or one may be just about to. */
  anyBeganWithin(withinMs: number): boolean;
}

const SHELLS = new Set(["sh", "dash", "bash", "zsh", "fish", "ksh", "ash", "busybox"]);
/** A process older than this that has not called exec is a worker of its parent's. On a machine with too much to do exec may take its time. */
const YOUNG_MS = 100;
/** Until this age any process is looked at again: a program may hand over to git (`env git`, `sh -c git`), or be slow to call exec. */
const WATCHED_MS = 2_000;
/** Less than the age until which processes are watched. */
const SCAN_EVERY_MS = 500;
/** With more new ids than this the processes are listed first: most of the ids are threads, or have ended. */
const NEWCOMERS_UNLISTED_MAX = 24;

/**
 * @param ownMarker processes with `CODEX_INBOX_RUN=<ownMarker>…` in their environment are agents of ours: they run in a sandbox
 *   that cannot write the git directory
 */
export function createProcessScan(
  repository: Repository,
  ownMarker: string,
  processes: ProcessTable = createProcessTable(),
): ProcessScan {
  const ancestors = new Set(listAncestors());
  /** Git processes that block, shells in the work tree, and young processes. */
  const watched = new Set<number>();
  /** Watched processes that are not this coordinator's, and when they began: who began them is asked once. */
  const strangers = new Map<number, number>();
  /** Those of them that are not about to become git: while one keeps its name it need not be judged again before then (since boot). */
  const calm = new Map<number, { readonly name: string; readonly untilMs: number }>();
  /** By process id: the names of those that need not be looked at again while they keep them. */
  let settled = new Map<number, string>();
  const family = createProcessFamily(processes, ownMarker);
  let seenPid = -1;
  let scannedMs = Number.NEGATIVE_INFINITY;

  /** Judges one process, and keeps watching it while it is, or may become, a git that writes here. */
  function examine(pid: number, forks: Forks, uptimeMs: number): Look {
    const known = calm.get(pid);
    if (known !== undefined && uptimeMs < known.untilMs && processes.name(pid) === known.name) return "clear";
    const stat = processes.stat(pid);
    const look = stat === undefined ? undefined : judge(pid, stat, forks, uptimeMs);
    if (stat !== undefined && look === undefined && isSettled(stat, uptimeMs)) settled.set(pid, stat.name);
    if (look !== undefined) watched.add(pid);
    else if (watched.delete(pid)) {
      strangers.delete(pid);
      calm.delete(pid);
    }
    return look ?? "clear";
  }

  /** Returns `undefined` for a process that need not be looked at again. */
  function judge(pid: number, stat: ProcessStat, forks: Forks, uptimeMs: number): Look | undefined {
    if (family.takes(pid, stat.parent)) return undefined;
    if (isGitName(stat.name)) {
      const what = judgeGit(pid);
      return what === undefined ? undefined : { pid, what };
    }
    const isShell = SHELLS.has(stat.name);
    const ageMs = uptimeMs - stat.startedMs;
    if (ageMs >= WATCHED_MS && !isShell) return undefined;
    if (stat.isForkOnly && processes.isThread(pid)) return undefined;
    const isHere = standsHere(pid);
    if ((ageMs >= WATCHED_MS && !isHere) || !isStranger(pid, stat)) return undefined;
    if (ageMs >= YOUNG_MS) {
      const untilMs = ageMs >= WATCHED_MS ? Number.POSITIVE_INFINITY : stat.startedMs + WATCHED_MS;
      calm.set(pid, { name: stat.name, untilMs });
      return "clear";
    }
    const maySoonBeGit = stat.isForkOnly || isShell;
    return maySoonBeGit && (forks === "any" || forks === "everywhere" || (forks === "in-the-tree" && isHere))
      ? "unsettled"
      : "clear";
  }

  /** A process of somebody else's stays that; should it become an agent of ours by exec, it is watched a little longer. */
  function isStranger(pid: number, { parent, startedMs }: ProcessStat): boolean {
    if (strangers.get(pid) === startedMs) return true;
    if (family.isOurs(pid, parent)) return false;
    strangers.set(pid, startedMs);
    return true;
  }

  function judgeGit(pid: number): string | undefined {
    const argv = processes.argv(pid);
    const command = parseGitCommand(argv);
    if (argv.length > 0 && !mayWrite(command)) return undefined;
    // An ancestor: an alias of git has started us, and waits for us to end.
    if (ancestors.has(pid) || family.isOurs(pid) || !concerns(pid, command, argv)) return undefined;
    return `git ${command.name === "" ? "(starting)" : command.name} (process ${pid}) is running in the work tree`;
  }

  function concerns(pid: number, command: GitCommand, argv: readonly string[]): boolean {
    const cwd = processes.cwd(pid);
    // Another user's process does not say where it is; only its words can name us.
    if (cwd === undefined)
      return argv.some((word) => word.includes(repository.topDir) || word.includes(repository.commonDir));
    const environment = processes.environment(pid);
    const base = command.changesTo.reduce((folder, next) => resolve(folder, next), cwd);
    const named = command.gitDir ?? /\0GIT_DIR=([^\0]*)/.exec(environment)?.[1];
    const workTree = command.workTree ?? /\0GIT_WORK_TREE=([^\0]*)/.exec(environment)?.[1];
    const top = workTree !== undefined && isAbsolute(workTree) ? realPathOf(workTree) : undefined;
    if (top === repository.topDir) return true;
    if (named === undefined) return standsInOurs(base);
    const gitDir = realPathOf(resolve(base, named));
    // As the coordinator of another work tree of this repository runs it: it writes the HEAD and index of that one.
    if (isOtherWorktree(gitDir) || (top !== undefined && gitDir !== repository.gitDir)) return false;
    return isInside(gitDir, repository.gitDir) || gitDir === repository.commonDir;
  }

  function standsHere(pid: number): boolean {
    const cwd = processes.cwd(pid);
    return cwd !== undefined && standsInOurs(cwd);
  }

  /** Other linked worktrees and nested repositories have a HEAD and an index of their own. */
  function standsInOurs(folder: string): boolean {
    if (isInside(folder, repository.gitDir) || isInside(folder, repository.commonDir)) return !isOtherWorktree(folder);
    if (!isInside(folder, repository.topDir)) return false;
    for (let place = folder; place !== repository.topDir; place = dirname(place)) {
      if (existsSync(join(place, ".git"))) return false;
    }
    return true;
  }

  function isOtherWorktree(folder: string): boolean {
    const isOurs = repository.gitDir !== repository.commonDir && isInside(folder, repository.gitDir);
    return isInside(folder, join(repository.commonDir, "worktrees")) && !isOurs;
  }

  function listAncestors(): readonly number[] {
    const ids: number[] = [];
    for (let id = processes.stat(process.pid)?.parent ?? 0; id > 1; id = processes.stat(id)?.parent ?? 0) ids.push(id);
    return ids;
  }

  function ownMover(): Blocker | undefined {
    const mover = findMover(repository.topDir);
    if (mover === undefined) return undefined;
    return { pid: mover.pid, what: `our own git ${mover.args[0] ?? ""} (process ${mover.pid}) moves the work tree` };
  }

  function scan(first?: number): Blocker | undefined {
    const mover = ownMover();
    if (mover !== undefined) return mover;
    family.forgetOld();
    const uptimeMs = processes.uptimeMs();
    const before = first === undefined ? "clear" : examine(first, "none", uptimeMs);
    if (typeof before === "object") return before;
    scannedMs = performance.now();
    const last = processes.lastPid();
    watched.clear();
    strangers.clear();
    calm.clear();
    const known = last < seenPid ? new Map<number, string>() : settled; // Ids are given out again: a name says nothing then.
    settled = new Map();
    let blocker: Blocker | undefined;
    for (const pid of processes.pids()) {
      const name = known.get(pid);
      if (name !== undefined && processes.name(pid) === name) {
        settled.set(pid, name);
        continue;
      }
      const look = examine(pid, "none", uptimeMs);
      if (typeof look === "object") blocker ??= look;
    }
    seenPid = last;
    return blocker;
  }

  /** The ids given out since the last look, up to `last`. */
  function newcomers(last: number): readonly number[] {
    const since = seenPid;
    if (last - since <= NEWCOMERS_UNLISTED_MAX)
      return Array.from({ length: Math.max(0, last - since) }, (_, index) => since + 1 + index);
    return processes.pids().filter((pid) => pid > since && pid <= last);
  }

  function look(forks: Forks): Look {
    const mover = ownMover();
    if (mover !== undefined) return mover;
    family.forgetOld();
    const last = processes.lastPid();
    // Ids begin again at the bottom after the greatest.
    if (seenPid === -1 || last < seenPid) scan();
    for (const pid of newcomers(last)) watched.add(pid);
    const isQuiet = last <= seenPid;
    seenPid = Math.max(seenPid, last);
    const uptimeMs = watched.size === 0 ? 0 : processes.uptimeMs();
    let found: Look = "clear";
    for (const pid of [...watched]) {
      const one = examine(pid, forks, uptimeMs);
      if (typeof one === "object") return one;
      if (one === "unsettled") found = one;
    }
    return forks === "any" && !isQuiet ? "unsettled" : found;
  }

  function isStillClear(forks: Forks): boolean {
    if (ownMover() !== undefined) return false;
    if (processes.lastPid() !== seenPid) return forks !== "any" && look(forks) === "clear";
    return ![...watched].some((pid) => isGitName(processes.name(pid) ?? "") && judgeGit(pid) !== undefined);
  }

  return {
    scan,
    scanIfOld() {
      if (performance.now() - scannedMs >= SCAN_EVERY_MS) scan();
    },
    look,
    isStillClear,
    anyBeganWithin(withinMs) {
      if (look("in-the-tree") === "unsettled") return true;
      const sinceMs = processes.uptimeMs() - withinMs;
      return [...watched].some((pid) => {
        const stat = isGitName(processes.name(pid) ?? "") ? processes.stat(pid) : undefined;
        return stat !== undefined && stat.startedMs >= sinceMs && judgeGit(pid) !== undefined;
      });
    },
  };
}

/** It hardly ever becomes git any more. */
function isSettled({ name, startedMs }: ProcessStat, uptimeMs: number): boolean {
  return uptimeMs - startedMs >= WATCHED_MS && !SHELLS.has(name) && !isGitName(name);
}

function isGitName(name: string): boolean {
  return name === "git" || name.startsWith("git-");
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
