import type { Log } from "../../base/surroundings.ts";
import type { RunningCoordinator } from "../start-coordinator.ts";

/**
 * Ends the coordinator as the user asks: the first SIGINT lets running tasks finish, a second one stops them and queues them
 * again, a third leaves at once. SIGTERM and SIGHUP leave the workers running: the next start adopts them.
 */
export function endWithSignals(coordinator: RunningCoordinator, log: Log): { close(): void } {
  let interrupts = 0;
  const reportFailure = (error: unknown): void => log("end-failed", { reason: String(error) });
  const onInterrupt = (): void => {
    interrupts += 1;
    if (interrupts === 1) {
      log("draining", { hint: "running tasks may finish; Ctrl-C again stops them and queues them again" });
      coordinator.drain().catch(reportFailure);
    } else if (interrupts === 2) {
      log("stopping", { hint: "running tasks are stopped and queued again; Ctrl-C again leaves at once" });
      coordinator.stopRuns().catch(reportFailure);
    } else onTerminate();
  };
  const onTerminate = (): void => {
    log("leaving", { hint: "running tasks go on; the next start adopts them" });
    coordinator.leave().catch(reportFailure);
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  process.on("SIGHUP", onTerminate);
  return {
    close() {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onTerminate);
      process.off("SIGHUP", onTerminate);
    },
  };
}
