import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { leaseOfRecord } from "../../src/run/workplace/worktrees/session-worktrees.ts";
import { seededRandom } from "./seeded-random.ts";
import { openSessionTrees } from "./session-trees.ts";

/**
 * Lives like a coordinator with its agents, as often as the line on stdin says, until it is killed: opens worktrees, writes files there,
 * commits, parks, tidies. Each file that an agent has written is noted in the file of argv: "<session> <path>".
 */
const [topDir = "", notes = "", seed = "1"] = process.argv.slice(2);
const { worktrees, snapshots, removal, keeping } = openSessionTrees(topDir);
const random = seededRandom(Number(seed));
let number = 0;

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
  for (let file = 0; file < 3; file += 1) {
    number += 1;
    const path = `made/${seed}-${number}${random.pick([".txt", ".txt", ".ign"])}`;
    mkdirSync(dirname(join(record.dir, path)), { recursive: true });
    writeFileSync(join(record.dir, path), `${session} ${path}\n`);
    appendFileSync(notes, `${session} ${path}\n`);
  }
  await snapshots.after(lease, one, Date.now());
  // The first one always: then each step is come to.
  if (number <= 3 || random.chance(0.5)) await removal.park(record.slug, () => true);
}

for await (const line of createInterface({ input: process.stdin })) {
  for (let round = 0; round < Number(line); round += 1) {
    await turn(random.pick(["one", "two"]));
    if (random.chance(0.3)) await keeping.tidy({ all: random.chance(0.5) });
  }
  console.log("lived");
}
