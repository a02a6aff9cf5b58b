import { openPauseStore } from "../../dispatch/pauses.ts";
import type { SessionListDeps } from "../views/session-list.ts";
import type { TaskView } from "../views/task-view.ts";
import { findSessionNamed, findTaskNamed, type NamedDeps } from "./find-named.ts";
import type { Queries, QueriesDeps } from "./queries.ts";
import { noSuchTask } from "./tasks/find-task.ts";
import { listLines, listTasks } from "./tasks/list-tasks.ts";
import { rememberHistory } from "./tasks/remembered-history.ts";

/** Creates the answers. What a question needs beyond files of a few lines is loaded when it is asked. */
export function createQueries(given: QueriesDeps): Queries {
  const pauses = () => openPauseStore(given.paths.paused).read();
  const sessionDeps = async (): Promise<SessionListDeps> => {
    const [open, unlanded] = await Promise.all([given.open(), given.unlanded()]);
    return { branch: given.branch, clonePath: given.paths.clone, pauses: pauses(), open, unlanded };
  };
  const deps: NamedDeps = { ...given, sessionDeps, history: rememberHistory(given.history, given.branch) };
  const find = async (word: string): Promise<TaskView> => {
    const task = await (await findTaskNamed(deps, word)).present();
    if (task === undefined) throw noSuchTask(word);
    return task;
  };
  return {
    find,
    list: (options) => listTasks(deps, options),
    lines: (options) => listLines(deps, options),
    show: async (part) => (await import("./tasks/show-task.ts")).showTask(deps, await find(part)),
    status: async () => (await import("./workspace-status.ts")).workspaceStatus(deps, pauses()),
    async waiting() {
      const health = await deps.health();
      if (health !== undefined) return { inbox: null, broken: health.broken };
      return (await import("./tasks/waiting-drops.ts")).lookIntoInbox(deps.workspaceDir);
    },
    async sessions({ own }) {
      return (await import("../views/session-list.ts")).listSessions(await sessionDeps(), own);
    },
    session: (word) => findSessionNamed(deps, word),
    diff: async (part, options = {}) =>
      (await import("./tasks/task-diff.ts")).taskDiff(deps.workRoot, await find(part), options),
    retryText: async (part) => (await import("./tasks/retry-text.ts")).retryText(deps, await find(part)),
    history: (count) => deps.history.newest(count),
    log: async (part, options = {}) => (await import("../log/find-log.ts")).findLog(deps, part, options),
  };
}
