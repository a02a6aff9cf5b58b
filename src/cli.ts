import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { openUseCases } from "./app/open-use-cases.ts";
import { CoordinatorError, exitCodeOf } from "./base/errors.ts";
import type { CliDeps } from "./cli/cli-deps.ts";
import { asksForHelp, type Command, helpLines, parseInput } from "./cli/command.ts";
import { endWithUncaught, openTerminal } from "./cli/terminal.ts";
import { nearest } from "./task/text/near-miss.ts";

const terminal = openTerminal();
endWithUncaught(terminal);

/** Each command is loaded when it is the one that runs. */
const COMMANDS: Readonly<Record<string, (deps: CliDeps) => Promise<Command>>> = {
  init: async (deps) => (await import("./cli/commands/init.ts")).createInitCommand(deps),
  serve: async (deps) => (await import("./cli/commands/serve.ts")).createServeCommand(deps),
  add: async (deps) => (await import("./cli/commands/add.ts")).createAddCommand(deps),
  ls: async (deps) => (await import("./cli/commands/ls.ts")).createLsCommand(deps),
  status: async (deps) => (await import("./cli/commands/status.ts")).createStatusCommand(deps),
  sessions: async (deps) => (await import("./cli/commands/sessions.ts")).createSessionsCommand(deps),
  show: async (deps) => (await import("./cli/commands/show.ts")).createShowCommand(deps),
  log: async (deps) => (await import("./cli/commands/log.ts")).createLogCommand(deps),
  wait: async (deps) => (await import("./cli/commands/wait.ts")).createWaitCommand(deps),
  stop: async (deps) => (await import("./cli/commands/stop.ts")).createStopCommand(deps),
  retry: async (deps) => (await import("./cli/commands/retry.ts")).createRetryCommand(deps),
  pause: async (deps) => (await import("./cli/commands/pause.ts")).createPauseCommand(deps),
  resume: async (deps) => (await import("./cli/commands/resume.ts")).createResumeCommand(deps),
  open: async (deps) => (await import("./cli/commands/open.ts")).createOpenCommand(deps),
  archive: async (deps) => (await import("./cli/commands/archive.ts")).createArchiveCommand(deps),
  "compact-tasks": async (deps) => (await import("./cli/commands/compact-tasks.ts")).createCompactTasksCommand(deps),
  scan: async (deps) => (await import("./cli/commands/scan.ts")).createScanCommand(deps),
  policy: async (deps) => (await import("./cli/commands/policy.ts")).createPolicyCommand(deps),
};

async function main(argv: readonly string[]): Promise<number> {
  const { dir, rest } = takeDirectory(argv);
  const [name, ...words] = rest;
  const deps = createDeps(dir);
  if (name === undefined || name === "help" || name === "--help" || name === "-h") return printHelp(deps, words[0]);
  if (name === "--version" || name === "-V") {
    deps.print((await import("./app/serve/package-facts.ts")).packageVersion());
    return 0;
  }
  if (asksForHelp(words)) return printHelp(deps, name);
  const command = await loadCommand(deps, name);
  return command.run(parseInput(command, words));
}

/** `-C <dir>`, as git has it: before the command. */
function takeDirectory(argv: readonly string[]): { readonly dir: string; readonly rest: readonly string[] } {
  if (argv[0] !== "-C") return { dir: process.cwd(), rest: argv };
  const [, dir, ...rest] = argv;
  if (dir === undefined) throw new CoordinatorError("USAGE", "-C takes a folder: codex-inbox -C <dir> <command>");
  const path = resolve(dir);
  if (!existsSync(path)) throw new CoordinatorError("NOT_FOUND", `-C: there is no folder ${path}`);
  return { dir: path, rest };
}

async function loadCommand(deps: CliDeps, name: string): Promise<Command> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load !== undefined) return load(deps);
  const near = nearest(name, Object.keys(COMMANDS));
  const hint = near === undefined ? "codex-inbox help lists them" : `did you mean "${near}"?`;
  throw new CoordinatorError("USAGE", `there is no command "${name}"; ${hint}`);
}

async function printHelp(deps: CliDeps, name: string | undefined): Promise<number> {
  if (name !== undefined) {
    const command = await loadCommand(deps, name);
    for (const line of helpLines(command)) deps.print(line);
    return 0;
  }
  deps.printText("A Git repository as the queue, the database and the audit log for coding-agent work.\n");
  deps.printText("usage: codex-inbox [-C <dir>] <command> [options]\n");
  const width = Math.max(...Object.keys(COMMANDS).map((command) => command.length));
  for (const load of Object.values(COMMANDS)) {
    const command = await load(deps);
    deps.print(`  ${command.name.padEnd(width)}  ${command.summary}`);
  }
  deps.printText(
    "\ncodex-inbox <command> --help says more. Exit codes: 0 ok, 1 a task failed, 2 usage, 3 not found, 4 refused,",
  );
  deps.print(
    "5 verification failed, 65 bad task file, 69 codex not available, 70 a bug of ours, 75 try again later, 78 bad configuration.",
  );
  return 0;
}

function createDeps(dir: string): CliDeps {
  return {
    app: openUseCases(dir, process.env, terminal.log),
    currentDir: process.cwd(),
    ...terminal,
    now: Date.now,
    readInput: async () => (process.stdin.isTTY ? "" : readFileSync(0, "utf8")),
  };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const message =
    error instanceof CoordinatorError
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  terminal.warn(`codex-inbox: ${message}`);
  process.exitCode = exitCodeOf(error);
}
