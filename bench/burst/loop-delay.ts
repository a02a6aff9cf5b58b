import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ServingOptions } from "../support/serving.ts";

/** How late the event loop of a coordinator was. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly worstMs: number;
}

const PROBE = fileURLToPath(new URL("./loop-probe.ts", import.meta.url));
const ANSWER_TIMEOUT_MS = 30_000;
const LOOK_MS = 5;

/** Returns how to start a coordinator so that `takeLoopDelay(path, …)` can ask it. */
export function loopProbe(path: string): Required<Pick<ServingOptions, "environment" | "nodeArgs">> {
  return { environment: { BENCH_LOOP_FILE: path }, nodeArgs: ["--import", PROBE] };
}

/** Returns how late the loop of the process was since the last call. */
export async function takeLoopDelay(path: string, pid: number): Promise<LoopDelay> {
  rmSync(path, { force: true });
  process.kill(pid, "SIGUSR2");
  const deadlineMs = Date.now() + ANSWER_TIMEOUT_MS;
  while (!existsSync(path)) {
    if (Date.now() > deadlineMs) throw new Error("the coordinator did not tell how late its event loop is");
    await delay(LOOK_MS);
  }
  return JSON.parse(readFileSync(path, "utf8")) as LoopDelay;
}
