/**
 * Random histories in repositories of their own, with faults at random moments, and a look afterwards whether every promise was kept.
 *
 *   npm run torture -- [--seed 7,9 | --seeds 500 [--from 1]] [--jobs 2] [--steps 0-12,15] [--without <control>] [--clones] [--alone] [--shrink] [--trace] [--keep]
 *
 * `--shrink`: after a violation tries shorter histories of the same seed, and says which steps are enough. `--without`: ends with the first seed that finds it. `--clones`: two clones and a third user share a remote. `--alone`: the same users, and no coordinator until they are done.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeCloneHistory } from "../test/crash/clones/clone-history.ts";
import { runCloneHistory } from "../test/crash/clones/clones-run.ts";
import { CONTROLS, type Control } from "../test/crash/controls.ts";
import { makeHistory } from "../test/crash/history.ts";
import { makeTemplate } from "../test/crash/home/torture-home.ts";
import { shrink } from "../test/crash/shrink.ts";
import { makeTorturePackage } from "../test/crash/torture-package.ts";
import { runHistory, type TortureOptions, type TortureReport } from "../test/crash/torture-run.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    from: { type: "string", default: "1" },
    jobs: { type: "string", default: "2" },
    steps: { type: "string" },
    without: { type: "string" },
    trace: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    clones: { type: "boolean", default: false },
    alone: { type: "boolean", default: false },
    shrink: { type: "boolean", default: false },
  },
});
const control = values.without as Control | undefined;
if (control !== undefined && !(control in CONTROLS))
  throw new Error(`--without: one of ${Object.keys(CONTROLS).join(", ")}`);
const seeds =
  values.seed !== undefined
    ? values.seed.split(",").map(Number)
    : Array.from({ length: Number(values.seeds ?? 10) }, (_, n) => Number(values.from) + n);
const play = values.clones ? runCloneHistory : runHistory;
const packed = await makeTorturePackage(control);
const base = mkdtempSync(join(tmpdir(), "codex-torture-template-"));
const reports: TortureReport[] = [];
try {
  const template = await makeTemplate(base, packed.dir);
  const queue = [...seeds];
  process.once("SIGINT", () => queue.splice(0)); // What is under way comes to its end, and the figures are of that.
  const only = values.steps === undefined ? undefined : numbersOf(values.steps);
  const work = async (): Promise<void> => {
    for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
      const options: TortureOptions = {
        ...{ seed, packageDir: packed.dir, template, keeps: values.keep, isAlone: values.alone },
        ...(only === undefined ? {} : { only }),
        ...(control === undefined ? {} : { control }),
        ...(values.trace ? { trace: (line: string) => console.log(line) } : {}),
      };
      const report = await play(options);
      reports.push(report);
      print(report);
      if (values.shrink && report.problems.length > 0) await shorten(options);
      if (control !== undefined && report.problems.length > 0) queue.splice(0); // It was found.
    }
  };
  await Promise.all(Array.from({ length: Math.min(Number(values.jobs), seeds.length) }, work));
} finally {
  rmSync(base, { recursive: true, force: true });
  packed.remove();
}
const failed = reports.filter(({ problems }) => problems.length > 0);
const sum = (name: string): number => reports.reduce((total, { figures }) => total + (figures[name] ?? 0), 0);
console.log(
  `seeds=${reports.length} failed=${failed.length} ${Object.keys(reports[0]?.figures ?? {})
    .map((name) => `${name}=${sum(name)}`)
    .join(" ")}`,
);
if (failed.length > 0) process.exitCode = 1;

function print({ seed, seconds, problems, figures, base: kept }: TortureReport): void {
  console.log(`seed=${seed} seconds=${seconds} ${JSON.stringify(figures)} problems=${problems.length} ${kept}`);
  for (const problem of problems.slice(0, 12)) console.log(`  wrong: ${problem}`);
}

/** Says which steps of a history that has failed are enough for that. */
async function shorten({ seed, only, keeps: _, ...others }: TortureOptions): Promise<void> {
  const { steps } = values.clones ? makeCloneHistory(seed) : makeHistory(seed);
  const enough = await shrink(only ?? [...steps.keys()], async (some) => {
    const { problems } = await play({ ...others, seed, only: some, keeps: "never" });
    const [first = "every promise is kept"] = problems;
    console.log(`  with --steps ${some}: ${first.split("\n", 1)[0]}`);
    return problems.length > 0;
  });
  console.log(`  enough: npm run torture -- ${values.clones ? "--clones " : ""}--seed ${seed} --steps ${enough}`);
}

/** Reads "0-3,7". */
function numbersOf(text: string): readonly number[] {
  return text.split(",").flatMap((part) => {
    const [from = 0, to = from] = part.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, n) => from + n);
  });
}
