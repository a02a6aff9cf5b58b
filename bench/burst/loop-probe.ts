/**
 * Loaded into a coordinator by `node --import`: watches how late its event loop is. On SIGUSR2 it writes what it saw to the file
 * that BENCH_LOOP_FILE names, and starts anew. Its timer costs the coordinator some 0.2 % of a core.
 */
import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 5;
const NS_PER_MS = 1e6;

const path = process.env.BENCH_LOOP_FILE;
if (path === undefined) throw new Error("BENCH_LOOP_FILE is not set");
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

process.on("SIGUSR2", () => {
  // What is recorded is the time from one tick of its timer to the next.
  const lateMs = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
  writeFileSync(`${path}.tmp`, JSON.stringify({ p99Ms: lateMs(delays.percentile(99)), worstMs: lateMs(delays.max) }));
  renameSync(`${path}.tmp`, path);
  delays.reset();
});
