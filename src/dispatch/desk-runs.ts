import { CoordinatorError } from "../base/errors.ts";
import type { Surroundings } from "../base/surroundings.ts";
import type { WorldFaults } from "../base/world-fault.ts";
import type { TaskTable } from "../store/task-table.ts";
import { createActivity } from "./activity.ts";
import type { Runs } from "./runs.ts";
import { isVerification } from "./verify-desk.ts";
import type { WorkDesk } from "./work-desk.ts";

export interface DeskRunsDeps {
  readonly desk: WorkDesk;
  readonly table: TaskTable;
  readonly faults: WorldFaults;
  readonly surroundings: Surroundings;
  readonly wake: () => void;
  readonly onCodexMissing: (reason: string) => void;
  readonly onBroken: (error: unknown) => void;
}

/** The desks, looked at beside the loop. `poll` is to be called when something happened to a run. */
export function createDeskRuns(deps: DeskRunsDeps): Runs & { readonly poll: () => void } {
  const { desk, table, faults, surroundings, wake, onBroken } = deps;
  const starting = new Set<string>();
  const verifying = new Set<string>();
  let cancelTimer: () => void = () => undefined;
  let closed = false;

  const look = createActivity({
    ...{ name: "look at the runs", faults, surroundings, onBroken },
    async work() {
      await desk.poll();
      for (const { id, state } of table.index.running()) if (state.kind === "verifying") verifying.add(id);
    },
    onEnd() {
      cancelTimer();
      const delayMs = desk.pollDelayMs();
      if (delayMs !== undefined && !closed) cancelTimer = surroundings.after(delayMs, look.start);
      wake();
    },
  });

  return {
    poll: look.start,
    start(task, codex) {
      if (isVerification(task.state)) {
        verifying.add(task.id); // The desk begins it.
        look.start();
        return;
      }
      starting.add(task.id);
      void desk
        .start(task, codex)
        .catch((error: unknown) => {
          if (!(error instanceof CoordinatorError) || error.code !== "CODEX") throw error;
          deps.onCodexMissing(error.message);
        })
        .catch(onBroken)
        .finally(() => {
          starting.delete(task.id);
          look.start();
        });
    },
    adopt(task) {
      desk.adopt(task);
      look.start();
    },
    stop(id, cause) {
      desk.stop(id, cause);
      look.start();
    },
    stopAll(cause) {
      desk.stopAll(cause);
      look.start();
    },
    isActive(id) {
      if (table.get(id)?.state.kind !== "verifying") verifying.delete(id);
      return starting.has(id) || desk.isActive(id) || verifying.has(id);
    },
    get activeCount() {
      const unseen = table.index.running().filter(({ id, state }) => state.kind === "verifying" && !verifying.has(id));
      return desk.activeCount - unseen.length + [...starting].filter((id) => !desk.isActive(id)).length;
    },
    close() {
      closed = true;
      cancelTimer();
      void look.stop();
      desk.close();
    },
  };
}
