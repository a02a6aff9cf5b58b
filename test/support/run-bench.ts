import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { inject } from "vitest";
import { SHORT_LIVED } from "./coordinator-process.ts";

const BENCH_DIR = join(import.meta.dirname, "../../bench");
const TIMEOUT_MS = 180_000;

/** Runs bench/<name>.ts to its end and returns what it printed. It measures the bundle, which starts in half of the time of the sources. */
export async function runBench(name: string, ...args: readonly string[]): Promise<string> {
  const packageDir = inject("packageDir");
  const env = {
    ...process.env,
    BENCH_ENTRY: join(packageDir, "bin/codex-inbox.js"),
    BENCH_NODE_ARGS: SHORT_LIVED.join(" "), // The size of the figures is not judged.
  };
  const command = [join(BENCH_DIR, `${name}.ts`), ...args];
  return (await promisify(execFile)(process.execPath, command, { env, timeout: TIMEOUT_MS })).stdout;
}
