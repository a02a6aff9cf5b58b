import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Drop, drops, nextHeldDrop } from "../support/drops.ts";
import type { Memory } from "../support/process-figures.ts";
import { type Results, waitForResults } from "../support/results.ts";
import { type Serving, type ServingOptions, startServing } from "../support/serving.ts";
import { makeWorkspace } from "../support/workspace.ts";
import { type Audit, audit } from "./audit.ts";
import { commitWaits } from "./commit-waits.ts";
import { type LoopDelay, loopProbe, takeLoopDelay } from "./loop-delay.ts";
import type { Plan } from "./plan.ts";
import { type Posted, startPosting } from "./posting.ts";

/** A coordinator that can be asked how late its event loop is. */
export interface Probed {
  readonly serving: Serving;
  readonly loopPath: string;
  /** How long it took to accept the tasks that cannot run. */
  readonly heldMs: number;
}

/** All that was seen of one burst. */
export interface Burst extends Results, Posted {
  readonly count: number;
  /** From the first rename to the branch that holds the last result. */
  readonly tookMs: number;
  readonly publishedMs: number;
  readonly ownCpuMs: number;
  readonly childrenCpuMs: number;
  readonly waitsMs: readonly number[];
  readonly loop: LoopDelay;
  readonly idleKb: number;
  readonly peakKb: number;
  readonly afterKb: number;
  readonly audit: Audit;
}

/** More than any benchmark queues: what is measured is the queue, not its limit. */
const OPEN_TASKS_MAX = "100000";
const HELD_TIMEOUT_MS = 300_000;
const HELD_LOOK_MS = 200;

/** Makes a workspace and starts a coordinator there, with `held` tasks that cannot run. */
export async function startProbed(dir: string, held: number, options: ServingOptions = {}): Promise<Probed> {
  await makeWorkspace(dir);
  return serveProbed(dir, held, options);
}

/** Does the same in a workspace that is there. */
export async function serveProbed(dir: string, held: number, options: ServingOptions = {}): Promise<Probed> {
  const loopPath = join(dir, ".git", "bench-loop.json");
  const { environment, nodeArgs } = loopProbe(loopPath);
  const serving = await startServing(dir, {
    environment: { ...environment, ...options.environment },
    nodeArgs: [...nodeArgs, ...(options.nodeArgs ?? [])],
    flags: ["--max-open-tasks", OPEN_TASKS_MAX],
  });
  return { serving, loopPath, heldMs: await queueHeld(serving, held) };
}

/** Publishes `count` tasks that cannot run, and waits until they are accepted. Returns how long that took, in ms. */
export async function queueHeld(serving: Serving, count: number): Promise<number> {
  const startedMs = serving.publish(drops(count, nextHeldDrop));
  const deadlineMs = Date.now() + HELD_TIMEOUT_MS;
  for (;;) {
    const accepted = serving.lines().filter(({ event }) => event === "accepted");
    const last = accepted.at(-1);
    if (accepted.length >= count) return last === undefined ? 0 : last.atMs - startedMs;
    if (Date.now() > deadlineMs)
      throw new Error(`${accepted.length} of ${count} held tasks were accepted in ${HELD_TIMEOUT_MS} ms`);
    await delay(HELD_LOOK_MS);
  }
}

/** Publishes the tasks at once and waits until the branch holds all their results, or the time of the plan is over. */
export async function serveBurst(
  { serving, loopPath }: Probed,
  tasks: readonly Drop[],
  { restMs, limitMs }: Plan,
): Promise<Burst> {
  await delay(restMs);
  serving.forget();
  serving.forgetPeak();
  await takeLoopDelay(loopPath, serving.pid);
  const idle: Memory = serving.memory();
  const before = serving.cpu();
  const posting = startPosting(serving);
  const publishedMs = serving.publish(tasks);
  const results = await waitForResults(serving, tasks.length, limitMs);
  const after = serving.cpu();
  const posted = await posting.stop();
  const loop = await takeLoopDelay(loopPath, serving.pid);
  const { peakKb } = serving.memory();
  const lines = [...serving.lines()];
  await delay(restMs);
  return {
    ...results,
    ...posted,
    count: tasks.length,
    publishedMs,
    tookMs: results.lastMs - publishedMs,
    ownCpuMs: after.ownMs - before.ownMs,
    childrenCpuMs: after.childrenMs - before.childrenMs,
    waitsMs: await commitWaits(serving.dir, lines),
    loop,
    idleKb: idle.residentKb,
    peakKb,
    afterKb: serving.memory().residentKb,
    audit: await audit(serving.dir, tasks),
  };
}
