/**
 * How long a sync that brings many files holds git's `index.lock`, and how often a user's `git add` fails in that time.
 *
 *   npx node bench/sync-move.ts [files, default 200,1000,10000] [rounds of each, default 5] [scenes, default changed,new,beside]
 *
 * `changed`: files of the user's that another clone has changed; more than 1,000 are left to `git pull`, and nothing is held. `new`: files of
 * ours, three a task in folders of days that this clone does not have. `beside`: as many in one folder that it has. A user adds a
 * file of his own once a second all the while, and for two seconds with no sync as the control.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Branch } from "../src/git/branch.ts";
import { openCommitter } from "../src/git/commit/committer.ts";
import { findWorkTree } from "../src/git/repository/find-work-tree.ts";
import { type GitRepo, makeGitRepo } from "../test/support/git-repo.ts";
import { median } from "./support/statistics.ts";

const ADD_EVERY_MS = 1_000;
const CONTROL_MS = 2_000;
const FILES_A_TASK = 3;
const TASKS_A_DAY = 300;

type Files = (count: number, round: number) => ReadonlyMap<string, string>;

const SCENES: Readonly<Record<string, Files>> = {
  changed: (count, round) => filled(count, (n) => [codePath(n), `line ${n}, round ${round}\n`.repeat(40)]),
  new: (count, round) =>
    filled(count, (n) => {
      const task = Math.floor(n / FILES_A_TASK);
      const day = `r${round}-${Math.floor(task / TASKS_A_DAY)}`;
      return [`sessions/${day}/${task}/file-${n % FILES_A_TASK}.md`, `${n}\n`.repeat(200)];
    }),
  beside: (count, round) => filled(count, (n) => [`sessions/here/r${round}-${n}.md`, `${n}\n`.repeat(200)]),
};

const [sizes = "200,1000,10000", rounds = "5", scenes = "changed,new,beside"] = process.argv.slice(2);
console.log(`load ${loadavg()[0]?.toFixed(1)}`);
for (const scene of scenes.split(","))
  for (const size of sizes.split(",").map(Number)) {
    const folder = mkdtempSync(join(tmpdir(), "codex-inbox-move-"));
    try {
      await measure(scene, size, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }

async function measure(scene: string, size: number, folder: string): Promise<void> {
  const repo = makeGitRepo(join(folder, "repo"));
  repo.write("sessions/here/x.md", "x\n");
  for (const [path, text] of SCENES.changed?.(size, -1) ?? []) repo.write(path, text);
  repo.git("add", "--all");
  repo.git("commit", "--quiet", "-m", "many files");
  const stateDir = join(repo.dir, ".git/codex-inbox");
  const committer = await openCommitter({
    ...{ place: await findWorkTree(repo.dir), workspaceDir: repo.dir, stateDir },
    ...{ branch: "refs/heads/main", now: Date.now, onNotice: console.error, ownMarker: "bench" },
  });
  const heldMs: number[] = [];
  const tookMs: number[] = [];
  const beside = { tried: 0, failed: 0 };
  let inTheWay = "";
  for (let round = 0; round < Number(rounds); round += 1) {
    const to = await commitElsewhere(repo, SCENES[scene]?.(size, round) ?? new Map());
    await committer.refresh();
    const startedMs = performance.now();
    const moving = committer.advance(to, new AbortController().signal);
    const user = addUntil(repo, moving);
    const moved = await moving;
    tookMs.push(performance.now() - startedMs);
    if (moved.kind === "moved") heldMs.push(moved.indexHeldMs);
    else inTheWay = moved.kind === "in-the-way" ? moved.why : moved.kind;
    const { tried, failed } = await user;
    beside.tried += tried;
    beside.failed += failed;
    if (inTheWay !== "") break;
  }
  const control = await addUntil(repo, delay(CONTROL_MS));
  await close(committer, repo, inTheWay === "");
  const held = heldMs.length === 0 ? `nothing moved: ${inTheWay}` : `heldMs=${shown(heldMs)} tookMs=${shown(tookMs)}`;
  console.log(
    `${scene} files=${size} ${held} userAdds=${beside.tried} failed=${beside.failed} control=${control.tried}/${control.failed}`,
  );
}

async function close(committer: Branch, repo: GitRepo, isMoved: boolean): Promise<void> {
  await committer.close();
  const left = repo.git("status", "--porcelain").split("\n");
  if (isMoved && left.some((line) => !/^(A {2}mine|$)/.test(line)))
    throw new Error(`left: ${left.slice(0, 5).join(", ")}`);
}

/** Least, median and most. */
function shown(figures: readonly number[]): string {
  return [Math.min(...figures), median(figures), Math.max(...figures)].map((figure) => figure.toFixed(1)).join("/");
}

/** A commit on top of the branch that nothing names, made without the work tree. */
async function commitElsewhere(repo: GitRepo, files: ReadonlyMap<string, string>): Promise<string> {
  const place = join(dirname(repo.dir), "other");
  repo.git("worktree", "add", "--quiet", "--detach", place, "main");
  for (const [path, text] of files) {
    mkdirSync(dirname(join(place, path)), { recursive: true });
    writeFileSync(join(place, path), text);
  }
  const git = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)("git", ["-C", place, ...args])).stdout.trim();
  await git("add", "--all");
  await git("commit", "--quiet", "-m", "elsewhere");
  const commit = await git("rev-parse", "HEAD");
  repo.git("worktree", "remove", "--force", place);
  return commit;
}

async function addUntil(
  repo: GitRepo,
  end: Promise<unknown>,
): Promise<{ readonly tried: number; readonly failed: number }> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  void end.then(over, over);
  let [tried, failed] = [0, 0];
  while (!isOver) {
    tried += 1;
    writeFileSync(join(repo.dir, "mine.txt"), `${tried}\n`);
    await promisify(execFile)("git", ["-C", repo.dir, "add", "mine.txt"]).catch(() => {
      failed += 1;
    });
    await delay(ADD_EVERY_MS);
  }
  return { tried, failed };
}

function filled(count: number, file: (n: number) => [string, string]): ReadonlyMap<string, string> {
  return new Map(Array.from({ length: count }, (_, n) => file(n)));
}

function codePath(n: number): string {
  return `code/${n % 50}/file-${n}.txt`;
}
