import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FAULT_POINTS } from "../../../../src/base/fault-point.ts";
import { startLineProcess } from "../../../support/line-process.ts";
import { seededRandom, testSeed } from "../../../support/seeded-random.ts";
import { openSessionTrees } from "../../../support/session-trees.ts";
import { tempRepo } from "../../../support/temp-repo.ts";

const STEPS = FAULT_POINTS.filter((name) => name.startsWith("worktree:"));
/** With `KILL_ROUNDS=n`: a kill at every step, and n at random moments. In the suite some of these. */
const ROUNDS = Number(process.env.KILL_ROUNDS ?? 0);
const STEPS_IN_SUITE = 4;
const TURNS = 2;

it("every byte that an agent wrote is in a commit or on the disk, whenever its coordinator is killed", {
  timeout: 60_000 + ROUNDS * 10_000,
}, async () => {
  const repo = tempRepo();
  appendFileSync(join(repo.dir, ".git/info/exclude"), "*.ign\n");
  const notes = join(repo.dir, "../written");
  appendFileSync(notes, "");
  const seed = testSeed("worktrees and kills");
  const random = seededRandom(seed);
  const first = random.below(STEPS.length);
  const steps = ROUNDS > 0 ? STEPS : [...STEPS, ...STEPS].slice(first, first + STEPS_IN_SUITE);
  const survived: string[] = [];
  const live = async (number: number, fault: string | undefined, afterMs?: number): Promise<void> => {
    const environment = fault === undefined ? {} : { CODEX_INBOX_FAULT: fault };
    const child = startLineProcess("session-trees-process.ts", {
      args: [repo.dir, notes, String(number)],
      environment,
    });
    let isOver = false;
    const lived = child
      .ask(String(TURNS))
      .catch((error: unknown) => `${String(error)} ${child.stderr()}`)
      .finally(() => {
        isOver = true;
      });
    if (afterMs !== undefined) {
      const before = readFileSync(notes, "utf8").length;
      while (!isOver && readFileSync(notes, "utf8").length === before) await new Promise(setImmediate);
      const untilMs = performance.now() + afterMs;
      while (performance.now() < untilMs) await new Promise(setImmediate);
      await child.kill("SIGKILL");
    }
    const answer = await lived;
    // Ended by nothing but the kill: else something of ours is wrong.
    if (answer !== "lived") expect(answer).toMatch(/SIGKILL/);
    else if (fault !== undefined) survived.push(fault);
    await child.kill("SIGKILL");
  };
  for (const [number, step] of steps.entries()) await live(seed + number, step);
  for (let round = 0; round < Math.max(1, ROUNDS); round += 1)
    await live(seed + STEPS.length + round, undefined, random.below(1_500));

  const { worktrees, keeping, records, trees } = openSessionTrees(repo.dir);
  await keeping.tidy();
  const refs = repo.git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/codex-inbox/salvage").split("\n");
  const committed = new Set(refs.flatMap((ref) => repo.git("ls-tree", "-r", "--name-only", ref).split("\n")));
  const written = readFileSync(notes, "utf8").split("\n").slice(0, -1);
  const lost = written.filter((line) => {
    const [session = "", path = ""] = line.split(" ");
    return !committed.has(path) && !existsSync(join(records.find(session)?.dir ?? "/nowhere", path));
  });
  expect(lost).toEqual([]);
  // Of a few kills all may come before anything is written.
  expect(written.length).toBeGreaterThan(ROUNDS > 0 ? steps.length : 0);
  // Nothing half made is left, and each can be opened.
  for (const session of ["one", "two"]) await worktrees.open(session, () => true);
  expect(repo.git("worktree", "list", "--porcelain").match(/^worktree /gm)).toHaveLength(trees.list().length + 1);
  // A step that is never reached proves nothing.
  expect(survived).toEqual([]);
});
