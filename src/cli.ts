import { realpathSync } from "node:fs";
import { openUseCases } from "./app/open-use-cases.ts";
import { exitCodeOf } from "./base/errors.ts";
import type { CliDeps } from "./cli/cli-deps.ts";
import { asksForHelp, helpLines, parseInput, takeDirectory } from "./cli/command.ts";
import { loadCommand, loadCommands } from "./cli/command-table.ts";
import { endWithUncaught, errorText, openTerminal } from "./cli/terminal.ts";

const terminal = openTerminal();
endWithUncaught(terminal);

async function main(argv: readonly string[]): Promise<number> {
  const { dir, rest } = takeDirectory(argv, process.cwd());
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

async function printHelp(deps: CliDeps, name: string | undefined): Promise<number> {
  if (name !== undefined) {
    const command = await loadCommand(deps, name);
    for (const line of helpLines(command)) deps.print(line);
    return 0;
  }
  deps.printText("A Git repository as the queue, the database and the audit log for coding-agent work.\n");
  deps.printText("usage: codex-inbox [-C <dir>] <command> [options]\n");
  const commands = await loadCommands(deps);
  const width = Math.max(...commands.map((command) => command.name.length));
  for (const command of commands) deps.print(`  ${command.name.padEnd(width)}  ${command.summary}`);
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
    readInput: async (wanted) => (await import("./cli/submit/standard-input.ts")).readInput(wanted, terminal.warn),
    openShell: async (path) => (await import("./cli/shell.ts")).openShell(path, process.env),
    async edit(text, use) {
      const [{ editText }, { workTreeAbove }] = await Promise.all([
        import("./cli/submit/editor.ts"),
        import("./app/serve/trusted-path.ts"),
      ]);
      return editText(text, { environment: process.env, workTree: workTreeAbove(realpathSync(dir)) }, use);
    },
  };
}

process.exitCode = exitCodeOf(undefined); // Of a command whose end nobody comes to: a bug of ours.
// Not awaited: the bundle is a script, and only modules wait at the top.
void main(process.argv.slice(2))
  .catch((error: unknown) => {
    terminal.warn(`codex-inbox: ${errorText(error)}`);
    return exitCodeOf(error);
  })
  .then((code) => {
    process.exitCode = code;
  });
