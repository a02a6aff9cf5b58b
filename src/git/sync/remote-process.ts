import { spawn } from "node:child_process";
import { systemErrorCode } from "../../base/errors.ts";
import type { GitPlace } from "../process/git-environment.ts";
import { GIT_OPTIONS, GitError, plumbingEnvironment } from "../process/git-process.ts";
import { noteGit } from "../process/git-under-way.ts";

/** What git left behind that spoke with a remote. Success is judged by `status` alone; 128 where it was ended. */
export interface RemoteResult {
  readonly status: number;
  readonly stdout: string;
  /** The end of what it said; a remote may talk without end. */
  readonly stderr: string;
  /** It took longer than it was given. */
  readonly isLate: boolean;
}

export interface RemoteCall {
  readonly environment: Readonly<Record<string, string>>;
  readonly timeMs: number;
  readonly signal: AbortSignal;
}

/** One line for each ref that is pushed; what is longer is no answer of git's. */
const STDOUT_BYTES_MAX = 4 * 1024 * 1024;
const STDERR_BYTES_MAX = 64 * 1024;
/** Git takes its locks away when it is asked to end, and ends what it has started; a killed one leaves them. */
const GRACE_MS = 2_000;
/** A connection that ssh keeps open for later (`ControlPersist`) holds the pipes of the git that has ended. */
const DRAIN_MS = 300;

/**
 * Runs git with a remote in the repository at `place`: it may take long, talk much, and start programs of the user's (ssh, a helper for
 * credentials), which end with it. When its time is over, or `signal` aborts, it is asked to end, and killed a little later.
 *
 * @throws GitError where git cannot be started
 */
export function runWithRemote(place: GitPlace, args: readonly string[], call: RemoteCall): Promise<RemoteResult> {
  return new Promise((resolve, reject) => {
    const cwd = place.topDir ?? place.gitDir;
    const env = plumbingEnvironment(place, call.environment);
    // A session of its own: there is no terminal that ssh could ask at, and all that it starts can be ended as one.
    const child = spawn("git", [...GIT_OPTIONS, ...args], {
      cwd,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const answered = noteGit(child.pid, args, cwd);
    const [stdout, stderr] = [tailOf(STDOUT_BYTES_MAX), tailOf(STDERR_BYTES_MAX)];
    child.stdout.on("data", stdout.add);
    child.stderr.on("data", stderr.add);
    let isLate = false;
    let killing: NodeJS.Timeout | undefined;
    const end = (): void => {
      signalGroup(child.pid, "SIGTERM");
      killing ??= setTimeout(() => signalGroup(child.pid, "SIGKILL"), GRACE_MS);
    };
    const deadline = setTimeout(() => {
      isLate = true;
      end();
    }, call.timeMs);
    if (call.signal.aborted) end();
    call.signal.addEventListener("abort", end);
    const clear = (): void => {
      answered();
      clearTimeout(deadline);
      clearTimeout(killing);
      call.signal.removeEventListener("abort", end);
    };
    child.on("error", (cause) => {
      clear();
      const why = systemErrorCode(cause) === "ENOENT" ? "git, or the folder, is not there" : "git cannot be started";
      reject(new GitError(`${why}: git ${args[0] ?? ""} in ${cwd}`, { cause }));
    });
    let draining: NodeJS.Timeout | undefined;
    child.on("exit", () => {
      draining = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, DRAIN_MS);
    });
    child.on("close", (code) => {
      clear();
      clearTimeout(draining);
      resolve({ status: code ?? 128, stdout: stdout.text(), stderr: stderr.text(), isLate });
    });
  });
}

/** Keeps the end of what comes, at most about `bytesMax`. */
function tailOf(bytesMax: number): { add(chunk: Buffer): void; text(): string } {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    add(chunk) {
      chunks.push(chunk);
      bytes += chunk.length;
      while (bytes - (chunks[0]?.length ?? 0) > bytesMax) bytes -= chunks.shift()?.length ?? 0;
    },
    text: () => Buffer.concat(chunks).toString("utf8").trim(),
  };
}

function signalGroup(leader: number | undefined, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    if (leader !== undefined) process.kill(-leader, signal);
  } catch {
    // It has ended already.
  }
}
