/**
 * A user who works in the checkout with real commands of git, chosen at random, beside a coordinator that is given tasks.
 *
 *   npx node bench/git-stress.ts [commands, default 500] [seeds, default one of the clock's; "7,8" runs two] [tasks, default 50]
 *     [idle files, default 300]
 *
 * Each seed runs first without a coordinator: what fails there fails for reasons of its own. Ends with status 1 if a user's command
 * failed because of us, or anything was lost, doubled, reverted or left behind.
 */
import { rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { runPackage } from "../test/support/coordinator-process.ts";
import {
  failuresBesides,
  runStress,
  type StressOptions,
  type StressReport,
} from "../test/support/git-stress/stress-run.ts";
import { makeTestedPackage } from "../test/support/tested-package.ts";

const [commands = "500", seeds = String(Date.now() % 100_000), tasks = "50", idleFiles = "300"] = process.argv.slice(2);

let made = "";
try {
  runPackage(await testedPackage());
  for (const seed of seeds.split(",").map(Number)) await compare(seed);
} finally {
  if (made !== "") rmSync(made, { recursive: true, force: true, maxRetries: 5 });
}

/** The package whose entry BENCH_ENTRY names; one of the sources of this moment unless given. */
function testedPackage(): string | Promise<string> {
  const { BENCH_ENTRY } = process.env;
  if (BENCH_ENTRY !== undefined) return dirname(dirname(BENCH_ENTRY));
  return makeTestedPackage((dir) => {
    made = dir;
  });
}

async function compare(seed: number): Promise<void> {
  const options: Omit<StressOptions, "served"> = {
    seed,
    commands: Number(commands),
    tasks: Number(tasks),
    idleFiles: Number(idleFiles),
    pauseMsMax: 30,
  };
  const control = await runStress({ ...options, served: false });
  print("alone", control);
  const report = await runStress({ ...options, served: true });
  print("served", report);
  const ours = failuresBesides(control, report);
  console.log(`seed=${seed} failuresBecauseOfUs=${ours.length}`);
  if (ours.length > 0 || report.problems.length > 0 || control.problems.length > 0) process.exitCode = 1;
}

function print(how: string, { seed, commands: count, seconds, failures, problems, figures, log }: StressReport): void {
  console.log(
    `seed=${seed} ${how} userCommands=${count} seconds=${seconds} failures=${failures.length} ${JSON.stringify(figures)}`,
  );
  for (const failure of failures.slice(0, 10)) console.log(`  failed: ${failure.trimEnd()}`);
  for (const problem of problems.slice(0, 20)) console.log(`  wrong: ${problem}`);
  if (problems.length > 0 && process.env.STRESS_LOG !== undefined) writeFileSync(process.env.STRESS_LOG, log);
}
