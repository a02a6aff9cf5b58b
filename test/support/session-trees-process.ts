import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { leaseOfRecord } from "../../src/run/workplace/worktrees/session-worktrees.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { openSessionTrees, type SessionTrees } from "./session-trees.ts";

/**
 * Lives like a coordinator with its agents, as many turns as a line on stdin says, until it is killed: opens worktrees, writes files of all
 * kinds there, merges, commits, parks, tidies. Each file that an agent has written is noted in the file of argv: "<session> <blob> <path>".
 *
 * Where it is to be killed at a step, two turns of one session come first, and the file that arms the step is made between them: in the
 * first an agent writes, and the worktree goes; the second comes to every step.
 */
const [topDir = "", notes = "", seed = "1"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
let number = 0;

/** Kinds of what agents leave; a character of a name is a byte. */
const KINDS: readonly [Kind, ...Kind[]] = [
  (path) => ({ path: `made/${path}.txt` }),
  (path) => ({ path: `made/${path}.txt` }),
  (path) => ({ path: `made/${path}.ign` }),
  (path) => ({ path: `venv/${path}` }),
  (path) => ({ path: `odd/\xff\n"${path}` }),
  (path) => ({ path: `made/${path}.sh`, mode: 0o755 }),
  (path) => ({ path: `made/${path}.link`, isLink: true }),
  (path) => ({ path: `nested-${path}/file.txt`, beside: `nested-${path}/.git/HEAD` }),
  (path) => ({ path: `${path}/.gitignore`, text: "*\n" }),
];

type Kind = (name: string) => {
  readonly path: string;
  readonly mode?: number;
  readonly isLink?: boolean;
  readonly beside?: string;
  readonly text?: string;
};

function writeOne(dir: string, session: string, make: Kind): void {
  number += 1;
  const { path, mode, isLink = false, beside, text } = make(`${seed}-${number}`);
  const content = text === undefined ? `${session} ${path} ${random.next()}\n` : `# ${path}\n${text}`;
  const place = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(path, "latin1")]);
  for (const folder of [path, ...(beside === undefined ? [] : [beside])])
    mkdirSync(join(dir, dirname(folder)), { recursive: true });
  if (beside !== undefined) writeFileSync(join(dir, beside), "not a repository\n");
  if (isLink) symlinkSync(content.trimEnd(), place);
  else writeFileSync(place, content);
  if (mode !== undefined) chmodSync(place, mode);
  const bytes = Buffer.from(isLink ? content.trimEnd() : content);
  const blob = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  appendFileSync(notes, `${session} ${blob} ${JSON.stringify(path)}\n`);
}

function git(...args: readonly string[]): string {
  return execFileSync("git", ["-C", topDir, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}

/** What of a turn is not left to chance. */
interface Certain {
  readonly merges?: boolean;
  readonly parks?: boolean;
}

async function turn(all: SessionTrees, session: string, at: SeededRandom, certain: Certain = {}): Promise<void> {
  const { worktrees, snapshots, removal } = all;
  const record = await worktrees.open(session, () => true);
  const lease = leaseOfRecord(record);
  const task = `20261120-141530-${seed.padStart(6, "0")}`;
  const one = { session, title: "A turn", task, run: number, thread: undefined };
  await snapshots.before(lease, one);
  writeOne(record.dir, session, at.pick([KINDS[0], ...KINDS]));
  for (let file = 0; file < 2; file += 1) writeOne(record.dir, session, at.pick(KINDS));
  if (at.chance(0.2)) rmSync(join(record.dir, "README.md"), { force: true });
  await snapshots.after(lease, one, Date.now());
  if (certain.merges ?? (number <= 3 || at.chance(0.3))) {
    rmSync(join(topDir, ".git/refs/heads/main.lock"), { force: true }); // Of the line below, killed.
    git("update-ref", "refs/heads/main", git("commit-tree", "main^{tree}", "-p", "main", "-m", "another change"));
    await snapshots.merge(lease, one.task);
    writeOne(record.dir, session, KINDS[0]);
    // A turn that was cut off settles no merge: that goes on, or is taken back.
    await snapshots.after(lease, { ...one, run: number }, Date.now(), at.chance(0.5));
  }
  if (certain.parks === true) await parkSurely(removal, record.slug);
  else if (number <= 4 || at.chance(0.5)) await removal.park(record.slug, () => true);
}

const PARKED_WITHIN_MS = 10_000;

/** Git that an earlier life was killed with may work there for a moment. */
async function parkSurely(removal: SessionTrees["removal"], slug: string): Promise<void> {
  const untilMs = performance.now() + PARKED_WITHIN_MS;
  for (let why = await removal.park(slug, () => true); why !== undefined; why = await removal.park(slug, () => true)) {
    if (performance.now() > untilMs) throw new Error(`${slug} stays: ${why}`);
    await delay(5);
  }
}

async function comeToEachStep(all: SessionTrees, gate: string): Promise<void> {
  const session = random.pick(["one", "two"]);
  await turn(all, session, random, { merges: false, parks: true });
  writeFileSync(gate, "");
  await turn(all, session, random, { merges: true, parks: true });
}

let trees: SessionTrees | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const turns = Number(line);
  if (turns > 0) trees ??= openSessionTrees(topDir);
  const gate = process.env.CODEX_INBOX_FAULT_FROM;
  if (trees !== undefined && gate !== undefined) await comeToEachStep(trees, gate);
  for (let round = 0; trees !== undefined && round < turns; round += 1) {
    await turn(trees, random.pick(["one", "two"]), random);
    if (random.chance(0.3)) await trees.keeping.tidy({ all: random.chance(0.5) });
  }
  console.log("lived");
}
