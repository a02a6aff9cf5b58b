/**
 * What it costs to start a command: `codex-inbox --version`, `ls`, `status`, `show`, `log` and `add`, beside Node that does nothing.
 *
 *   npx node bench/startup.ts [--rounds 15] [--finished 20] [--cache <folder>]
 *
 * Two programs, in turns: the package as npm installs it (a bundle; it has no compile cache), and the checkout, where Node runs the
 * TypeScript (warm: from its compile cache). In a workspace with finished tasks that nobody serves; with --cache it is kept there, as by
 * bench/scale.ts. ms of the whole process: median, and the least of all rounds, which other programs on the machine disturb less.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { prepareWorkspace } from "./scale/past-workspace.ts";
import { clock } from "./support/serving.ts";
import { median } from "./support/statistics.ts";
import { benchEnvironment, CHECKOUT_ENTRY } from "./support/workspace.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    finished: { type: "string", default: "20" },
    cache: { type: "string" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "codex-inbox-startup-"));
try {
  const dir = join(values.cache ?? folder, values.finished);
  await prepareWorkspace(dir, Number(values.finished));
  measure(dir, Number(values.rounds));
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function measure(dir: string, rounds: number): void {
  const commands: readonly (readonly [name: string, args: readonly string[]])[] = [
    ["--version", ["--version"]],
    ["ls", ["-C", dir, "ls"]],
    ["status", ["-C", dir, "status"]],
    ["show", ["-C", dir, "show", newestTask(dir)]],
    ["log", ["-C", dir, "log", newestTask(dir)]],
    ["add", ["-C", dir, "add", "Make the check faster"]],
  ];
  const installed = installPackage();
  const rows = [
    { name: "node -e 0", args: ["-e", "0"], times: [] as number[] },
    ...[installed, CHECKOUT_ENTRY].flatMap((entry) =>
      commands.map(([name, args]) => {
        const where = entry === CHECKOUT_ENTRY ? "checkout" : "package";
        return { name: `codex-inbox ${name} (${where})`, args: [entry, ...args], times: [] as number[] };
      }),
    ),
  ];
  for (let round = -2; round < rounds; round += 1) {
    for (const { args, times } of rows) {
      const took = run(args);
      if (round >= 0) times.push(took); // What the first starts compiled is kept for the others.
    }
  }
  console.log("| | median | least |\n| --- | ---: | ---: |");
  for (const { name, times } of rows)
    console.log(`| ${name} | ${median(times).toFixed(0)} | ${Math.min(...times).toFixed(0)} |`);
}

function newestTask(dir: string): string {
  const args = [CHECKOUT_ENTRY, "-C", dir, "ls", "-n", "1", "--json"];
  const listed = execFileSync(process.execPath, args, { env: benchEnvironment(), encoding: "utf8" });
  const [task] = JSON.parse(listed).tasks;
  return task.id;
}

/** Builds the bundle and puts it where npm would. Returns its entry. */
function installPackage(): string {
  const root = dirname(dirname(CHECKOUT_ENTRY));
  const target = join(folder, "node_modules/codex-inbox");
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
  for (const name of ["bin", "dist", "package.json"]) cpSync(join(root, name), join(target, name), { recursive: true });
  return join(target, "bin/codex-inbox.js");
}

function run(args: readonly string[]): number {
  const startedMs = clock();
  const { status, stderr } = spawnSync(process.execPath, [...args], { env: benchEnvironment(), encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return clock() - startedMs;
}
