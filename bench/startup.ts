/**
 * What it costs to start a command: `codex-inbox --version`, `ls`, `status` and `add`, beside Node that does nothing.
 *
 *   node bench/startup.ts [--rounds 15]
 *
 * "cold" is a start without Node's compile cache, as the very first one after an installation; "warm" is every other one. The
 * commands take turns, in a workspace with twenty finished tasks that nobody serves. Median ms of the whole process.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { prepareWorkspace } from "./scale/past-workspace.ts";
import { clock } from "./support/serving.ts";
import { median } from "./support/statistics.ts";
import { benchEnvironment, ENTRY } from "./support/workspace.ts";

const FINISHED_TASKS = 20;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" } } });
const folder = mkdtempSync(join(tmpdir(), "codex-inbox-startup-"));
try {
  const dir = join(folder, "workspace");
  await prepareWorkspace(dir, FINISHED_TASKS);
  measure(dir, Number(values.rounds));
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function measure(dir: string, rounds: number): void {
  const commands: readonly (readonly [name: string, args: readonly string[]])[] = [
    ["node -e 0", ["-e", "0"]],
    ["codex-inbox --version", [ENTRY, "--version"]],
    ["codex-inbox ls", [ENTRY, "-C", dir, "ls"]],
    ["codex-inbox status", [ENTRY, "-C", dir, "status"]],
    ["codex-inbox add", [ENTRY, "-C", dir, "add", "Make the check faster"]],
  ];
  const cold = commands.map(() => [] as number[]);
  const warm = commands.map(() => [] as number[]);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, [, args]] of commands.entries()) {
      const cache = join(folder, `cache-${round}-${index}`);
      cold[index]?.push(run(args, cache));
      run(args, cache); // What the first start compiled in the background is kept by the second.
      warm[index]?.push(run(args, cache));
    }
  }
  console.log("| | cold | warm |\n| --- | ---: | ---: |");
  for (const [index, [name]] of commands.entries())
    console.log(`| ${name} | ${median(cold[index] ?? []).toFixed(0)} | ${median(warm[index] ?? []).toFixed(0)} |`);
}

function run(args: readonly string[], cache: string): number {
  const startedMs = clock();
  const env = { ...benchEnvironment(), NODE_COMPILE_CACHE: cache };
  const { status, stderr } = spawnSync(process.execPath, [...args], { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return clock() - startedMs;
}
