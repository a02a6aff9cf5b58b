import { readFileSync } from "node:fs";
import { parseGitCommand } from "./git-command.ts";

/** A git that was asked something and has not answered yet. */
interface AskedGit {
  /** Of git, or of the shell that has started it. */
  readonly pid: number;
  readonly args: readonly string[];
  readonly folder: string;
  /** Unix ms. */
  readonly sinceMs: number;
  /** It writes index and HEAD of the work tree that `folder` is the top of. */
  readonly movesWorkTree: boolean;
}

/** A git of ours that somebody has stopped: it answers nothing until it goes on. */
export interface StoppedGit {
  readonly pid: number;
  /** When it was asked, Unix ms. */
  readonly sinceMs: number;
  /** What is wrong, and what helps: one line. */
  readonly reason: string;
}

/** All that this process has asked. */
const underWay = new Set<AskedGit>();
/** Git starts programs of its own, and our shell starts git. */
const DEPTH_MAX = 4;

/** Notes that the process `pid` runs git, or is asked by it; what it returns ends that. */
export function noteGit(
  pid: number | undefined,
  args: readonly string[],
  folder: string,
  movesWorkTree = false,
): () => void {
  if (pid === undefined) return () => undefined;
  const asked: AskedGit = { pid, args, folder, sinceMs: Date.now(), movesWorkTree };
  underWay.add(asked);
  return () => void underWay.delete(asked);
}

/** Returns a git of ours that moves the work tree at `topDir` just now: it has read index and HEAD, and writes them. */
export function findMover(topDir: string): Pick<AskedGit, "pid" | "args"> | undefined {
  for (const asked of underWay) if (asked.movesWorkTree && asked.folder === topDir) return asked;
  return undefined;
}

/** Returns the git of ours that was asked first of those that are stopped (SIGSTOP, Ctrl-Z, a debugger); `undefined` where none is. */
export function findStoppedGit(): StoppedGit | undefined {
  for (const asked of underWay) {
    const pid = stoppedBelow(asked.pid, DEPTH_MAX);
    if (pid === undefined) continue;
    const { args, folder, sinceMs } = asked;
    const { name } = parseGitCommand(["git", ...args]);
    const reason = `git ${name} in ${folder} was stopped (process ${pid}), and is waited for: kill -CONT ${pid} lets it go on, kill -KILL ${pid} has it asked anew`;
    return { pid, reason, sinceMs };
  }
  return undefined;
}

function stoppedBelow(pid: number, depth: number): number | undefined {
  const stat = readQuietly(`/proc/${pid}/stat`);
  // The name before the state may hold anything.
  const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  if (state === "T" || state === "t") return pid;
  if (depth === 0) return undefined;
  const children = readQuietly(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  for (const child of children) {
    const found = stoppedBelow(child, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // It has ended, or this system tells nothing of processes.
  }
}
