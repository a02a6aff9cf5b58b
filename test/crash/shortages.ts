import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { SeededRandom } from "../support/seeded-random.ts";
import { waitFor } from "../support/wait-for.ts";
import { ask } from "./ask.ts";
import { makePlan, type Shortage } from "./history.ts";
import type { TortureHome } from "./home/torture-home.ts";

/** A coordinator holds files open for writing most of the time, and then a file system cannot become read-only. */
const READ_ONLY_MS = 300;
const FAILURE_MS = 1_000;

/**
 * The machine is short of something for a moment, in which a task is under way: nothing would meet it else.
 *
 * @param startAnew starts a coordinator where none lives
 */
export async function suffer(
  home: TortureHome,
  shortage: Shortage,
  random: SeededRandom,
  startAnew: () => Promise<unknown>,
): Promise<string> {
  const { how, ms } = shortage;
  if (home.living() === undefined) await startAnew();
  await ask(home, { kind: "ask", way: "http", plan: makePlan(random) }, random);
  if (how === "layer") return failCalls(home, shortage, random);
  if (how === "descriptors") return takeDescriptors(home, ms);
  return home.alone(async () => {
    const give = how === "read-only" ? await makeReadOnly(home) : home.place.take(how);
    if (give === undefined) return "not possible here";
    home.counts[({ disk: "diskFull", inodes: "noInodes", "read-only": "readOnly" } as const)[how]] += 1;
    const starting = home.living() === undefined ? startAnew() : undefined; // It has to do with what it meets, and may end.
    await delay(ms);
    give();
    await starting;
    return how;
  });
}

async function failCalls(
  home: TortureHome,
  { code, where, share, ms }: Shortage,
  random: SeededRandom,
): Promise<string> {
  const before = failedCalls(home);
  home.order({ ...home.orders(), rules: [{ where, code, share }] });
  await ask(home, { kind: "ask", way: "untracked", plan: makePlan(random) }, random);
  const hasFailed = (): boolean => failedCalls(home) > before;
  await waitFor(hasFailed, { what: "a call that fails", timeoutMs: FAILURE_MS }).catch(() => undefined);
  await delay(ms);
  const { rules: _, ...others } = home.orders();
  home.order(others);
  return `${code} below ${where}: ${failedCalls(home) - before} calls`;
}

/** Calls that the layer below the coordinators has let fail. @param code all of them unless given */
export function failedCalls({ place }: TortureHome, code = ""): number {
  const path = `${place.base}/faults.json.failed`;
  const lines = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
  return lines.filter((line) => line.startsWith(code)).length;
}

async function takeDescriptors(home: TortureHome, ms: number): Promise<string> {
  const life = home.living();
  if (life === undefined || !existsSync(`/proc/${life.pid}/fd`)) return "nobody serves";
  const limit = readdirSync(`/proc/${life.pid}/fd`).length + 1;
  const set = (most: number): boolean =>
    spawnSync("prlimit", ["--pid", String(life.pid), `--nofile=${most}:`]).status === 0;
  if (!set(limit)) return "not possible here";
  home.counts.noDescriptors += 1;
  await delay(ms);
  set(1_000);
  return `at most ${limit} descriptors`;
}

/** Between two files that are written; or after the death of the coordinator, and the next one starts on what it cannot write. */
async function makeReadOnly(home: TortureHome): Promise<(() => void) | undefined> {
  if (!home.place.isOwnFileSystem) return undefined;
  const wait = { what: "a moment without open files", timeoutMs: READ_ONLY_MS, intervalMs: 4 };
  const taken = await waitFor(() => home.place.take("read-only"), wait).catch(() => undefined);
  if (taken !== undefined) return taken;
  const life = home.living();
  life?.signal("SIGKILL");
  await life?.ended;
  return waitFor(() => home.place.take("read-only"), wait).catch(() => undefined);
}
