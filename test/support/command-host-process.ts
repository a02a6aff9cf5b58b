/**
 * Runs commands of codex-inbox one beside the other in one process, which has loaded the program once: a request is a line of JSON on
 * stdin, its answer one on stdout. For tests to which it does not matter that a command is a process; its text is what src/cli.ts does.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { openUseCases } from "../../src/app/open-use-cases.ts";
import { exitCodeOf } from "../../src/base/errors.ts";
import { parseInput, takeDirectory } from "../../src/cli/command.ts";
import { loadCommand } from "../../src/cli/command-table.ts";
import { errorText, openTerminal, type Terminal } from "../../src/cli/terminal.ts";

export interface HostRequest {
  readonly request: number;
  /** Where the command is run (absolute). */
  readonly dir: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface HostAnswer {
  readonly request: number;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function answer({ request, dir, args, environment }: HostRequest): Promise<HostAnswer> {
  const [stdout, stderr] = [collector(), collector()];
  const terminal = openTerminal({ stdout: stdout.stream, stderr: stderr.stream }, environment);
  const code = await runCommand(terminal, dir, args, environment);
  return { request, code, stdout: stdout.text(), stderr: stderr.text() };
}

async function runCommand(
  terminal: Terminal,
  currentDir: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const refuse = (): never => {
    throw new Error(`a command that asks the user is no command for ${import.meta.filename}`);
  };
  const readInput = async (): Promise<string> => ""; // As from a pipe that nobody writes to.
  try {
    const { dir, rest } = takeDirectory(args, currentDir);
    const [name = "", ...words] = rest;
    const app = openUseCases(dir, environment, terminal.log);
    const deps = {
      ...{ ...terminal, app, currentDir, now: Date.now, readInput, edit: refuse, openShell: refuse },
    };
    const command = await loadCommand(deps, name);
    return await command.run(parseInput(command, words));
  } catch (error) {
    terminal.warn(`codex-inbox: ${errorText(error)}`);
    return exitCodeOf(error);
  }
}

function collector(): { readonly stream: Writable; text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => chunks.join("") };
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    void answer(JSON.parse(line) as HostRequest).then((answered) =>
      process.stdout.write(`${JSON.stringify(answered)}\n`),
    );
  })
  .on("close", () => process.exit(0)); // Whoever asked is gone, and with them all workspaces.
