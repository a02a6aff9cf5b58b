import type { Surroundings } from "../base/surroundings.ts";
import type { WorldFaults } from "../base/world-fault.ts";

/** Work that takes time, beside the loop: one at a time. */
export interface Activity {
  /** Begins the work, or once it is over begins it again; while a fault of the world lasts, when it is worth trying. */
  start(): void;
  /** It is under way, or waits to be tried again. */
  readonly isBusy: boolean;
  /** Begins no more; resolves when nothing is under way. */
  stop(): Promise<void>;
}

export interface ActivityDeps {
  /** Completes "cannot …": what people are told where it fails for a fault of the world. */
  readonly name: string;
  readonly work: () => Promise<void>;
  readonly faults: WorldFaults;
  readonly surroundings: Pick<Surroundings, "after">;
  /** It has ended: the loop may have something to do. */
  readonly onEnd: () => void;
  /** It has failed for a reason that is our own. */
  readonly onBroken: (error: unknown) => void;
}

export function createActivity({ name, work, faults, surroundings, onEnd, onBroken }: ActivityDeps): Activity {
  let underWay: Promise<void> | undefined;
  let cancelRetry: (() => void) | undefined;
  let again = false;
  let stopped = false;

  const run = async (): Promise<void> => {
    try {
      await work();
      faults.clear(name);
    } catch (error) {
      if (stopped) return;
      const delayMs = faults.note(name, error);
      if (delayMs === undefined) onBroken(error);
      else
        cancelRetry = surroundings.after(delayMs, () => {
          cancelRetry = undefined;
          start();
        });
    }
  };

  const start = (): void => {
    if (stopped || cancelRetry !== undefined) return;
    if (underWay !== undefined) {
      again = true;
      return;
    }
    again = false;
    underWay = run().then(() => {
      underWay = undefined;
      if (again) start();
      onEnd();
    });
  };

  return {
    start,
    get isBusy() {
      return underWay !== undefined || cancelRetry !== undefined;
    },
    async stop() {
      stopped = true;
      cancelRetry?.();
      await underWay;
    },
  };
}
