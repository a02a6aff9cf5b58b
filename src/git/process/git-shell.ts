import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Socket } from "node:net";
import { shellWord } from "../../base/process/shell-word.ts";
import type { GitPlace } from "./git-environment.ts";
import { GIT_ANSWER_MS, GIT_OPTIONS, type GitResult, killGroup, plumbingEnvironment, runGit } from "./git-process.ts";
import { noteGit } from "./git-under-way.ts";

/**
 * Lets a small shell start git: a process that holds much memory forks slowly. It runs one command at a time; one that comes meanwhile,
 * one that does not end with status 0, and all while there is no shell, are run as `runGit` does.
 */
export interface GitShell {
  /**
   * Runs a git command that may be run twice: one that only reads, or that writes the same again.
   *
   * @param call `environment` is added to that of our plumbing, `inputPath` (absolute) becomes its input
   * @throws GitError where git cannot be started; the system's error where the input cannot be read
   */
  run(place: GitPlace, args: readonly string[], call?: ShellCall): Promise<GitResult>;
}

export interface ShellCall {
  readonly environment?: Readonly<Record<string, string>>;
  readonly inputPath?: string;
}

/** The shell ends when nothing was asked for so long. */
const IDLE_MS = 60_000;
const WORD_BYTES = 16;
/** " 255\n", at the most. */
const STATUS_CHARACTERS = 5;
/** What cannot be passed in a line of its own is left to `runGit`. */
const LINE_BYTES_MAX = 100_000;

/** @param program of the shell; tests name others than the system's own */
export function createGitShell(program = "/bin/sh"): GitShell {
  let shell: Shell | undefined;
  let idle: NodeJS.Timeout | undefined;

  const rest = (): void => {
    idle = setTimeout(() => {
      shell?.close();
      shell = undefined;
    }, IDLE_MS).unref();
  };
  const ask = async (line: string, args: readonly string[], folder: string): Promise<Buffer | undefined> => {
    clearTimeout(idle);
    shell ??= openShell(program);
    const answer = await shell.ask(line, args, folder);
    if (answer.isGone) shell = undefined;
    rest();
    return answer.stdout;
  };

  return {
    async run(place, args, call = {}) {
      const line = shell?.isBusy() === true ? undefined : commandLine(place, args, call);
      const stdout = line === undefined ? undefined : await ask(line, args, place.topDir ?? place.gitDir);
      if (stdout !== undefined) return { status: 0, stdout, stderr: "", isLate: false };
      const { environment = {}, inputPath } = call;
      const input = inputPath === undefined ? {} : { input: await readFile(inputPath) };
      return runGit(place, args, { environment, ...input });
    },
  };
}

interface Shell {
  isBusy(): boolean;
  /** @returns what the command has printed; `undefined` where its status is another than 0 */
  ask(line: string, args: readonly string[], folder: string): Promise<Answer>;
  close(): void;
}

interface Answer {
  readonly stdout: Buffer | undefined;
  readonly isGone: boolean;
}

/** Each answer ends with a word that nobody can know before, and the status. */
function openShell(program: string): Shell {
  const child = spawnShell(program);
  const stdin = child?.stdin;
  const stdout = child?.stdout;
  let chunks: Buffer[] = [];
  let word = "";
  let isGone = child === undefined;
  let answer: ((answer: Answer) => void) | undefined;

  let late: NodeJS.Timeout | undefined;

  const finish = (found: Answer): void => {
    clearTimeout(late);
    const resolve = answer;
    answer = undefined;
    chunks = [];
    if (stdout instanceof Socket) stdout.unref(); // Our process may end while nothing is asked.
    resolve?.(found);
  };
  const goAway = (): void => {
    isGone = true;
    finish({ stdout: undefined, isGone });
  };
  const take = (chunk: Buffer): void => {
    chunks.push(chunk);
    if (chunk.at(-1) !== 0x0a) return;
    const printed = Buffer.concat(chunks);
    chunks = [printed];
    const tail = printed.subarray(-(word.length + STATUS_CHARACTERS)).toString("latin1");
    const at = tail.indexOf(word);
    const status = at === -1 ? "" : tail.slice(at + word.length).trim();
    if (!/^\d+$/.test(status)) return;
    const isDone = status === "0";
    finish({
      stdout: isDone ? printed.subarray(0, printed.length - tail.length + at) : undefined,
      isGone: false,
    });
  };
  for (const socket of [stdin, stdout]) {
    if (socket instanceof Socket) socket.unref();
    socket?.on("error", () => undefined); // Its end tells.
  }
  stdout?.on("data", take).on("close", goAway);
  child?.on("error", goAway).on("exit", goAway).unref();

  return {
    isBusy: () => answer !== undefined,
    ask(line, args, folder) {
      if (isGone) return Promise.resolve({ stdout: undefined, isGone });
      word = randomBytes(WORD_BYTES).toString("hex");
      if (stdout instanceof Socket) stdout.ref();
      const answered = noteGit(child?.pid, args, folder);
      return new Promise((resolve) => {
        answer = (found) => {
          answered();
          resolve(found);
        };
        late = setTimeout(() => killGroup(child?.pid), GIT_ANSWER_MS).unref(); // Then its end tells.
        stdin?.write(`${line}; printf '%s %s\\n' ${word} "$?"\n`);
      });
    },
    close: () => void stdin?.end(),
  };
}

function spawnShell(program: string): ChildProcess | undefined {
  try {
    const env = { PATH: process.env.PATH ?? "" };
    return spawn(program, ["-s"], { cwd: "/", detached: true, env, stdio: ["pipe", "pipe", "ignore"] });
  } catch {
    return undefined; // No memory for another process: the command is then run without it, and that tells.
  }
}

/** The command in a shell of its own, which becomes git; `undefined` where a shell cannot be told. */
function commandLine(
  place: GitPlace,
  args: readonly string[],
  { environment = {}, inputPath = "/dev/null" }: ShellCall,
): string | undefined {
  const variables = Object.entries(plumbingEnvironment(place, environment));
  const words = variables.map(([key, value]) => `${key}=${shellWord(value)}`).join(" ");
  const command = ["git", ...GIT_OPTIONS, ...args].map(shellWord).join(" ");
  const folder = shellWord(place.topDir ?? place.gitDir);
  const line = `(cd -P -- ${folder} && unset PWD OLDPWD SHLVL && export ${words} && exec ${command}) <${shellWord(inputPath)}`;
  return line.includes("\0") || Buffer.byteLength(line) > LINE_BYTES_MAX ? undefined : line;
}
