import { parseArgs } from "node:util";

const PARTS = ["one", "burst", "held", "flood", "idle", "peers", "http", "bytes", "sync", "real"] as const;

export type Part = (typeof PARTS)[number];

/** What is measured, and how much of it. */
export interface Plan {
  readonly parts: ReadonlySet<Part>;
  /** Tasks that a coordinator runs before any is measured. */
  readonly warmUp: number;
  readonly tasks: number;
  readonly burst: number;
  readonly held: number;
  readonly rounds: number;
  readonly flood: number;
  readonly idleHeld: number;
  readonly idleMs: number;
  readonly real: number;
  /** Where the profiles of the coordinators of `burst`, `held` and `real` go, which slow them down a little. */
  readonly profileDir: string | undefined;
  /** A coordinator has this long to come to rest before its memory is read, and before each burst. */
  readonly restMs: number;
  /** The longest that one burst, or the flood, may take. */
  readonly limitMs: number;
  /** Peers that are not there are installed. */
  readonly mayInstall: boolean;
}

const SMOKE = {
  warmUp: 1,
  tasks: 1,
  burst: 5,
  held: 5,
  rounds: 1,
  flood: 8,
  idleHeld: 5,
  idleMs: 300,
  real: 1,
  restMs: 50,
} as const;
const FIXED = { warmUp: 3, idleHeld: 10_000, idleMs: 20_000, restMs: 2_000 } as const;

/** @throws Error for an unknown flag or part */
export function parsePlan(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tasks: { type: "string", default: "30" },
      burst: { type: "string", default: "1000" },
      held: { type: "string", default: "9000" },
      rounds: { type: "string", default: "2" },
      flood: { type: "string", default: "10000" },
      "real-tasks": { type: "string", default: "24" },
      "limit-s": { type: "string", default: "900" },
      "cpu-prof": { type: "string" },
      real: { type: "boolean", default: false },
      only: { type: "string" },
      smoke: { type: "boolean", default: false },
    },
  });
  const asked = values.only?.split(",") ?? PARTS.filter((part) => part !== "real" || values.real);
  const unknown = asked.filter((part) => !(PARTS as readonly string[]).includes(part));
  if (unknown.length > 0) throw new Error(`unknown part ${unknown.join(", ")}; there are ${PARTS.join(", ")}`);
  const full = {
    tasks: Number(values.tasks),
    burst: Number(values.burst),
    held: Number(values.held),
    rounds: Number(values.rounds),
    flood: Number(values.flood),
    real: Number(values["real-tasks"]),
    ...FIXED,
  };
  const parts = new Set(asked as Part[]);
  const profileDir = values["cpu-prof"];
  const limitMs = Number(values["limit-s"]) * 1_000;
  return { parts, profileDir, limitMs, mayInstall: !values.smoke, ...(values.smoke ? SMOKE : full) };
}

/** For Node; the profile is written when the coordinator ends. */
export function profiling({ profileDir }: Plan, name: string): readonly string[] {
  return profileDir === undefined
    ? []
    : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`, `--cpu-prof-name=${name}.cpuprofile`];
}
