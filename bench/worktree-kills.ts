/**
 * Kills coordinators at every step of opening, snapshotting, parking and removing worktrees, then at random moments, every second with the
 * git that it has started, and lets some run on a full disk. Prints the figures; ends with status 1 if one byte that an agent wrote is in
 * no commit and on no disk, a step was never come to, or before an agent had written, a coordinator ended otherwise, or anything of the
 * user's was touched.
 *
 * With `--states` it brings so many worktrees into random states besides, has them removed, and looks for what was lost or went too soon.
 *
 *   npx node bench/worktree-kills.ts [--kills 500] [--full-disks 30] [--seed 1] [--a-repository 100] [--states 200]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeGitRepo } from "../test/support/git-repo.ts";
import { killAtWorktrees, WORKTREE_STEPS } from "../test/support/worktree-kills.ts";
import { parkRandomStates } from "../test/support/worktree-states.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "500" },
    "full-disks": { type: "string", default: "30" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    "a-repository": { type: "string", default: "100" },
    states: { type: "string", default: "0" },
  },
});
const [wanted, each, first] = [Number(values.kills), Number(values["a-repository"]), Number(values.seed)];
let [kills, written] = [0, 0];

for (let seed = first; kills < wanted; seed += 1) {
  const base = mkdtempSync(join(tmpdir(), "worktree-kills-"));
  try {
    const repo = makeGitRepo(join(base, "repo"));
    const rounds = Math.max(0, Math.min(each, wanted - kills) - WORKTREE_STEPS.length);
    const fullDisks = Math.ceil((Number(values["full-disks"]) * each) / wanted);
    const report = await killAtWorktrees({ repo, seed, steps: WORKTREE_STEPS, rounds, fullDisks });
    const { lost, idle, survived, failures, touched } = report;
    console.log(`seed=${seed} kills=${report.kills} written=${report.written} lost=${lost.length}`);
    kills += report.kills;
    written += report.written;
    for (const problem of [...lost, ...idle, ...survived, ...failures, ...touched]) console.log(`  ${problem}`);
    if (lost.length + idle.length + survived.length + failures.length + touched.length > 0) process.exitCode = 1;
  } finally {
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  }
}
console.log(`${kills} kills, ${written} files written by agents`);

const states = Number(values.states);
if (states > 0) {
  const base = mkdtempSync(join(tmpdir(), "worktree-states-"));
  try {
    const { parked, stayed, lost, wrong } = await parkRandomStates(makeGitRepo(join(base, "repo")), first, states);
    console.log(
      `seed=${first}: of ${states} states ${parked} went, ${stayed} stayed; lost ${lost.length}, wrong ${wrong.length}`,
    );
    for (const problem of [...lost, ...wrong]) console.log(`  ${problem}`);
    if (lost.length + wrong.length > 0) process.exitCode = 1;
  } finally {
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  }
}
