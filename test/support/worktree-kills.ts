import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { FAULT_POINTS, type FaultPoint } from "../../src/base/fault-point.ts";
import type { GitRepo } from "./git-repo.ts";
import { seededRandom } from "./seeded-random.ts";
import { openSessionTrees } from "./session-trees.ts";

/** The steps of opening, snapshotting, parking and removing a worktree, in order. */
export const WORKTREE_STEPS: readonly FaultPoint[] = FAULT_POINTS.filter((name) => name.startsWith("worktree:"));

export interface KillOptions {
  /** Has a commit, and nothing of ours yet. */
  readonly repo: GitRepo;
  readonly seed: number;
  /** A coordinator is killed at each of these. */
  readonly steps: readonly FaultPoint[];
  /** So many are killed at random moments, every second with the git that it has started. */
  readonly rounds: number;
  /** In so many lives no file can grow beyond some bytes, as on a full disk. */
  readonly fullDisks: number;
}

export interface KillReport {
  readonly kills: number;
  /** Of contents that agents wrote. */
  readonly written: number;
  /** Steps at which a coordinator was killed before an agent of it had written: nothing could be lost there. */
  readonly idle: readonly string[];
  /** Those that are in no commit, and not in a worktree. */
  readonly lost: readonly string[];
  /** Steps at which nobody was killed: a step that is never reached proves nothing. */
  readonly survived: readonly string[];
  /** What ended a coordinator and was no kill. */
  readonly failures: readonly string[];
  /** What of the user's is not as it was. */
  readonly touched: readonly string[];
}

const TURNS = 2;
const LIFE_MS = 700;

/** Kills coordinators that open, snapshot, park and remove worktrees, again and again, and looks for what was lost. */
export async function killAtWorktrees(options: KillOptions): Promise<KillReport> {
  const { repo, seed, steps, rounds, fullDisks } = options;
  const random = seededRandom(seed);
  appendFileSync(join(repo.dir, ".git/info/exclude"), "*.ign\n");
  const notes = join(repo.dir, "../written");
  writeFileSync(notes, "");
  makeUsersState(repo);
  const before = usersState(repo);
  const survived: string[] = [];
  const failures: string[] = [];
  const idle: string[] = [];
  let [kills, number] = [0, 0];

  const live = async (how: {
    readonly fault?: string;
    readonly afterMs?: number;
    readonly kb?: number;
  }): Promise<void> => {
    number += 1;
    const gate = how.fault === undefined ? {} : { gate: join(repo.dir, `../armed-${number}`) };
    const notedBytes = statSync(notes).size;
    const life = startLife(repo.dir, notes, seed * 1_000 + number, { ...how, ...gate });
    const end = await life.end(random.chance(0.5));
    if (how.fault !== undefined && statSync(notes).size === notedBytes) idle.push(how.fault);
    if (end.wasKilled) kills += 1;
    else if (how.fault !== undefined) survived.push(how.fault);
    if (!end.wasKilled && !end.hasLived && how.kb === undefined) failures.push(end.stderr.trim().slice(0, 500));
  };
  for (const fault of steps) await live({ fault });
  for (let round = 0; round < rounds; round += 1) await live({ afterMs: random.below(LIFE_MS) });
  for (let round = 0; round < fullDisks; round += 1) await live({ kb: random.below(16) });

  const sessions = openSessionTrees(repo.dir);
  await sessions.keeping.tidy();
  for (const session of ["one", "two"]) await sessions.worktrees.open(session, () => true);
  const listed = repo.git("worktree", "list", "--porcelain").match(/^worktree /gm)?.length ?? 0;
  if (listed !== sessions.trees.list().length + 1) failures.push(`git lists ${listed} worktrees`);
  const kept = new Set([...committedBlobs(repo), ...blobsBelow(join(repo.dir, "../repo-inbox-trees"))]);
  // On a full disk a note may be cut off.
  const written = [...readFileSync(notes, "utf8").matchAll(/(?:one|two) ([0-9a-f]{40}) ".*"$/gm)];
  const lost = written.flatMap(([line, blob = ""]) => (kept.has(blob) ? [] : [line]));
  const after = usersState(repo);
  // Of the user's branch, agents' processes make commits of their own, so that there is something to merge.
  const touched = [...before].flatMap(([what, was]) => (what === "main" || after.get(what) === was ? [] : [what]));
  return { kills, written: written.length, idle, lost, survived, failures, touched };
}

interface Life {
  end(withGit: boolean): Promise<{ readonly wasKilled: boolean; readonly hasLived: boolean; readonly stderr: string }>;
}

function startLife(
  topDir: string,
  notes: string,
  seed: number,
  how: { readonly fault?: string; readonly gate?: string; readonly afterMs?: number; readonly kb?: number },
): Life {
  const { fault, gate, afterMs, kb = -1 } = how;
  const path = fileURLToPath(new URL("session-trees-process.ts", import.meta.url));
  const armed = gate === undefined ? {} : { CODEX_INBOX_FAULT: fault, CODEX_INBOX_FAULT_FROM: gate };
  const limit = kb < 0 ? "unlimited" : String(kb);
  // With a socket as its input bash takes itself for a remote shell, and runs the user's .bashrc.
  const child = spawn(
    "bash",
    ["--norc", "-c", `ulimit -f ${limit}; exec "$0" "$@"`, process.execPath, path, topDir, notes, String(seed)],
    { env: { ...process.env, ...armed }, stdio: "pipe" },
  );
  let [stderr, hasLived] = ["", false];
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += String(chunk);
  });
  child.stdin.on("error", () => undefined); // It ended: how is looked at below.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const gone = new Promise<NodeJS.Signals | null>((resolve) => child.once("close", (_code, signal) => resolve(signal)));
  return {
    async end(withGit) {
      child.stdin.write("0\n");
      await lines.next(); // Its modules are loaded: what comes now is its work.
      child.stdin.write(`${TURNS}\n`);
      const answer = lines.next().then(({ done }) => {
        hasLived = done !== true;
        child.stdin.end();
      });
      if (afterMs !== undefined) {
        const timer = setTimeout(() => killTree(child.pid ?? 0, withGit), afterMs);
        void gone.then(() => clearTimeout(timer));
      }
      const signal = await gone;
      await answer;
      return { wasKilled: signal === "SIGKILL", hasLived, stderr };
    },
  };
}

/** @param withGit also what it has started: git that was killed leaves its locks behind */
function killTree(pid: number, withGit: boolean): void {
  const children = withGit
    ? readQuietly(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number)
    : [];
  for (const one of [pid, ...children]) {
    try {
      process.kill(one, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

function readQuietly(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** The ids of all objects that a ref leads to. */
export function committedBlobs(repo: GitRepo): readonly string[] {
  return repo
    .git("rev-list", "--objects", "--all")
    .split("\n")
    .map((line) => line.slice(0, 40));
}

/** The ids that the files below a folder would have, git's own and what was put aside left out. */
export function blobsBelow(dir: string): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(Buffer.from(dir), { recursive: false, encoding: "buffer" }).flatMap((name) => {
    if (name.toString() === ".git" || name.toString().startsWith(".trash-")) return [];
    return blobsAt(Buffer.concat([Buffer.from(`${dir}/`), name]));
  });
}

function blobsAt(path: Buffer): readonly string[] {
  const stats = lstatSync(path);
  if (stats.isDirectory())
    return readdirSync(path, { encoding: "buffer" })
      .filter((name) => name.toString() !== ".git")
      .flatMap((name) => blobsAt(Buffer.concat([path, Buffer.from("/"), name])));
  const bytes = stats.isSymbolicLink() ? readlinkSync(path, { encoding: "buffer" }) : readFileSync(path);
  return [createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex")];
}

/** What a user may have in a checkout: something staged, stashed, changed, and not tracked. */
export function makeUsersState(repo: GitRepo): void {
  repo.write("README.md", "stashed\n");
  repo.git("stash", "--quiet");
  repo.write("src/main.c", "staged\n");
  repo.git("add", "src/main.c");
  repo.write("src/main.c", "staged, and changed\n");
  repo.write("untracked.txt", "mine\n");
}

/** By what it is: index, HEAD, branch, stash, configuration, hooks and files of a user, as texts that differ if one byte does. */
export function usersState(repo: GitRepo): ReadonlyMap<string, string> {
  const git = (path: string): string => join(repo.dir, ".git", path);
  const files = readdirSync(repo.dir, { recursive: true, encoding: "utf8" })
    .filter((path) => path !== ".git" && !path.startsWith(".git/") && !lstatSync(join(repo.dir, path)).isDirectory())
    .map((path): [string, string] => [path, readFileSync(join(repo.dir, path), "latin1")]);
  const hooks = existsSync(git("hooks")) ? readdirSync(git("hooks")).join() : "";
  const inGit = ["index", "HEAD", "config", "refs/stash", "logs/refs/stash", "info/exclude", "ORIG_HEAD"].map(
    (path): [string, string] => [`.git/${path}`, existsSync(git(path)) ? readFileSync(git(path), "latin1") : "absent"],
  );
  return new Map([...files, ...inGit, ["hooks", hooks], ["main", repo.git("rev-parse", "main")]]);
}
