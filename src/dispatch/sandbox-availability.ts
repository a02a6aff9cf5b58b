import type { Log, Surroundings } from "../base/surroundings.ts";
import type { WorldFaults } from "../base/world-fault.ts";
import type { SandboxPort } from "../run/ports.ts";
import { createActivity } from "./activity.ts";

/** Between two looks whether codex or the kernel's settings have changed. */
const LOOK_MS = 5_000;
/** A sandbox that does not work is tried again this often: what was missing may have been installed. */
const TRY_AGAIN_MS = 30_000;

export interface SandboxAvailabilityDeps {
  readonly sandbox: SandboxPort;
  readonly faults: WorldFaults;
  readonly surroundings: Surroundings;
  readonly log: Log;
  readonly wake: () => void;
  readonly onBroken: (error: unknown) => void;
}

/** Whether codex's sandbox works; it is tried beside the loop, at the start and whenever what it depends on has changed. */
export interface SandboxAvailability {
  /** Why no run can have a sandbox now; also while it is not known yet. */
  hold(): string | undefined;
  /** What is wrong with it, as far as that is known. */
  problem(): { readonly reason: string; readonly sinceMs: number } | undefined;
  /** It is being tried for the first time, or anew after a change: `hold` will say something else soon. */
  readonly isUnknown: boolean;
  /** A run could not have its sandbox. */
  doubt(reason: string): void;
  /** Tries it if it is time to. */
  tick(): void;
  /** Tries it at the next tick, if there is a problem. */
  tryNow(): void;
  stop(): Promise<void>;
}

export function createSandboxAvailability(deps: SandboxAvailabilityDeps): SandboxAvailability {
  const { sandbox, surroundings, log } = deps;
  const { now, monotonicMs } = surroundings;
  let stamp: string | undefined;
  let isKnown = false;
  let isDoubted = false;
  let problem: { readonly reason: string; readonly sinceMs: number } | undefined;
  let lookAtMs = Number.NEGATIVE_INFINITY;
  let tryAtMs = Number.POSITIVE_INFINITY;

  const note = (reason: string | undefined): void => {
    if (reason === undefined && problem !== undefined) log("sandbox-back", {});
    if (reason !== undefined && problem?.reason !== reason) log("sandbox-broken", { reason });
    problem = reason === undefined ? undefined : { reason, sinceMs: problem?.sinceMs ?? now() };
    tryAtMs = problem === undefined ? Number.POSITIVE_INFINITY : monotonicMs() + TRY_AGAIN_MS;
  };
  const probe = createActivity({
    ...{ name: "try codex's sandbox", faults: deps.faults, surroundings, onBroken: deps.onBroken },
    onEnd: deps.wake,
    async work() {
      const reason = await sandbox.probe({ isDoubted });
      isDoubted = false;
      isKnown = true;
      note(reason);
    },
  });

  return {
    hold: () => problem?.reason ?? (isKnown ? undefined : "codex's sandbox is being tried"),
    problem: () => problem,
    get isUnknown() {
      return !isKnown && problem === undefined;
    },
    doubt(reason) {
      isDoubted = true;
      note(reason);
      tryAtMs = monotonicMs();
      deps.wake();
    },
    tick() {
      const nowMs = monotonicMs();
      if (lookAtMs <= nowMs) {
        lookAtMs = nowMs + LOOK_MS;
        const seen = sandbox.stamp();
        if (seen !== stamp) {
          stamp = seen;
          isKnown = false;
          tryAtMs = nowMs;
        }
      }
      if (tryAtMs > nowMs || probe.isBusy) return;
      tryAtMs = Number.POSITIVE_INFINITY;
      probe.start();
    },
    tryNow() {
      if (problem !== undefined) tryAtMs = monotonicMs();
    },
    stop: probe.stop,
  };
}
