import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { testSeed } from "../support/seeded-random.ts";
import { tempDir } from "../support/temp-dir.ts";
import { runCloneHistory } from "./clones/clones-run.ts";
import { CONTROLS, type ControlSpec, type SourceChange } from "./controls.ts";
import { makeTemplate } from "./home/torture-home.ts";
import { runHistory } from "./torture-run.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Each run begins other histories; `npm run torture` goes through whole ones. */
const STEPS = Array.from({ length: 6 }, (_, number) => number);
const STEPS_OF_CLONES = STEPS.slice(0, 4);

it("the beginnings of random histories, of one clone and of two that share a remote, with faults at random moments, break no promise", {
  timeout: 300_000,
}, async () => {
  const packageDir = inject("packageDir");
  const template = await makeTemplate(tempDir(), packageDir);
  const seed = testSeed("torture");
  const reports = await Promise.all([
    runHistory({ seed, only: STEPS, packageDir, template }),
    runHistory({ seed: seed + 1, only: STEPS, packageDir, template }),
    runCloneHistory({ seed, only: STEPS_OF_CLONES, packageDir, template }),
  ]);
  for (const [number, { seed: one, problems, steps }] of reports.entries()) {
    const again = number < 2 ? `--seed ${one} --steps 0-5` : `--clones --seed ${one} --steps 0-3`;
    expect(problems, `npm run torture -- ${again}\n${steps.join("\n")}`).toEqual([]);
  }
});

it("what a control of the torture run takes away stands in the sources exactly once", () => {
  const changes: readonly SourceChange[] = Object.values<ControlSpec>(CONTROLS).flatMap(({ changes: all }) => all);
  const counts = changes.map(({ file, from }) => [
    file,
    from,
    readFileSync(join(ROOT, file), "utf8").split(from).length - 1,
  ]);
  expect(counts).toEqual(changes.map(({ file, from }) => [file, from, 1]));
});
