import { setTimeout as delay } from "node:timers/promises";
import { type Serving, startServing } from "../support/serving.ts";
import { makeWorkspace } from "../support/workspace.ts";
import { KB_PER_MB } from "./burst-figures.ts";
import type { Plan } from "./plan.ts";
import { type Findings, type Row, ratio } from "./report.ts";
import { queueHeld } from "./served-burst.ts";

/** What a coordinator with nothing to run costs: shares of one core, of the process itself and of what it starts. */
interface IdleCost {
  readonly own: number;
  readonly children: number;
  readonly residentKb: number;
}

/** What was accepted is being written and noticed for some seconds more. */
const REST_MS_MAX = 5_000;

/** A coordinator with an empty queue and one with tasks that cannot run, at the same time. */
export async function measureIdle({ idleHeld, idleMs }: Plan, folder: string): Promise<Findings> {
  const [empty, held] = await idleCosts(folder, [0, idleHeld], idleMs);
  const rows = (what: string, of: (cost: IdleCost) => number, digits: number): readonly Row[] => {
    const [figure, beside] = [empty, held].map((cost) => (cost === undefined ? undefined : of(cost)));
    const name = `idle, ${idleHeld.toLocaleString("en")} held tasks, ${what}; ratio: to the empty queue`;
    return [
      { name: `idle, empty queue, ${what}`, digits, figure },
      { name, digits, figure: beside, ratio: ratio(beside, figure) },
    ];
  };
  return {
    rows: [
      ...rows("coordinator, % of one core", ({ own }) => 100 * own, 2),
      ...rows("its children, % of one core", ({ children }) => 100 * children, 2),
      ...rows("resident, MB", ({ residentKb }) => residentKb / KB_PER_MB, 0),
    ],
    problems: [],
  };
}

/** Measures coordinators with so many held tasks each, all of them in the same `spanMs`. */
async function idleCosts(folder: string, held: readonly number[], spanMs: number): Promise<readonly IdleCost[]> {
  const servings: Serving[] = [];
  try {
    for (const count of held) {
      const dir = `${folder}/idle-${count}`;
      await makeWorkspace(dir);
      const serving = await startServing(dir, { flags: ["--max-open-tasks", String(count + 1)] });
      servings.push(serving);
      await queueHeld(serving, count);
    }
    await delay(Math.min(REST_MS_MAX, spanMs));
    const before = servings.map((serving) => serving.cpu());
    const startedMs = performance.now();
    await delay(spanMs);
    const tookMs = performance.now() - startedMs;
    return servings.map((serving, index) => {
      const { ownMs, childrenMs } = serving.cpu();
      const first = before[index] ?? { ownMs: Number.NaN, childrenMs: Number.NaN };
      return {
        own: (ownMs - first.ownMs) / tookMs,
        children: (childrenMs - first.childrenMs) / tookMs,
        residentKb: serving.memory().residentKb,
      };
    });
  } finally {
    await Promise.all(servings.map((serving) => serving.stop()));
  }
}
