import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { leaseOfRecord } from "../../src/run/workplace/worktrees/session-worktrees.ts";
import type { WorktreeRecord } from "../../src/store/worktrees/worktree-records.ts";
import { seededRandom } from "./seeded-random.ts";
import { openSessionTrees } from "./session-trees.ts";

/**
 * Lives like a coordinator with its agents, as often as the line on stdin says, until it is killed: opens worktrees, writes files there,
 * merges, commits, parks, tidies. Each file that an agent has written is noted in the file of argv: "<session> <path>".
 */
const [topDir = "", notes = "", seed = "1"] = process.argv.slice(2);
const { worktrees, snapshots, removal, keeping } = openSessionTrees(topDir);
const random = seededRandom(Number(seed));
let number = 0;

function git(...args: readonly string[]): void {
  execFileSync("git", ["-C", topDir, ...args], { stdio: "ignore" });
}

async function turn(session: string): Promise<void> {
  const record = await worktrees.open(session, () => true);
  const lease = leaseOfRecord(record);
  const one = {
    session,
    title: "A turn",
    task: `20261120-141530-${seed.padStart(6, "0")}`,
    run: number,
    thread: undefined,
  };
  await snapshots.before(lease, one);
  write(record, 3);
  await snapshots.after(lease, one, Date.now());
  // The first one always: then each step is come to.
  if (number <= 3 || random.chance(0.3)) {
    git("commit", "--quiet", "--allow-empty", "-m", "another change");
    await snapshots.merge(lease, one.task);
    write(record, 1);
    // A turn that was cut off settles no merge: that goes on, or is taken back.
    await snapshots.after(lease, { ...one, run: number }, Date.now(), random.chance(0.5));
  }
  if (number <= 4 || random.chance(0.5)) await removal.park(record.slug, () => true);
}

function write({ dir, session }: WorktreeRecord, files: number): void {
  for (let file = 0; file < files; file += 1) {
    number += 1;
    const path = `made/${seed}-${number}${random.pick([".txt", ".txt", ".ign"])}`;
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), `${session} ${path}\n`);
    appendFileSync(notes, `${session} ${path}\n`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  for (let round = 0; round < Number(line); round += 1) {
    await turn(random.pick(["one", "two"]));
    if (random.chance(0.3)) await keeping.tidy({ all: random.chance(0.5) });
  }
  console.log("lived");
}
