import { setTimeout as delay } from "node:timers/promises";
import type { CoordinatorProcess } from "../coordinator-process.ts";
import { seededRandom } from "../seeded-random.ts";
import { waitFor } from "../wait-for.ts";
import { createGitUser, type GitUser } from "./git-user.ts";
import { longActions } from "./long-actions.ts";
import { createStressDrops, numberOf, type StressDrops } from "./stress-drops.ts";
import { checkHistory, checkLeftovers, checkTasks } from "./stress-findings.ts";
import { makeStressSite, type SiteOptions, type StressSite } from "./stress-site.ts";
import { QUICK_ACTIONS, settle, type UserAction } from "./user-actions.ts";

export interface StressOptions extends SiteOptions {
  readonly seed: number;
  /** The user goes on until so many commands of git have run. */
  readonly commands: number;
  readonly tasks: number;
  /** Without a coordinator the same loop shows which commands fail for reasons of their own. */
  readonly served: boolean;
  readonly pauseMsMax: number;
}

export interface StressReport {
  readonly seed: number;
  readonly commands: number;
  readonly seconds: number;
  readonly failures: readonly string[];
  /** Everything that is not as it has to be; empty. */
  readonly problems: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  /** What the coordinator logged. */
  readonly log: string;
}

/** How long a drop rests before it is taken: longer than the user takes from writing a file to `git add` on a busy machine. */
const SETTLE_MS = 1_000;
const DONE_MS = 60_000;
const MEANWHILE_MS = 600;

/** Lets a user work for a while beside a coordinator that is given tasks, and looks at what they leave. */
export async function runStress(options: StressOptions): Promise<StressReport> {
  const site = await makeStressSite(options);
  const startedMs = performance.now();
  try {
    const report = options.served ? await serveAndWork(site, options) : await workAlone(site, options);
    return { ...report, seconds: Math.round((performance.now() - startedMs) / 1_000) };
  } finally {
    await site.close();
  }
}

/** Returns the failures of `served` whose like `alone` does not know: they are because of us. */
export function failuresBesides(alone: StressReport, served: StressReport): readonly string[] {
  const own = new Set(alone.failures.map(kindOf));
  return served.failures.filter((failure) => !own.has(kindOf(failure)));
}

/** What was run and how it ended; names of files and commits differ from run to run. */
function kindOf(failure: string): string {
  return failure.split(":", 2).join(":").replaceAll(/\d+/g, "n");
}

async function workAlone(site: StressSite, options: StressOptions): Promise<Omit<StressReport, "seconds">> {
  const user = createGitUser(site);
  const drops = createStressDrops(undefined);
  await work(user, drops, options, () => delay(5), site.notesDir);
  return { seed: options.seed, ...toReport(user), problems: user.problems, figures: {}, log: "" };
}

async function serveAndWork(site: StressSite, options: StressOptions): Promise<Omit<StressReport, "seconds">> {
  const coordinator = site.serve("--port", "0", "--settle-ms", String(SETTLE_MS));
  await coordinator.saw("serving");
  const ended = (): number => coordinator.lines("run-ended").length;
  const pass = async (): Promise<void> => {
    const before = ended();
    const deadlineMs = performance.now() + MEANWHILE_MS;
    await waitFor(() => ended() > before || performance.now() > deadlineMs, { what: "a task to end" });
  };
  const user = createGitUser(site);
  const accepted = (path: string): boolean =>
    coordinator.lines("accepted").some((line) => line.field("source") === path);
  const drops = createStressDrops(accepted);
  const stopped: string[] = [];
  try {
    await work(user, drops, options, pass, site.notesDir);
    await waitFor(() => isDone(site, drops), {
      what: "every task to be committed",
      timeoutMs: DONE_MS,
      intervalMs: 200,
    });
  } catch (error) {
    stopped.push(String(error));
  }
  coordinator.signal("SIGTERM");
  const end = await coordinator.ended;
  if (end.code !== 0) stopped.push(`the coordinator ended with ${end.code ?? end.signal}:\n${lastLines(coordinator)}`);
  const history = checkHistory(site);
  const problems = [...stopped, ...user.problems, ...history.problems];
  problems.push(
    ...(await checkNothingToDo(site)),
    ...checkTasks(site, drops.numbers(), history.takenAlong),
    ...checkLeftovers(site),
  );
  const figures = {
    ...figuresOf(coordinator),
    moves: history.ours,
    takenAlong: history.takenAlong.size,
    removedByUser: drops.removedByUser,
  };
  return { seed: options.seed, ...toReport(user), problems, figures, log: coordinator.log() };
}

/** The user's loop: one action after the other, tasks in between, everything committed at the end. */
async function work(
  user: GitUser,
  drops: StressDrops,
  options: StressOptions,
  pass: () => Promise<void>,
  notesDir: string,
): Promise<void> {
  const actions = [...QUICK_ACTIONS, ...longActions({ pass, notesDir })];
  for (let turn = 1; user.commands < options.commands; turn += 1) {
    const random = seededRandom(options.seed, turn);
    const [name, act] = choose(actions, random.below(totalWeight(actions)));
    await act(user, random);
    await user.verify(`${name} (turn ${turn})`);
    await drops.check(user, `${name} (turn ${turn})`, TAKES_AWAY.test(name));
    if (drops.count < (options.tasks * user.commands) / options.commands) await drops.drop(user, random);
    await delay(random.below(options.pauseMsMax));
  }
  while (drops.count < options.tasks) await drops.drop(user, seededRandom(options.seed, -drops.count));
  await settle(user);
  await user.verify("the last commit");
}

/** Actions that may remove an untaken drop from the disk: that is the user's will. */
const TAKES_AWAY = /reset|stash/;

type WeightedAction = readonly [name: string, weight: number, action: UserAction];

function totalWeight(actions: readonly WeightedAction[]): number {
  return actions.reduce((sum, [, weight]) => sum + weight, 0);
}

function choose(actions: readonly WeightedAction[], point: number): readonly [string, UserAction] {
  let left = point;
  for (const [name, weight, action] of actions) {
    if (left < weight) return [name, action];
    left -= weight;
  }
  throw new Error("weights do not add up");
}

/** Every task is in the branch as finished, and git sees nothing that waits. */
function isDone({ results, repo }: StressSite, drops: StressDrops): boolean {
  const done = results.tasks().filter(({ status }) => status === "succeeded");
  const numbers = new Set(done.map(({ prompt }) => numberOf(prompt)));
  if (!drops.numbers().every((number) => numbers.has(number))) return false;
  return results.openTasks().length === 0 && repo.git("status", "--porcelain") === "";
}

/** A coordinator that looks afresh finds everything done: it commits nothing. */
async function checkNothingToDo(site: StressSite): Promise<readonly string[]> {
  const before = site.repo.git("rev-parse", "main");
  const again = site.serve("--until-idle", "--settle-ms", "10");
  const end = await again.ended;
  if (end.code !== 0) return [`the next coordinator ended with ${end.code ?? end.signal}:\n${lastLines(again)}`];
  const after = site.repo.git("rev-parse", "main");
  return before === after ? [] : [`the next coordinator found something to commit:\n${lastLines(again)}`];
}

function lastLines(coordinator: CoordinatorProcess): string {
  return coordinator.log().trimEnd().split("\n").slice(-12).join("\n");
}

function toReport(user: GitUser): Pick<StressReport, "commands" | "failures"> {
  return { commands: user.commands, failures: user.failures };
}

function figuresOf(coordinator: CoordinatorProcess): Readonly<Record<string, number>> {
  const waits = waitsOf(coordinator).sort((a, b) => a - b);
  const at = (share: number): number => waits[Math.floor((waits.length - 1) * share)] ?? 0;
  const recommits = coordinator.lines("recommit").map((line) => line.field("reason") ?? "");
  return {
    batches: coordinator.lines("committed").length,
    branchMoved: coordinator.lines("branch-moved").length,
    recommittedAfterReset: recommits.filter((reason) => reason.includes("lost")).length,
    repaired: recommits.filter((reason) => !reason.includes("lost")).length,
    leftAlone: coordinator.lines("left-alone").length,
    forgotten: coordinator.lines("forgotten").length,
    waitMsMedian: at(0.5),
    waitMs99: at(0.99),
    waitMsMax: at(1),
  };
}

/** Returns how long each finished task waited for its commit; they are committed in the order they ended in. */
function waitsOf(coordinator: CoordinatorProcess): number[] {
  const ended: number[] = [];
  const waits: number[] = [];
  for (const line of coordinator.lines()) {
    const timeMs = Date.parse(line.text.split(" ", 1)[0] ?? "");
    if (line.event === "run-ended") ended.push(timeMs);
    if (line.event !== "committed") continue;
    for (const endedMs of ended.splice(0, Number(line.field("tasks")))) waits.push(timeMs - endedMs);
  }
  return waits;
}
