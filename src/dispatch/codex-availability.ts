import { CoordinatorError } from "../base/errors.ts";
import type { Log, Surroundings } from "../base/surroundings.ts";
import type { WorldFaults } from "../base/world-fault.ts";
import type { CodexPort } from "../run/ports.ts";
import type { CodexInstallation } from "../task/state/run.ts";
import { createActivity } from "./activity.ts";

/** While codex cannot be used, it is asked again this often. */
const CODEX_CHECK_MS = 5_000;

export interface CodexAvailabilityDeps {
  readonly codex: Pick<CodexPort, "check">;
  readonly installation: CodexInstallation;
  readonly faults: WorldFaults;
  readonly surroundings: Surroundings;
  readonly log: Log;
  readonly wake: () => void;
  readonly onBroken: (error: unknown) => void;
}

/** Whether codex can be used; it is asked beside the loop. */
export interface CodexAvailability {
  /** The newest one that was found. */
  installation(): CodexInstallation;
  problem(): { readonly reason: string; readonly sinceMs: number } | undefined;
  /** Codex could not be run: it is asked until it is found. */
  doubt(reason: string): void;
  /** Asks again if it is time to. */
  tick(): void;
  /** Asks again at the next tick, if there is a problem. */
  tryNow(): void;
  /** Returns true, once, when codex was found well just now; asks it where that is not known. */
  confirmed(): boolean;
  /** In how many milliseconds it is asked again. */
  dueInMs(): number | undefined;
  stop(): Promise<void>;
}

export function createCodexAvailability(deps: CodexAvailabilityDeps): CodexAvailability {
  const { codex, faults, surroundings, log, wake, onBroken } = deps;
  const { now, monotonicMs } = surroundings;
  let installation = deps.installation;
  let problem: { readonly reason: string; readonly sinceMs: number; readonly checkAtMs: number } | undefined;
  let confirmedAtMs = Number.NEGATIVE_INFINITY;

  const check = createActivity({
    ...{ name: "ask codex", faults, surroundings, onBroken },
    onEnd: wake,
    async work() {
      const before = problem;
      try {
        installation = await codex.check();
        confirmedAtMs = monotonicMs();
        problem = undefined;
        if (before !== undefined) log("codex-back", { version: installation.version });
      } catch (error) {
        if (!(error instanceof CoordinatorError)) throw error;
        problem = {
          reason: error.message,
          sinceMs: before?.sinceMs ?? now(),
          checkAtMs: monotonicMs() + CODEX_CHECK_MS,
        };
        if (before === undefined) log("codex-gone", { reason: error.message });
      }
    },
  });

  return {
    installation: () => installation,
    problem: () => problem,
    doubt(reason) {
      confirmedAtMs = Number.NEGATIVE_INFINITY;
      if (problem !== undefined) return;
      problem = { reason, sinceMs: now(), checkAtMs: monotonicMs() };
      log("codex-gone", { reason });
      wake();
    },
    tick() {
      if (problem !== undefined && problem.checkAtMs <= monotonicMs() && !check.isBusy) check.start();
    },
    tryNow() {
      if (problem !== undefined) problem = { ...problem, checkAtMs: monotonicMs() };
    },
    confirmed() {
      const isFresh = problem === undefined && monotonicMs() < confirmedAtMs + CODEX_CHECK_MS;
      confirmedAtMs = Number.NEGATIVE_INFINITY;
      if (!isFresh && problem === undefined && !check.isBusy) check.start();
      return isFresh;
    },
    dueInMs: () => (check.isBusy || problem === undefined ? undefined : Math.max(0, problem.checkAtMs - monotonicMs())),
    stop: check.stop,
  };
}
