/**
 * A user who commits without pause beside a committer that commits without pause, in the same checkout.
 *
 *   npx node bench/commit-race.ts [seconds per mode, default 15] [modes, default s,a,o,A,m] [files, default 2000] [longest pause of the user in ms, default 30]
 *
 * Modes: s = add + commit, a = commit -a, o = commit -- path, A = add -A + commit, m = a mixture with stash, switch, rebase, amend,
 * merge, reset and gc. Ends with status 1 if a user's command failed because of us, or anything was lost, doubled or reverted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { makeGitRepo } from "../test/support/git-repo.ts";
import { checkOutcome, failuresToExplain, type RaceFindings } from "../test/support/race-findings.ts";
import { createRaceUser, type RaceMode } from "../test/support/race-user.ts";
import { startDriver } from "../test/support/run-driver.ts";

const [seconds = "15", modes = "s,a,o,A,m", files = "2000", pauseMs = "30"] = process.argv.slice(2);

for (const mode of modes.split(",")) {
  const dir = mkdtempSync(join(tmpdir(), "codex-inbox-race-"));
  try {
    await race(dir, mode as RaceMode, Number(seconds) * 1_000, Number(files));
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function race(dir: string, mode: RaceMode, durationMs: number, fileCount: number): Promise<void> {
  const repo = makeGitRepo(join(dir, "repo"));
  for (let n = 0; n < fileCount; n += 1) repo.write(`code/${n % 50}/file-${n}.txt`, `line ${n}\n`);
  repo.git("add", "--all");
  repo.git("commit", "-q", "-m", "many files");
  const driver = startDriver(["loop", repo.dir, "t"]);
  const user = createRaceUser(repo, mode);
  const endMs = Date.now() + durationMs;
  while (Date.now() < endMs) {
    user.act();
    await delay(Math.random() * Number(pauseMs));
  }
  user.finish();
  driver.child.stdin?.end();
  const { report, how, stderr } = await driver.ended;
  if (report === undefined) throw new Error(`the committer ended with ${how}: ${stderr}`);
  const findings: RaceFindings = checkOutcome(repo, [user], report);
  const waits = [...report.waitsMs].sort((a, b) => a - b);
  const at = (share: number): number => Math.round(waits[Math.floor((waits.length - 1) * share)] ?? 0);
  const speed = `batches=${report.batches} results=${report.tasks.length} waitMs=${at(0.5)}/${at(0.99)}/${at(1)} indexMs=${Math.round(report.indexMs / report.batches)} attempts=${(report.attempts / report.batches).toFixed(1)}`;
  console.log(
    `mode=${mode} seconds=${durationMs / 1_000} ${speed} userCommands=${user.commands} lost=${report.lost} indexHeldMs=${Math.max(...report.heldMs).toFixed(1)}`,
  );
  console.log(`  ${JSON.stringify(findings)}`);
  for (const failure of user.failures.slice(0, 5)) console.log(`  failed: ${failure}`);
  if (failuresToExplain([user], report).length > 0 || findings.problems.length > 0) process.exitCode = 1;
}
