import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** How a git ended, and what it printed. */
export interface GitAnswer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A shell that starts what it reads, a line each, and answers with the status: a test runner of 200 MB takes 2 ms of processor time to
 * fork, a shell a tenth of it, and all tests together start 8,000 gits. It stands in no repository, and ends with us.
 */
interface Starter {
  run(line: string): number;
  readonly stdoutPath: string;
  readonly stderrPath: string;
}

const SCRIPT = `NL='
'
exec <"$1" >"$2"
while IFS= read -r line; do eval "$line"; echo "$?"; done
exec rm -rf -- "$3"`;

let isAllowed = false;
/** Undefined before the first, and `false` once it has gone. */
let starter: Starter | undefined | false;
/** As it was when the shell was allowed. */
let environment: string | undefined;

/** From now on a shell of ours starts git, wherever the environment is the one of this moment. For test runners, not for what they start. */
export function startGitsFromShell(): void {
  isAllowed = true;
  environment ??= environmentNow();
}

/** Runs git in the folder `dir` and waits for it, with the environment that we have now. */
export function runGitSync(dir: string, args: readonly string[]): GitAnswer {
  const isPlain = isAllowed && starter !== false && environmentNow() === environment;
  if (isPlain) starter ??= makeStarter();
  if (isPlain && starter !== undefined && starter !== false) {
    const { stdoutPath, stderrPath } = starter;
    const words = ["cd", dir, "&&", "exec", "git", ...args].map((word) => (word === "&&" ? word : quoted(word)));
    const status = starter.run(`(${words.join(" ")}) </dev/null >${quoted(stdoutPath)} 2>${quoted(stderrPath)}`);
    return { status, stdout: readFileSync(stdoutPath, "utf8"), stderr: readFileSync(stderrPath, "utf8") };
  }
  const { status, stdout, stderr } = spawnSync("git", args, { cwd: dir, encoding: "utf8", maxBuffer: 1 << 28 });
  return { status: status ?? 128, stdout, stderr };
}

function makeStarter(): Starter | false {
  const dir = mkdtempSync(join(tmpdir(), "codex-starter-"));
  const [requests, answers] = [join(dir, "requests"), join(dir, "answers")];
  if (spawnSync("mkfifo", [requests, answers]).status !== 0) return false;
  spawn("sh", ["-c", SCRIPT, "sh", requests, answers, dir], { cwd: "/", stdio: "ignore" }).unref();
  const [to, from] = [openSync(requests, "w"), openSync(answers, "r")];
  const buffer = Buffer.alloc(16);
  return {
    stdoutPath: join(dir, "stdout"),
    stderrPath: join(dir, "stderr"),
    run(line) {
      writeSync(to, `${line}\n`);
      const size = readSync(from, buffer);
      if (size > 0) return Number(buffer.toString("latin1", 0, size));
      starter = false;
      for (const end of [to, from]) closeSync(end);
      throw new Error(`the shell that starts git for tests has ended: ${line}`);
    },
  };
}

/** Without what the test runner itself notes there for each file. */
function environmentNow(): string {
  return JSON.stringify(process.env, (name, value) => (name.startsWith("VITEST_") ? undefined : value));
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''").replaceAll("\n", `'"$NL"'`)}'`;
}
