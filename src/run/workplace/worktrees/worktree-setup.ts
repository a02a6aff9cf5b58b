import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import type { Log, Surroundings } from "../../../base/surroundings.ts";
import { isBelow } from "../../../task/rights/rights.ts";
import type { Confinement } from "../../../task/spec/sandbox-profile.ts";
import type { StopCause } from "../../../task/state/task-event.ts";
import { judgeVerification, VERIFY_OUTPUT_BYTES_MAX, type VerifyFacts } from "../../../task/state/verification.ts";
import type { VerifyDriver } from "../../driver.ts";
import { supervise } from "../../supervisor.ts";

export interface WorktreeSetupDeps {
  /** Runs the command as a worker; its runs lie in `runsDir`, under the slug of the worktree. */
  readonly driver: Pick<VerifyDriver, "start">;
  readonly runsDir: string;
  /** What the command may not do, working in `dir`. */
  readonly confinement: (dir: string) => Confinement;
  readonly surroundings: Surroundings;
  readonly log: Log;
}

export interface SetupRequest {
  readonly slug: string;
  readonly session: string;
  readonly dir: string;
  readonly command: string;
  readonly timeoutMs: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly isWanted: () => boolean;
}

/** Makes new worktrees ready, by the command that their owner has given for it. */
export interface WorktreeSetup {
  /** @throws CoordinatorError `TASK_FILE` where it failed: what it printed, and where all of that lies; `TRY_AGAIN` where nobody wants it any more */
  run(request: SetupRequest): Promise<void>;
}

/** Between two looks whether the setup is still wanted. */
const WANTED_MS = 250;
const STOP_GRACE_MS = 2_000;
/** Of the setups of one worktree, the last ones are kept. */
const KEPT_MAX = 3;
const TAIL_CHARACTERS = 600;

export function createWorktreeSetup(deps: WorktreeSetupDeps): WorktreeSetup {
  const { driver, runsDir, surroundings, log } = deps;
  const { now } = surroundings;

  const follow = (handle: Awaited<ReturnType<VerifyDriver["start"]>>, request: SetupRequest) =>
    new Promise<{ readonly facts: VerifyFacts; readonly cause: StopCause | undefined }>((resolve, reject) => {
      if (handle === undefined) return reject(new CoordinatorError("TRY_AGAIN", "the setup was not started"));
      let cause: StopCause | undefined;
      let cancel = (): void => undefined;
      const end = (why: StopCause): void => {
        cause ??= why;
        supervised.stop(why === "output" ? 0 : STOP_GRACE_MS);
      };
      const look = (): void => {
        if (!request.isWanted()) end("user");
        else cancel = surroundings.after(WANTED_MS, look);
      };
      const limits = { timeoutMs: request.timeoutMs, stallMs: undefined, usedMs: 0 };
      const supervised = supervise(handle, { ...limits, outputBytesMax: VERIFY_OUTPUT_BYTES_MAX }, surroundings, {
        noticed: () => undefined,
        overdue: end,
        exited: () => cancel(),
        ended: () => handle.outcome().then((facts) => resolve({ facts, cause }), reject),
        interrupted: () => false,
        failed: reject,
        log: (event, error) => log(event, { worktree: request.slug, reason: String(error) }),
      });
      look();
    });

  return {
    async run(request) {
      const { slug, session, dir, command, timeoutMs, variables } = request;
      const run = nextRun(join(runsDir, slug));
      const startedAtMs = now();
      log("worktree-setup", { session, worktree: slug, run });
      const handle = await driver.start(
        {
          ...{ taskId: slug, sessionKey: session, run, command, workdir: dir, sandbox: "workspace-write" },
          ...{ confinement: deps.confinement(dir), environment: [], variables },
        },
        request.isWanted,
      );
      if (handle === undefined) throw new CoordinatorError("TRY_AGAIN", `the setup of ${dir} is not wanted any more`);
      const { facts, cause } = await follow(handle, request);
      const context = { command, cause, timeoutMs, startedAtMs, endedAtMs: now(), attempt: 1, attemptsMax: 1 };
      const judged = judgeVerification(facts, context);
      log("worktree-setup-ended", { session, worktree: slug, run, outcome: judged?.outcome ?? "lost" });
      if (judged?.outcome === "passed") return;
      if (judged === undefined || judged.outcome === "stopped")
        throw new CoordinatorError("TRY_AGAIN", `the setup of ${dir} did not come to its end`);
      const tail = judged.output.trimEnd().slice(-TAIL_CHARACTERS);
      const what = cause === "timeout" ? `did not end within ${timeoutMs} ms (worktree.setupTimeoutMs)` : judged.what;
      const said = tail === "" ? "" : `: ${tail.split("\n").at(-1)}`;
      const message = `the setup of the session's worktree (worktree.setup) ${what}${said}`;
      throw new CoordinatorError("TASK_FILE", `${message}; all that it printed: ${join(runsDir, slug, String(run))}`);
    },
  };
}

/** A number is used once; what was long ago goes. */
function nextRun(folder: string): number {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const runs = readdirSync(folder)
    .map(Number)
    .filter(Number.isInteger)
    .sort((a, b) => a - b);
  for (const old of runs.slice(0, Math.max(0, runs.length - KEPT_MAX + 1)))
    rmSync(join(folder, String(old)), { recursive: true, force: true });
  return (runs.at(-1) ?? 0) + 1;
}

/**
 * Copies what the owner has named from the checkout at `from` into the new worktree at `to`, where it is not there already. A path that
 * leads out of the checkout is refused, and what is not there is left out.
 *
 * @throws CoordinatorError `CONFIG` for a path that leads out
 */
export async function copyInto(from: string, to: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const source = join(from, path);
    if (!existsSync(source)) continue;
    const inside = relative(from, source);
    const isOut = !isBelow(from, source) || inside === "" || !isBelow(from, realpathSync(source));
    if (isOut || inside.split("/").includes(".git"))
      throw new CoordinatorError("CONFIG", `worktree.copy: ${path} leads out of the checkout; name a file inside it`);
    const target = join(to, inside);
    if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) continue;
    mkdirSync(dirname(target), { recursive: true });
    if (lstatSync(source).isDirectory()) await cp(source, target, { recursive: true, errorOnExist: false });
    else cpSync(source, target);
  }
}
