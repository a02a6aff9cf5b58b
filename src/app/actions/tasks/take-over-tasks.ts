import { CoordinatorError } from "../../../base/errors.ts";
import type { TaskClaims } from "../../../dispatch/claims/task-claims.ts";
import { type TakeOverDeps, takeOver } from "../../../intake/take-over.ts";
import type { ForeignTask } from "../../../store/branch/foreign-tasks.ts";
import type { RightsByOrigin } from "../../../task/rights/origin-rights.ts";

export interface TakeOverTasksDeps extends Omit<TakeOverDeps, "rights"> {
  /** Runs queued tasks that other clones accepted. */
  readonly takeOver: boolean;
  readonly rights: () => RightsByOrigin;
  /** Open tasks of other clones. */
  readonly foreign: () => ReadonlyMap<string, ForeignTask>;
  readonly claims: () => Pick<TaskClaims, "takeOver">;
}

/** Makes tasks of other clones this one's. */
export interface TakeOverTasks {
  /** The branch holds these open tasks of other clones. */
  seen(tasks: ReadonlyMap<string, ForeignTask>): Promise<void>;
  /**
   * Takes one over, whoever has it: accepted there, or claimed there.
   *
   * @param id whole
   * @throws CoordinatorError `REFUSED` where it has ended, is this clone's already, or another one is quicker; `TRY_AGAIN`
   */
  one(id: string): Promise<void>;
}

export function createTakeOverTasks(deps: TakeOverTasksDeps): TakeOverTasks {
  const { table, log } = deps;
  const accept = (tasks: ReadonlyMap<string, ForeignTask>): Promise<readonly string[]> =>
    takeOver(tasks, { ...deps, rights: deps.rights() });
  return {
    async seen(tasks) {
      if (deps.takeOver) {
        for (const id of await accept(tasks))
          deps
            .claims()
            .takeOver(id)
            .catch((error: unknown) => log("not-claimed", { task: id, reason: String(error) }));
        return;
      }
      for (const { row } of tasks.values())
        log("other-clone", { task: row.task, session: row.session, status: row.status });
    },
    async one(id) {
      if (table.get(id) === undefined) {
        const task = deps.foreign().get(id);
        if (task === undefined)
          throw new CoordinatorError("REFUSED", `${id} is not open: there is nothing to take over`);
        const [accepted] = await accept(new Map([[id, task]]));
        if (accepted === undefined && table.get(id) === undefined)
          throw new CoordinatorError("REFUSED", `${id} asks for more than this clone allows; its log says what`);
      }
      await deps.claims().takeOver(id);
      await table.durable();
    },
  };
}
