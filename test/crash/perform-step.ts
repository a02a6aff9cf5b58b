import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { commitIndex } from "../support/git-stress/user-actions.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { waitFor } from "../support/wait-for.ts";
import { ask } from "./ask.ts";
import type { ControlWord, LifeFault, Step } from "./history.ts";
import type { CoordinatorLife } from "./home/coordinator-life.ts";
import { childrenOf, isWorker, killQuietly } from "./home/processes.ts";
import type { TortureHome } from "./home/torture-home.ts";
import { land } from "./landing-step.ts";
import { suffer } from "./shortages.ts";
import { raceUser, workAsUser } from "./user-steps.ts";

/** Does one step of a history, and returns in a word what came of it. */
export async function performStep(home: TortureHome, step: Step, random: SeededRandom): Promise<string> {
  if (step.kind !== "start" && step.kind !== "wait" && home.living() === undefined && random.chance(0.6))
    await startAnew(home, undefined);
  switch (step.kind) {
    case "ask":
      return ask(home, step, random);
    case "user":
      return home.alone(() => workAsUser(home, random, step.count));
    case "wait":
      await delay(step.ms);
      return "waited";
    case "start":
      return startAnew(home, step.fault);
    case "end":
      return end(home, step.how);
    case "freeze":
      return freeze(home, step.ms);
    case "kill":
      return kill(home, step.whom, random);
    case "shortage":
      return suffer(home, step.shortage, random, () => startAnew(home, undefined));
    case "clock":
      home.counts.clockSteps += 1;
      home.order({ ...home.orders(), clockMs: (home.orders().clockMs ?? 0) + step.byMs });
      return "set";
    case "control":
      if (step.what === "land") return land(home, step.pick, random, () => startAnew(home, undefined));
      return control(home, step.what, step.pick);
    case "settings":
      return home.alone(() =>
        commitFile(home, "codex-inbox.json", JSON.stringify({ ...committedSettings(home), ...step.settings })),
      );
    case "policy":
      return (await home.command("policy", "set", "network", step.network)).code === 0 ? "set" : "refused";
    case "outside":
      return editOutside(home, step.pick);
  }
}

/** Starts a coordinator, after the end of the one before. */
async function startAnew(home: TortureHome, fault: LifeFault | undefined): Promise<string> {
  if (home.isAlone) return "nobody is to serve";
  await end(home, "SIGKILL");
  const { clockMs = 0 } = home.orders();
  home.order({ clockMs, ...(typeof fault?.at === "number" ? { endAtOp: fault.at } : {}) });
  // Its launcher waits; what it is to start begins only when the next coordinator has decided about it.
  const isSlow = fault?.action === "kill" && fault.at === "run:spawned#1";
  if (isSlow) writeFileSync(slowPath(home), "");
  const life = home.start(fault);
  void life.ended.then(() => countEnd(home, life));
  await life.begun();
  if (!isSlow) await letWorkersBegin(home);
  if (fault?.action === "stop") void raceAtStop(home, life.pid);
  if (fault?.action === "power") void life.ended.then(() => killAgents(home));
  return life.isOver() ? "died at its start" : "serves";
}

const slowPath = ({ place }: TortureHome): string => join(place.dir, "slow-workers");

/** Workers that a dead coordinator has started begin only now, when the next one has made up its mind about them: beside what it starts itself. */
export async function letWorkersBegin(home: TortureHome): Promise<void> {
  if (!existsSync(slowPath(home))) return;
  const hasDecided = (): boolean => / recovered .* action=seal/.test(home.living()?.log() ?? "");
  await waitFor(hasDecided, { what: "a decision", timeoutMs: LATE_MS, intervalMs: 5 }).catch(() => undefined);
  if (hasDecided()) home.counts.lateWorkers += 1;
  rmSync(slowPath(home), { force: true });
}

const LATE_MS = 700;

/** When the coordinator stops at its fault point, the user does something quickly, and then it goes on. */
async function raceAtStop(home: TortureHome, pid: number): Promise<void> {
  const life = home.living();
  if (life === undefined || life.pid !== pid) return;
  const isThere = await waitFor(() => life.isOver() || life.isStopped(), { what: "a stop", timeoutMs: 60_000 }).catch(
    () => false,
  );
  if (isThere === false || life.isOver()) return;
  home.counts.stoppedAtPoint += 1;
  await Promise.race([home.alone(() => raceUser(home, String(life.fault?.at))).catch(() => undefined), delay(1_500)]);
  life.signal("SIGCONT");
  raced.add(life);
}

async function end(home: TortureHome, how: NodeJS.Signals | "power"): Promise<string> {
  await untilStruck(home);
  const life = home.living();
  if (life === undefined) return "nobody serves";
  const isByPower = how === "power";
  endedBySteps.add(life);
  if (isByPower) home.counts.powerCuts += 1;
  if (life.isStopped()) life.signal("SIGCONT");
  life.signal(isByPower ? "SIGUSR2" : how);
  // The agents of tasks may take their time, and the second Ctrl-C stops them.
  if (how === "SIGINT") setTimeout(() => life.signal("SIGINT"), 100);
  await Promise.race([life.ended, delay(5_000)]);
  life.signal("SIGKILL");
  await life.ended;
  if (isByPower || life.fault?.action === "power") killAgents(home);
  return how;
}

/** Gives a coordinator with a fault the time to come to where it is; on a busy machine the steps would else always be faster. */
export async function untilStruck(home: TortureHome): Promise<void> {
  const life = home.living();
  if (life?.fault === undefined) return;
  const isOpen =
    existsSync(join(home.stateDir, "journal/open")) && readdirSync(join(home.stateDir, "journal/open")).length > 0;
  if (!isOpen) return;
  await waitFor(() => life.isOver() || raced.has(life), { what: "a fault", timeoutMs: STRUCK_MS }).catch(
    () => undefined,
  );
}

const STRUCK_MS = 2_500;
const raced = new WeakSet<CoordinatorLife>();
const endedBySteps = new WeakSet<CoordinatorLife>();

/** One that no step has ended has died where its fault was. */
function countEnd({ counts }: TortureHome, life: CoordinatorLife): void {
  if (life.fault === undefined || endedBySteps.has(life)) return;
  if (life.fault.action === "power") counts.powerCuts += 1;
  else counts.killedAtPoint += 1;
}

function killAgents(home: TortureHome): void {
  for (const pid of home.agentPids()) killQuietly(pid);
}

async function freeze(home: TortureHome, ms: number): Promise<string> {
  const life = home.living();
  if (life === undefined) return "nobody serves";
  home.counts.frozen += 1;
  life.signal("SIGSTOP");
  await delay(ms);
  life.signal("SIGCONT");
  return "went on";
}

async function kill(
  home: TortureHome,
  whom: "agent" | "worker" | "git" | "launcher",
  random: SeededRandom,
): Promise<string> {
  const life = home.living();
  const found = await waitFor(
    () => {
      const children = life === undefined ? [] : childrenOf(life.pid);
      const pids =
        whom === "git" || whom === "launcher"
          ? children
              .filter(({ name }) => (whom === "git" ? name.startsWith("git") : name === "sh"))
              .map(({ pid }) => pid)
          : home.agentPids().filter((pid) => isWorker(pid) === (whom === "worker"));
      return pids.length > 0 ? pids : undefined;
    },
    { what: whom, timeoutMs: 150, intervalMs: 2 },
  ).catch(() => []);
  const [pid] = found.slice(random.below(Math.max(1, found.length)));
  if (pid === undefined) return "none there";
  killQuietly(pid);
  home.counts.killedBesides += 1;
  return `killed ${pid}`;
}

async function control(home: TortureHome, what: Exclude<ControlWord, "land">, pick: number): Promise<string> {
  if (what === "compact" || what === "gc") {
    const { code } = await home.command(...(what === "compact" ? ["compact-tasks", "--force"] : ["worktree", "gc"]));
    return `${what} ended with ${code}`;
  }
  const life = home.living();
  if (life === undefined) return "nobody serves";
  const sessions = ["docs", "api", "ops/db", "ui"];
  const session = sessions[Math.floor(pick * sessions.length)] ?? "docs";
  const asked = async (path: string, body: unknown = {}, method = "POST"): Promise<string> => {
    const answer = await life.ask(method, path, body);
    return `${path}: ${answer?.status ?? "no answer"}`;
  };
  if (what === "pause") return asked("/pause");
  if (what === "pause-session") return asked("/pause", { session });
  if (what === "archive") return home.alone(() => asked(`/sessions/${session}/archive`));
  noteIds(home);
  const known = home.tasks.filter(({ id }) => id !== undefined);
  const task = known[Math.floor(pick * known.length)];
  if (task === undefined) return "no task is known";
  task.wasTouched = true;
  if (what === "stop") return asked(`/tasks/${task.id}/stop`);
  if (what === "edit") return asked(`/tasks/${task.id}`, { title: `edited ${pick}` }, "PATCH");
  const answer = await life.ask("POST", `/tasks/${task.id}/retry`);
  if (answer?.status === 202) task.retries += 1;
  else if (answer === undefined || answer.status >= 500) task.retriesUncertain += 1;
  return `retry: ${answer?.status ?? "no answer"}`;
}

/** Learns from the log which id a dropped file got. */
export function noteIds(home: TortureHome): void {
  const logs = home.lives.map((life) => life.log()).join("\n");
  for (const task of home.tasks) {
    if (task.id !== undefined || task.path === undefined) continue;
    task.id = new RegExp(`^\\S+ accepted .*task=(\\S+).* source=${task.path}(?:\\s|$)`, "m").exec(logs)?.[1];
  }
}

/** Somebody edits in the worktree of a session. */
async function editOutside(home: TortureHome, pick: number): Promise<string> {
  const root = `${home.dir}-inbox-trees`;
  const names = existsSync(root) ? readdirSync(root).filter((name) => isReady(home, name)) : [];
  const name = names[Math.floor(pick * names.length)];
  if (name === undefined) return "no worktree is there";
  const number = home.outside.length + 1;
  const path = join(root, name, number % 2 === 0 ? "agent/mine.ignored/x" : "agent", `outside-${number}.txt`);
  const text = `edited outside ${number}\n`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch {
    return "it went meanwhile";
  }
  if (existsSync(join(root, name, ".git"))) home.outside.push({ path, text });
  return path;
}

/** What lies in a worktree that is only being made is moved aside where that has to begin anew, and kept for a day. */
function isReady({ stateDir }: TortureHome, slug: string): boolean {
  const path = join(stateDir, "worktrees", `${slug}.json`);
  return existsSync(path) && JSON.parse(readFileSync(path, "utf8")).state === "ready";
}

function committedSettings(home: TortureHome): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(join(home.dir, "codex-inbox.json"), "utf8"));
}

async function commitFile(home: TortureHome, path: string, text: string): Promise<string> {
  writeFileSync(join(home.dir, path), text);
  await home.user.git("add", "--", path);
  await home.user.git("commit", "-q", "--allow-empty", "-m", `user: ${path}`);
  commitIndex(home.user);
  return "committed";
}
