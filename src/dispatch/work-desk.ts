import type { StopCause } from "../task/state/task-event.ts";
import { createRunDesk, type RunDesk, type RunDeskDeps } from "./run-desk.ts";
import { createVerifyDesk, isVerification, type VerifyDeskDeps } from "./verify-desk.ts";

/** Agents' runs, and the verifications that follow them, as one desk. Each task has one process at a time. */
export interface WorkDesk extends RunDesk {
  /** Asks for the end of everything under way, and starts no more verifications. */
  stopAll(cause: StopCause): void;
}

export function createWorkDesk(deps: RunDeskDeps & Omit<VerifyDeskDeps, "workRoot">): WorkDesk {
  const { table } = deps;
  const runs = createRunDesk(deps);
  const verifications = createVerifyDesk({ ...deps, workRoot: deps.workTree.root });
  const stop: RunDesk["stop"] = (id, cause) => {
    const task = table.get(id);
    (task !== undefined && isVerification(task.state) ? verifications : runs).stop(id, cause);
  };
  return {
    start: runs.start,
    adopt: (task) => (isVerification(task.state) ? verifications : runs).adopt(task),
    async poll() {
      await runs.poll();
      await verifications.poll(); // After it: what has just ended well is verified at once.
    },
    stop,
    stopAll(cause) {
      verifications.hold();
      for (const { id, state } of [...table.all()])
        if (state.kind === "running" || state.kind === "verifying") stop(id, cause);
    },
    pollDelayMs() {
      const delays = [runs.pollDelayMs(), verifications.pollDelayMs()].filter((delay) => delay !== undefined);
      return delays.length === 0 ? undefined : Math.min(...delays);
    },
    isActive: runs.isActive,
    get activeCount() {
      return runs.activeCount + verifications.activeCount;
    },
    close() {
      runs.close();
      verifications.close();
    },
  };
}
