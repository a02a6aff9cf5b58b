/**
 * What a coordinator does with many tasks at once, beside programs that only run commands.
 *
 *   npx node bench/burst.ts [--burst 1000] [--held 9000] [--rounds 2] [--flood 10000] [--tasks 30] [--real] [--real-tasks 24]
 *     [--limit-s 900] [--cpu-prof <folder>] [--only one,burst,held,flood,idle,peers,http,bytes,sync,real] [--smoke]
 *
 * The real coordinator runs, with a stub for codex that answers in some milliseconds. `held` is the same burst in a workspace where
 * other tasks wait for a time far away; both coordinators are up at once and take turns with each other and with the peers, so that
 * whatever else the machine does hits all alike. `real` runs the real codex on a scripted model, and is left out unless asked for.
 * Ends with status 1 if a result is missing in Git, or there twice, or if tasks did not finish in `--limit-s` seconds.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { measureBytes } from "./burst/bytes.ts";
import { measureFlood } from "./burst/flood.ts";
import { measureHttp } from "./burst/http.ts";
import { measureIdle } from "./burst/idle.ts";
import { endLeftovers } from "./burst/leftovers.ts";
import { measureOne } from "./burst/one.ts";
import { type Part, type Plan, parsePlan } from "./burst/plan.ts";
import { measureReal } from "./burst/real.ts";
import { type Findings, reportTable } from "./burst/report.ts";
import { measureSync } from "./burst/sync.ts";
import { measureTurns } from "./burst/turns.ts";

type Measure = (plan: Plan, folder: string) => Promise<Findings>;

/** In this order; burst, held and peers take turns. */
const MEASURES: readonly (readonly [parts: readonly Part[], measure: Measure])[] = [
  [["one"], measureOne],
  [["burst", "held", "peers"], measureTurns],
  [["flood"], measureFlood],
  [["idle"], measureIdle],
  [["http"], measureHttp],
  [["bytes"], measureBytes],
  [["sync"], measureSync],
  [["real"], measureReal],
];

const PROBLEMS_SHOWN = 20;

const plan = parsePlan(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), "codex-inbox-burst-"));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    cleanUp();
    process.kill(process.pid, signal);
  });
}
try {
  await main();
} finally {
  cleanUp();
}

async function main(): Promise<void> {
  const loads = [load()];
  const found: Findings[] = [];
  for (const [parts, measure] of MEASURES) {
    if (!parts.some((part) => plan.parts.has(part))) continue;
    console.error(`${new Date().toISOString()} ${parts.join(", ")}`);
    const one = await measure(plan, folder);
    console.error(reportTable(one.rows, plan.held)); // Of a long run something is known if it is ended half-way.
    found.push(one);
    loads.push(load());
  }
  console.log(
    reportTable(
      found.flatMap(({ rows }) => rows),
      plan.held,
    ),
  );
  console.log(`\nload average before and after each part: ${loads.join(", ")}`);
  const problems = found.flatMap((one) => one.problems);
  for (const problem of problems.slice(0, PROBLEMS_SHOWN)) console.log(`wrong: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

/** Of the last minute. */
function load(): string {
  return (loadavg()[0] ?? Number.NaN).toFixed(1);
}

function cleanUp(): void {
  endLeftovers(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
