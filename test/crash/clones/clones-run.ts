import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { seededRandom } from "../../support/seeded-random.ts";
import { CONTROLS, type ControlSpec } from "../controls.ts";
import { readNotes } from "../findings/agent-findings.ts";
import type { TortureHome } from "../home/torture-home.ts";
import { noteIds, performStep } from "../perform-step.ts";
import {
  close,
  endFaults,
  figuresOfLives,
  findUnlessStill,
  firstSettings,
  isToBeKept,
  lastLines,
  playSteps,
  startAtLast,
  type TortureOptions,
  type TortureReport,
} from "../torture-run.ts";
import { checkShared, refusedEverywhere, unrest } from "./clone-findings.ts";
import { type CloneStep, makeCloneHistory } from "./clone-history.ts";
import { makeSharedHomes, type SharedHomes } from "./shared-homes.ts";

const END_MS = 60_000;

/** As `runHistory`, with two clones that are served, a third one whose user pushes, and the remote that they share. */
export async function runCloneHistory(options: TortureOptions): Promise<TortureReport> {
  const { seed, packageDir, template, control, keeps = false } = options;
  const startedMs = performance.now();
  const { layer }: Partial<ControlSpec> = control === undefined ? {} : CONTROLS[control];
  const shared = makeSharedHomes({
    ...{ template, packageDir, settings: firstSettings(seed), without: layer, isAlone: options.isAlone ?? false },
  });
  const { steps, isCalm } = makeCloneHistory(seed);
  const counts = { pushes: 0, aways: 0, syncs: 0 };
  const { said, problems } = await playSteps(options, steps, {
    describe: (step) => JSON.stringify(step),
    perform: (step, random) => performCloneStep(shared, step, random, counts),
    async end(say) {
      const unsettled = await comeToRest(shared, say);
      return [...unsettled, ...(await checkShared(shared, isCalm))];
    },
  });
  shared.setAway(false);
  const notes = readNotes(shared.homes[0]);
  const figures = {
    ...{ tasks: shared.tasks.length, refused: refusedEverywhere(shared).length },
    ...{ runs: notes.filter(({ kind }) => kind === "start").length },
    ...{ calm: Number(isCalm), ...counts },
    ...sumOf(shared.homes.map(figuresOfLives)),
  };
  const isKept = isToBeKept(keeps, problems);
  await close(shared.place, shared.homes, isKept);
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  const base = isKept ? shared.place.base : "";
  return { seed, seconds, problems: [...new Set(problems)], figures, steps: said, base };
}

async function performCloneStep(
  shared: SharedHomes,
  step: CloneStep,
  random: ReturnType<typeof seededRandom>,
  counts: Record<"pushes" | "aways" | "syncs", number>,
): Promise<string> {
  switch (step.kind) {
    case "in":
      return performStep(shared.homes[step.clone], step.step, random);
    case "push":
      counts.pushes += 1;
      await shared.push(step.plans);
      return "pushed";
    case "away":
      counts.aways += 1;
      shared.setAway(true);
      setTimeout(() => shared.setAway(false), step.ms);
      return "away";
    case "sync":
      counts.syncs += 1;
      return `sync ended with ${(await shared.homes[step.clone].command("sync")).code}`;
  }
}

/** All faults over and the remote there: both coordinators work until all is done and everywhere. */
async function comeToRest(shared: SharedHomes, say: (line: string) => void): Promise<readonly string[]> {
  const { homes } = shared;
  shared.setAway(false);
  for (const home of homes) await endFaults(home);
  for (const home of homes) await startAtLast(home);
  // Of each a lock or a branch that is just being moved is no more than a moment's state.
  const why = (): string | undefined => {
    try {
      return homes.map(openTasks).find(Boolean) ?? unrest(shared);
    } catch (error) {
      return String(error);
    }
  };
  const lives = homes.flatMap(({ lives: all }) => all.slice(-1));
  const isAtRest = await findUnlessStill(lives, () => (why() === undefined ? true : undefined));
  const problem = isAtRest === undefined ? why() : undefined;
  say(`at rest: ${problem ?? "yes"}`);
  for (const home of homes) {
    noteIds(home);
    const life = home.living();
    life?.signal("SIGTERM");
    await Promise.race([life?.ended, delay(END_MS, undefined, { ref: false })]);
  }
  if (problem === undefined) return [];
  return [`nothing came to rest: ${problem}`, ...homes.map((home) => lastLines(home.lives.at(-1)?.log() ?? ""))];
}

/** Which tasks a coordinator has still to do, as a sentence. */
function openTasks({ dir, stateDir, repo }: TortureHome): string | undefined {
  const folder = join(stateDir, "journal/open");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  if (names.length > 0) return `${dir} has open ${names}`;
  const files = repo.git("ls-files", "--others", "--", "inbox").split("\n");
  const untaken = files.filter((path) => /(?<!\.error)\.md$/.test(path) && !files.includes(errorFileOf(path)));
  return untaken.length > 0 ? `${dir} holds ${untaken}` : undefined;
}

function errorFileOf(path: string): string {
  return path.replace(/\.md$/, ".error.md");
}

function sumOf(all: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, all.reduce((sum, one) => sum + (one[name] ?? 0), 0)]));
}
