import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type SeededRandom, seededRandom } from "../support/seeded-random.ts";
import { CONTROLS, type Control, type ControlSpec } from "./controls.ts";
import { checkBytes, checkNotAgain, checkStarts, checkTranscripts, readNotes } from "./findings/agent-findings.ts";
import { refusedAsArchived } from "./findings/archived-drops.ts";
import {
  broughtBack,
  checkCommits,
  checkDoctor,
  checkLeftovers,
  checkOutcomes,
  checkUser,
  readBranch,
} from "./findings/branch-findings.ts";
import { makeHistory, type Step } from "./history.ts";
import type { CoordinatorLife } from "./home/coordinator-life.ts";
import { makePlace, type Place } from "./home/place.ts";
import { killQuietly, processesOf } from "./home/processes.ts";
import { copyTemplate, makeHome, type TortureHome } from "./home/torture-home.ts";
import { letWorkersBegin, noteIds, performStep, untilStruck } from "./perform-step.ts";
import { failedCalls } from "./shortages.ts";

export interface TortureOptions {
  readonly seed: number;
  /** No coordinator begins before everything has to come to rest: how often do commands of users fail then? */
  readonly isAlone?: boolean;
  /** Numbers of the steps to be done; all of them unless given. */
  readonly only?: readonly number[];
  readonly packageDir: string;
  readonly template: string;
  readonly control?: Control;
  /** Says each step as it is done. */
  readonly trace?: (line: string) => void;
  /** Leaves everything where it is; else that is done after a violation alone, or "never". */
  readonly keeps?: boolean | "never";
}

export interface TortureReport {
  readonly seed: number;
  readonly seconds: number;
  /** Everything that is not as it has to be; empty. */
  readonly problems: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  /** How each step went. */
  readonly steps: readonly string[];
  readonly base: string;
}

/** A coordinator that has something to do says something within this time, on a machine with twenty times the work it can do as well. */
const STILL_MS = 180_000;
const SETTLE_MAX_MS = 1_800_000;
const LOOK_MS = 300;

/** Does all that the history of a seed says, lets everything come to rest, and looks whether the promises were kept. */
export async function runHistory(options: TortureOptions): Promise<TortureReport> {
  const { seed, packageDir, template, control, keeps = false } = options;
  const startedMs = performance.now();
  const random = seededRandom(seed, -1);
  const place = makePlace(random.chance(0.75));
  const { layer }: Partial<ControlSpec> = control === undefined ? {} : CONTROLS[control];
  copyTemplate(template, place, firstSettings(seed));
  const home = makeHome({ place, packageDir, without: layer, isAlone: options.isAlone ?? false });
  const { steps } = makeHistory(seed);
  const { said, problems } = await playSteps(options, steps, {
    describe,
    perform: (step, chance) => performStep(home, step, chance),
    async end(say) {
      const unsettled = await settle(home, say);
      return [...unsettled, ...(await check(home))];
    },
  });
  const figures = figuresOf(home);
  const isKept = isToBeKept(keeps, problems);
  await close(place, [home], isKept);
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  return { seed, seconds, problems: [...new Set(problems)], figures, steps: said, base: isKept ? place.base : "" };
}

interface Play<Step> {
  readonly describe: (step: Step) => string;
  /** Returns what came of it. */
  readonly perform: (step: Step, random: SeededRandom) => Promise<string>;
  /** Lets all come to rest and looks. Returns what is wrong. */
  readonly end: (say: (line: string) => void) => Promise<readonly string[]>;
}

/** Does what of a history is asked for, step by step. Returns what was done, and what is wrong then. */
export async function playSteps<Step>(
  { seed, only, trace = () => undefined }: TortureOptions,
  steps: readonly Step[],
  { describe, perform, end }: Play<Step>,
): Promise<{ readonly said: readonly string[]; readonly problems: readonly string[] }> {
  const said: string[] = [];
  const problems: string[] = [];
  const say = (line: string): void => {
    said.push(line);
    trace(line);
  };
  try {
    for (const [number, step] of steps.entries()) {
      if (only !== undefined && !only.includes(number)) continue;
      say(`${number} ${describe(step)} → ${await perform(step, seededRandom(seed, 1_000 + number))}`);
    }
    problems.push(...(await end(say)));
  } catch (error) {
    problems.push(`the history stopped: ${error instanceof Error ? error.stack : String(error)}`);
  }
  return { said, problems };
}

export function isToBeKept(keeps: TortureOptions["keeps"], problems: readonly string[]): boolean {
  return keeps === true || (keeps !== "never" && problems.length > 0);
}

export function firstSettings(seed: number): Readonly<Record<string, unknown>> {
  const random = seededRandom(seed, -2);
  return {
    ...{ maxWorkers: 1 + random.below(4), retryBaseMs: 20, retryMaxMs: 100, stopGraceMs: 200, rescanMs: 500 },
    verifyCommands: ["true", "false", "sleep 0.05"],
    worktree: { freeBytes: 0, parkAfterMs: random.pick([0, 0, 86_400_000]) },
  };
}

/** All faults over: a coordinator works until nothing is left to do. */
async function settle(home: TortureHome, say: (line: string) => void): Promise<readonly string[]> {
  await endFaults(home);
  const life = await startAtLast(home, ["--until-idle"]);
  const end = await findUnlessStill([life], () => (life.isOver() ? life.ended : undefined));
  say(`settled: ${end === undefined ? "no" : `${end.code ?? end.signal}`}`);
  noteIds(home);
  if (end === undefined) {
    life.signal("SIGKILL");
    await life.ended;
    return [`nothing came to rest:\n${lastLines(life.log())}`];
  }
  return end.code === 0 || end.code === 1
    ? []
    : [`the last coordinator ended with ${end.code ?? end.signal}:\n${lastLines(life.log())}`];
}

/**
 * Looks until `find` finds something, and returns that; `undefined` where the logs of `lives` say nothing any more, or this never comes to an
 * end. How long it takes on a busy machine does not matter.
 */
export async function findUnlessStill<Found>(
  lives: readonly CoordinatorLife[],
  find: () => Found | undefined,
): Promise<Found | undefined> {
  const startedMs = performance.now();
  for (let [said, saidMs] = [-1, startedMs]; ; await delay(LOOK_MS)) {
    const [found, nowMs] = [find(), performance.now()];
    const size = lives.reduce((sum, life) => sum + life.log().length, 0);
    if (size !== said) [said, saidMs] = [size, nowMs];
    if (found !== undefined || nowMs - saidMs > STILL_MS || nowMs - startedMs > SETTLE_MAX_MS) return found;
  }
}

/** Starts a coordinator without a fault; once more where the machine was too busy for the agent to say its version in time. */
export async function startAtLast(home: TortureHome, more: readonly string[] = []): Promise<CoordinatorLife> {
  for (let attempt = 1; ; attempt += 1) {
    const life = home.start(undefined, more);
    await life.begun();
    await letWorkersBegin(home);
    if (attempt === STARTS_MAX || !life.isOver() || !life.log().includes(" gave no answer for ")) return life;
  }
}

const STARTS_MAX = 5;

/** No fault is left, no coordinator, and nothing that would keep the next one from doing all there is. */
export async function endFaults(home: TortureHome): Promise<void> {
  await untilStruck(home);
  noteIds(home);
  home.order({ clockMs: home.orders().clockMs ?? 0 });
  const before = home.living();
  if (before?.isStopped() === true) before.signal("SIGCONT");
  before?.signal("SIGKILL");
  await before?.ended;
  await home.alone(() => commitStagedDrops(home));
  rmSync(join(home.stateDir, "paused"), { recursive: true, force: true });
}

/** What the user has staged stays where it is, a drop too: it goes once it is committed. */
async function commitStagedDrops({ user }: TortureHome): Promise<void> {
  if ((await user.look("diff", "--cached", "--name-only", "--", "inbox")) === "") return;
  await user.git("commit", "-q", "-m", "user: what is asked", "--", "inbox");
}

/** Numbers of the tasks that have a verify command. */
export function verifiedIn({ tasks }: Pick<TortureHome, "tasks">): ReadonlySet<number> {
  const verified = tasks.filter(({ plan }) => plan.keys.some((key) => key.startsWith("verify")));
  return new Set(verified.map(({ number }) => number));
}

async function check(home: TortureHome): Promise<readonly string[]> {
  const content = readBranch(home);
  const notes = readNotes(home);
  const verified = verifiedIn(home);
  const refused = refusedAsArchived(home.repo, home.tasks);
  return [
    ...checkOutcomes({ tasks: home.tasks.filter((task) => !refused.includes(task)) }, content, broughtBack(home)),
    ...checkCommits(home, content),
    ...(await checkUser(home)),
    ...checkStarts(notes),
    ...checkNotAgain(notes, verified),
    ...checkTranscripts(notes, content),
    ...checkBytes(home, notes),
    ...checkLeftovers(home, refused),
    ...(await checkDoctor(home)),
  ];
}

function figuresOf(home: TortureHome): Readonly<Record<string, number>> {
  const notes = readNotes(home);
  return {
    tasks: home.tasks.length,
    refused: refusedAsArchived(home.repo, home.tasks).length,
    runs: notes.filter(({ kind }) => kind === "start").length,
    written: notes.filter(({ kind }) => kind === "wrote").length,
    ...figuresOfLives(home),
  };
}

/** How often what was done to a home, and what came of it there. */
export function figuresOfLives(home: TortureHome): Readonly<Record<string, number>> {
  return {
    lives: home.lives.length,
    ...home.counts,
    ...Object.fromEntries(CODES.map((code) => [code, failedCalls(home, code)])),
    landings: landingsIn(home),
    userCommands: home.user.commands,
    userFailures: home.user.failures.length,
  };
}

const CODES = ["ENOSPC", "EIO", "EMFILE", "EROFS"] as const;

/** Commits by which the work of sessions came into the branch; what the user has taken back since is not among them. */
function landingsIn({ repo }: TortureHome): number {
  return repo.git("log", "--format=%(trailers:key=Merged-Branch,valueonly)", "main").split("\n").filter(Boolean).length;
}

/** Ends all that is left of homes in `place`. */
export async function close(place: Place, homes: readonly TortureHome[], keeps: boolean): Promise<void> {
  for (const home of homes) {
    const life = home.living();
    life?.signal("SIGKILL");
    await life?.ended;
  }
  for (const line of processesOf(place.base)) killQuietly(Number(line.split(" ", 1)[0]));
  if (!keeps) place.remove();
}

function describe({ kind, ...more }: Step): string {
  return `${kind} ${JSON.stringify(more)}`;
}

export function lastLines(log: string): string {
  return log.trimEnd().split("\n").slice(-15).join("\n");
}
