import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { GitAnswer } from "../git-starter.ts";
import {
  blobId,
  compareEntries,
  entriesOf,
  type Files,
  parseEntries,
  readDisk,
  USER_PLACES,
  type UserFiles,
  withFile,
} from "./user-files.ts";

export interface GitUserOptions {
  readonly dir: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Where the user's own files lie; new ones are made in the last of them. USER_PLACES unless given. */
  readonly places?: readonly string[];
  /** How often a command is tried; 4 unless given. */
  readonly attemptsMax?: number;
  /** Called before a command that has failed is tried again. */
  readonly beforeAgain?: () => Promise<void>;
}

/** Somebody who works in a checkout with real commands of git, and knows how every file of theirs has to look after each. */
export interface GitUser {
  readonly dir: string;
  /** What the user means the files to be. Actions replace it together with the commands they run. */
  files: UserFiles;
  /** A mixed reset has left files of ours changed in the work tree, as git has it. */
  hasLeftovers: boolean;
  /** Commands run, those of `look` left out. */
  readonly commands: number;
  /** Every failure of every attempt of a command. */
  readonly failures: readonly string[];
  /** Files that were not as the user had left them, as sentences. */
  readonly problems: readonly string[];
  /** Runs git; a command that fails is tried again, as people do. @throws Error when it never succeeds */
  git(...args: readonly string[]): Promise<GitAnswer>;
  /** Runs a line of sh, which may run several commands of git. */
  shell(line: string, environment?: Readonly<Record<string, string>>): Promise<GitAnswer>;
  /** Runs git with these variables as well. */
  gitWith(environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<GitAnswer>;
  /** Asks git something, outside the count. */
  look(...args: readonly string[]): Promise<string>;
  /** Writes new text into a file on disk, and returns its path. */
  edit(path: string): string;
  /** Returns the path of a file that the last commit has. */
  known(number: number): string;
  /** Returns a path where there never was a file. */
  fresh(): string;
  problem(text: string): void;
  /** Compares commit, index and disk with what the user means them to be. */
  verify(after: string): Promise<void>;
  /** Returns the user's files in `commit`. */
  filesOf(commit: string): Promise<Files>;
}

const ATTEMPTS_MAX = 4;
const AGAIN_MS = 40;

/** Creates the user; the files in `dir` are all committed. */
export function createGitUser(options: GitUserOptions): GitUser {
  const { dir, environment, places = USER_PLACES, attemptsMax = ATTEMPTS_MAX, beforeAgain } = options;
  const failures: string[] = [];
  const problems: string[] = [];
  const start = readDisk(dir, places);
  /** Everything the user ever wrote, by its id as a blob. */
  const texts = new Map([...start.values()].map((text) => [blobId(text), text]));
  let [commands, edits, made] = [0, 0, 0];

  async function persist(name: string, attempt: () => Promise<GitAnswer>): Promise<GitAnswer> {
    for (let count = 1; ; count += 1) {
      commands += 1;
      const answer = await attempt();
      if (answer.status === 0) return answer;
      failures.push(`${name}: status ${answer.status}: ${answer.stderr}${answer.stdout}`);
      if (count === attemptsMax) throw new Error(`the user gave up: ${failures.at(-1)}`);
      await delay(AGAIN_MS);
      await beforeAgain?.();
    }
  }

  const user: GitUser = {
    dir,
    files: { head: start, index: start, disk: start },
    hasLeftovers: false,
    get commands() {
      return commands;
    },
    failures,
    problems,
    git: (...args) => persist(`git ${args.join(" ")}`, () => run(dir, "git", args, environment)),
    gitWith: (more, ...args) =>
      persist(`git ${args.join(" ")}`, () => run(dir, "git", args, { ...environment, ...more })),
    shell: (line, more = {}) => persist(line, () => run(dir, "sh", ["-c", line], { ...environment, ...more })),
    async look(...args) {
      const { status, stdout, stderr } = await run(dir, "git", args, environment);
      if (status !== 0) throw new Error(`git ${args.join(" ")}: status ${status}: ${stderr}${stdout}`);
      return stdout;
    },
    edit(path) {
      edits += 1;
      const text = `edit ${edits}\n`;
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
      texts.set(blobId(text), text);
      user.files = { ...user.files, disk: withFile(user.files.disk, path, text) };
      return path;
    },
    known(number) {
      const paths = [...user.files.head.keys()].sort();
      return paths[number % paths.length] ?? "README.md";
    },
    fresh() {
      made += 1;
      return `${places.at(-1)}/file-${made}.txt`;
    },
    problem: (text) => void problems.push(text),
    filesOf: async (commit) => {
      const entries = parseEntries(await user.look("ls-tree", "-r", "-z", commit, "--", ...places));
      return new Map([...entries].map(([path, id]) => [path, texts.get(id) ?? `blob ${id}, which is not the user's`]));
    },
    async verify(after) {
      const { head, index, disk } = user.files;
      const committed = parseEntries(await user.look("ls-tree", "-r", "-z", "HEAD", "--", ...places));
      const staged = parseEntries(await user.look("ls-files", "--stage", "-z", "--", ...places));
      problems.push(
        ...[
          ...compareEntries("the committed", head, committed),
          ...compareEntries("the staged", index, staged),
          ...compareEntries("the file", disk, entriesOf(readDisk(dir, places))),
        ].map((text) => `after ${after}: ${text}`),
      );
    },
  };
  return user;
}

function run(
  dir: string,
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<GitAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: dir, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ status: code ?? 128, stdout, stderr }));
  });
}
