import { spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { CoordinatorError, systemErrorCode } from "../../base/errors.ts";
import { type GitPlace, gitEnvironment, NO_PROGRAMS, placeEnvironment } from "./git-environment.ts";
import { noteGit } from "./git-under-way.ts";

/**
 * Git could not do what was asked of it: a damaged index, an object that is not there, a git that is gone. It may be mended at any
 * time, so that a coordinator at work waits for that (base/world-fault.ts).
 */
export class GitError extends CoordinatorError {
  override readonly name = "GitError";

  constructor(message: string, options?: ErrorOptions) {
    super("GIT", message, options);
  }
}

/** What a git process left behind. Success is judged by `status` alone. */
export interface GitResult {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** It took longer than it was given. */
  readonly isLate: boolean;
}

export interface GitCall {
  readonly input?: string | Uint8Array;
  /** Added to the environment: `GIT_INDEX_FILE`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Ends the process; its status is 128 then. */
  readonly signal?: AbortSignal;
  /** Then it is killed, with the programs that it has started, and is not waited for; its status is 128. Unless given: `GIT_ANSWER_MS`. */
  readonly timeMs?: number;
  /** Ends the process once it has printed more; its status is 128 then. */
  readonly stdoutBytesMax?: number;
  /** It writes index and HEAD of the work tree at `place`: no commit of ours is put into that one meanwhile. */
  readonly movesWorkTree?: boolean;
  /** Runs only while nothing else wants the processor. */
  readonly isBackground?: boolean;
}

/** No command of ours takes this long, but for what runs in the background: git was stopped, or the disk answers no more. */
export const GIT_ANSWER_MS = 20 * 60_000;

/** Options in front of every subcommand: no program of anybody's runs on our behalf, and no maintenance starts. */
export const GIT_OPTIONS: readonly string[] = [...NO_PROGRAMS, ["gc.auto", "0"], ["maintenance.auto", "false"]].flatMap(
  ([key, value]) => ["-c", `${key}=${value}`],
);

/** Returns the environment of our plumbing at `place`: untranslated, literal paths, no optional lock, objects as they are stored. */
export function plumbingEnvironment(
  place: GitPlace | undefined,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ...gitEnvironment(process.env),
    GIT_OPTIONAL_LOCKS: "0",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_TERMINAL_PROMPT: "0",
    ...(place === undefined ? {} : placeEnvironment(place)),
    ...extra,
  };
}

/**
 * Runs git to its end in the repository at `place`, from the top of its work tree. A status other than 0 is an answer, not an error.
 *
 * @throws GitError where git cannot be started
 */
export function runGit(place: GitPlace, args: readonly string[], call: GitCall = {}): Promise<GitResult> {
  return spawnGit(place.topDir ?? place.gitDir, place, args, call);
}

/** Lets git say which repository `directory` (absolute) lies in: for a folder that the user has named, and questions that start nothing. */
export function askGitAround(directory: string, args: readonly string[]): Promise<GitResult> {
  return spawnGit(directory, undefined, args, {});
}

function spawnGit(
  cwd: string,
  place: GitPlace | undefined,
  args: readonly string[],
  call: GitCall,
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const env = plumbingEnvironment(place, call.environment);
    // A pipe costs more than a descriptor: sockets, and a stream.
    const stdin = call.input === undefined ? "ignore" : "pipe";
    const detached = call.timeMs !== undefined; // Then its id is that of a group, which can be killed as one.
    const child = spawn("git", [...GIT_OPTIONS, ...args], { cwd, env, detached, stdio: [stdin, "pipe", "pipe"] });
    const answered = noteGit(child.pid, args, cwd, call.movesWorkTree);
    if (call.isBackground === true) lowerPriority(child.pid);
    const onAbort = (): void => void child.kill();
    call.signal?.addEventListener("abort", onAbort);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const timeMs = call.timeMs ?? (call.isBackground === true ? undefined : GIT_ANSWER_MS);
    const onLate = (): void => {
      answered();
      if (detached) killGroup(child.pid);
      else child.kill("SIGKILL"); // One that was stopped takes no other signal.
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
      const stderr = `no answer for ${timeMs} ms (process ${child.pid}): it was stopped, or the disk does not answer`;
      resolve({ status: 128, stdout: Buffer.alloc(0), stderr, isLate: true });
    };
    const timer = timeMs === undefined ? undefined : setTimeout(onLate, timeMs);
    let printed = 0;
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout.push(chunk);
      printed += chunk.length;
      if (printed > (call.stdoutBytesMax ?? Number.POSITIVE_INFINITY)) child.kill();
    });
    child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A process that ends without reading its input closes the pipe; its status says why.
    child.stdin?.on("error", () => undefined);
    child.on("error", (cause) => {
      clearTimeout(timer);
      answered();
      const why = systemErrorCode(cause) === "ENOENT" ? "git, or the folder, is not there" : "git cannot be started";
      reject(new GitError(`${why}: git ${args[0] ?? ""} in ${cwd}`, { cause }));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      answered();
      call.signal?.removeEventListener("abort", onAbort);
      const text = Buffer.concat(stderr).toString("utf8").trim();
      resolve({
        status: code ?? 128,
        stdout: Buffer.concat(stdout),
        stderr: signal === null ? text : `ended by ${signal}`,
        isLate: false,
      });
    });
    child.stdin?.end(call.input);
  });
}

/** Kills a process and those of its group, where it leads one. */
export function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already.
  }
}
