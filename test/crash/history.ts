import { FAULT_POINTS } from "../../src/base/fault-point.ts";
import { type SeededRandom, seededRandom } from "../support/seeded-random.ts";

/** What the agent of a task does: the words of test/fixtures/torture-agent.sh. */
export interface TaskPlan {
  readonly script: string;
  /** Lines of front matter. */
  readonly keys: readonly string[];
  readonly session: string | undefined;
}

/** How one life of a coordinator is disturbed. */
export interface LifeFault {
  /** `<fault point>#<n>`, or the number of a change that it makes to a file below .git. */
  readonly at: string | number;
  /** There it is killed, or the power is cut (what was not synced is gone), or it is stopped while the user goes on. */
  readonly action: "kill" | "power" | "stop";
}

/** What the machine is short of, for a moment. */
export interface Shortage {
  readonly how: "layer" | "disk" | "inodes" | "read-only" | "descriptors";
  /** What the calls of the coordinator fail with, where the layer below its file calls lets them fail. */
  readonly code: "ENOSPC" | "EIO" | "EMFILE" | "EROFS";
  /** Paths that contain this alone. */
  readonly where: string;
  /** Of the calls that could fail. */
  readonly share: number;
  readonly ms: number;
}

/** One thing that happens. What it needs at random is drawn from its own number, so that a history without some of its steps is the same else. */
export type Step =
  | { readonly kind: "ask"; readonly way: AskWay; readonly plan: TaskPlan }
  | { readonly kind: "user"; readonly count: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "start"; readonly fault: LifeFault | undefined }
  | { readonly kind: "end"; readonly how: "SIGKILL" | "SIGTERM" | "SIGINT" | "power" }
  | { readonly kind: "freeze"; readonly ms: number }
  | { readonly kind: "kill"; readonly whom: "agent" | "worker" | "git" | "launcher" }
  | { readonly kind: "shortage"; readonly shortage: Shortage }
  | { readonly kind: "clock"; readonly byMs: number }
  | { readonly kind: "control"; readonly what: ControlWord; readonly pick: number }
  | { readonly kind: "settings"; readonly settings: Readonly<Record<string, unknown>> }
  | { readonly kind: "policy"; readonly network: "full" | "none" }
  | { readonly kind: "outside"; readonly pick: number };

type Action = LifeFault["action"];
export type AskWay = "untracked" | "staged" | "committed" | "http" | "cli";
export type ControlWord = "stop" | "retry" | "edit" | "pause" | "pause-session" | "archive" | "land" | "compact" | "gc";

export interface History {
  readonly seed: number;
  readonly steps: readonly Step[];
}

const SESSIONS = ["docs", "api", "ops/db", "ui"] as const;
const STEPS = 18;
const HOUR_MS = 3_600_000;

/** Returns the history of `seed`. */
export function makeHistory(seed: number): History {
  const steps = Array.from({ length: STEPS }, (_, index) => makeStep(seededRandom(seed, index), index));
  return { seed, steps };
}

export function makeStep(random: SeededRandom, index: number): Step {
  if (index === 0) return { kind: "start", fault: disturbance(random) };
  const point = random.next();
  if (point < 0.34) return { kind: "ask", way: askWay(random), plan: makePlan(random) };
  if (point < 0.52) return { kind: "user", count: 1 + random.below(3) };
  if (point < 0.6) return { kind: "wait", ms: random.below(250) };
  if (point < 0.7) return { kind: "start", fault: disturbance(random) };
  if (point < 0.73) return { kind: "end", how: random.pick(["SIGKILL", "power", "power", "SIGTERM", "SIGINT"]) };
  if (point < 0.75) return { kind: "freeze", ms: 20 + random.below(200) };
  if (point < 0.79) return { kind: "kill", whom: random.pick(["agent", "worker", "git", "launcher"]) };
  if (point < 0.84) return { kind: "shortage", shortage: makeShortage(random) };
  if (point < 0.86) return { kind: "clock", byMs: random.pick([-HOUR_MS, -2_000, 2_000, HOUR_MS, 24 * HOUR_MS]) };
  if (point < 0.95) return { kind: "control", what: random.pick(CONTROLS), pick: random.next() };
  if (point < 0.97) return { kind: "settings", settings: makeSettings(random) };
  if (point < 0.973) return { kind: "policy", network: random.pick(["full", "none"]) };
  return { kind: "outside", pick: random.next() };
}

const CONTROLS = [
  ...["stop", "stop", "retry", "retry", "edit", "edit", "pause", "pause-session"],
  ...["archive", "land", "land", "land", "land", "compact", "gc"],
] as unknown as readonly [ControlWord, ...ControlWord[]];

const PLACES: readonly {
  readonly share: number;
  readonly points: RegExp;
  readonly actions: readonly [Action, ...Action[]];
}[] = [
  { share: 0.12, points: /^commit:swap-files/, actions: ["stop"] }, // With the index in its hands: what the user stages then must stay.
  { share: 0.1, points: /^commit:(?:objects-written|files-written|index-built)/, actions: ["stop"] }, // The user commits before its branch moves.
  { share: 0.1, points: /^run:spawned/, actions: ["kill"] }, // Its worker begins late, when the next one has decided about it.
  { share: 0.22, points: /^commit:/, actions: ["stop", "stop", "kill", "power"] },
  { share: 0.14, points: /^(?:run|verify):(?:directory|journaled|spawned)/, actions: ["kill", "kill", "power"] },
  { share: 0.16, points: /^(?:accept|run|finish|turn):/, actions: ["kill", "power", "power", "stop"] },
  { share: 0.16, points: /./, actions: ["kill", "power", "stop"] },
];

/** How a start goes on. One in four coordinators lives until a step ends it. */
function disturbance(random: SeededRandom): LifeFault | undefined {
  const point = random.next();
  if (point < 0.25) return undefined;
  if (point < 0.45) return { at: 1 + Math.floor(random.next() ** 2 * 400), action: random.pick(["kill", "power"]) };
  let left = random.next();
  const place = PLACES.find(({ share }) => {
    left -= share;
    return left < 0;
  });
  const { points, actions } = place ?? { points: /./, actions: ["kill"] as const };
  const [first, ...others] = FAULT_POINTS.filter((name) => points.test(name));
  const name = random.pick([first ?? "commit:done", ...others]);
  return { at: `${name}#${name === "run:spawned" ? 1 : 1 + random.below(2)}`, action: random.pick(actions) };
}

function askWay(random: SeededRandom): AskWay {
  return random.chance(0.05)
    ? "cli"
    : random.pick(["untracked", "untracked", "untracked", "staged", "committed", "http", "http"]);
}

export function makePlan(random: SeededRandom): TaskPlan {
  const words: string[] = [];
  for (let count = random.below(5); count > 0; count -= 1)
    words.push(random.pick(["say", "say", `sleep=0.0${1 + random.below(9)}`, `write=agent/file-${random.below(100)}`]));
  const isApart = random.chance(0.3);
  if (isApart && random.chance(0.6))
    words.push(
      random.pick([
        "edit=agent/shared.txt",
        "edit=agent/other.txt",
        "write=agent/kept.ignored/x",
        "write=agent/kept.ignored/x",
      ]),
    );
  const end = random.pick([
    ...Array<string>(14).fill("ok"),
    "fail",
    "fail-first",
    "fail-first",
    "exit",
    "torn",
    "hang",
  ] as unknown as readonly [string, ...string[]]);
  words.push(end);
  const keys: string[] = [];
  if (isApart) keys.push("worktree: always");
  if (end === "hang") keys.push("timeoutMs: 1000", "maxAttempts: 1");
  if (random.chance(0.1)) keys.push(`priority: ${random.below(5)}`);
  if (random.chance(0.1)) keys.push("resume: false");
  if (random.chance(0.12))
    keys.push(`verifyCommand: ${random.pick(["true", "true", "sleep 0.05", "false"])}`, "maxVerifyAttempts: 2");
  return { script: words.join(" "), keys, session: random.chance(0.7) ? random.pick(SESSIONS) : undefined };
}

function makeShortage(random: SeededRandom): Shortage {
  return {
    how: random.pick(["layer", "layer", "layer", "disk", "disk", "inodes", "read-only", "descriptors"]),
    code: random.pick(["ENOSPC", "EIO", "EMFILE", "EROFS"]),
    where: random.pick([
      "",
      ".git/codex-inbox/",
      "journal/",
      "accepting/",
      "runs/",
      "sessions/",
      "tasks.md",
      ".git/objects",
    ]),
    share: random.pick([1, 1, 0.3]),
    ms: 30 + random.below(400),
  };
}

function makeSettings(random: SeededRandom): Readonly<Record<string, unknown>> {
  return {
    maxWorkers: 1 + random.below(5),
    sharedWriters: random.pick([1, 1, 3]),
    maxAttempts: 1 + random.below(3),
    worktree: { freeBytes: 0, parkAfterMs: random.pick([0, 0, 200, 86_400_000]), maxCount: random.pick([1, 3, 20]) },
  };
}
