import { CONFIG_FILE } from "../../config/config-file.ts";
import { createUncommittedSettings } from "../../config/uncommitted-settings.ts";
import { readOutage } from "../../dispatch/circuit-breaker.ts";
import { countCopiedTasks } from "../../store/clone/copied-state.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { Pauses } from "../../task/schedule/pause.ts";
import { isUnderWay, rowOf } from "../../task/state/state-row.ts";
import type { Health } from "../views/present-health.ts";
import { presentProblem, problemOfOutage } from "../views/present-health.ts";
import { presentPauses } from "../views/present-pauses.ts";
import type { TaskView } from "../views/task-view.ts";
import type { QueriesDeps, StatusView } from "./queries.ts";
import { readServer, withoutToken } from "./server-record.ts";
import { findForeign } from "./tasks/list-tasks.ts";
import type { OpenTasks } from "./tasks/open-tasks.ts";

/** Of those that wait so many are shown. */
const QUEUED_SHOWN = 20;

/** Returns who serves the workspace, what runs, what waits and why. */
export async function workspaceStatus(deps: QueriesDeps, pauses: Pauses): Promise<StatusView> {
  const open = await deps.open();
  const health = await deps.health();
  const unlanded = await deps.unlanded();
  const counts = { queued: 0, running: 0, uncommitted: 0 };
  const running = open.all.filter(({ state }) => isUnderWay(state));
  const queued = open.all.filter(({ state }) => state.kind === "queued").slice(0, QUEUED_SHOWN);
  for (const { state } of open.all) {
    if (state.kind === "ended") counts.uncommitted += 1;
    else if (rowOf(state).status === "queued") counts.queued += 1;
    else counts.running += 1;
  }
  const server = readServer(deps.paths.server);
  return {
    workspace: deps.workspaceDir,
    branch: deps.branchName,
    server: server === undefined ? null : withoutToken(server),
    health: health ?? null,
    codex: health === undefined ? notedProblem(deps) : health.codex,
    paused: presentPauses(pauses),
    tasks: counts,
    running: await present(open, running),
    queued: await present(open, queued),
    otherClones: (await findForeign(deps, new Set(open.all.map(({ id }) => id)))).size + countCopiedTasks(deps.paths),
    claims: health === undefined ? notedClaims(open.all) : health.claims,
    ...(health === undefined
      ? await (await import("./tasks/waiting-drops.ts")).lookIntoInbox(deps.workspaceDir)
      : { broken: health.broken, inbox: null }),
    overlaps: overlapsOf(unlanded),
    unlanded: unlanded.map(({ session }) => session),
    uncommittedSettings: health === undefined ? await uncommitted(deps) : health.uncommittedSettings,
  };
}

/** What the journal knows of claims, while nobody asks the remote. */
function notedClaims(open: readonly OpenTask[]): StatusView["claims"] {
  const shared = open.filter(({ needsClaim, state }) => needsClaim && state.kind !== "ended");
  const elsewhere = shared.filter(({ superseded }) => superseded !== undefined).length;
  const held = shared.filter(({ claim, superseded }) => claim !== undefined && superseded === undefined).length;
  return held + elsewhere === 0 ? null : { held, elsewhere, problem: null };
}

/** Each pair is told once. */
function overlapsOf(unlanded: Awaited<ReturnType<QueriesDeps["unlanded"]>>): StatusView["overlaps"] {
  return unlanded.flatMap(({ session, conflicts, overlaps }) => [
    ...(conflicts.length === 0 ? [] : [{ session, with: null, paths: conflicts }]),
    ...overlaps
      .filter((other) => session < other.session)
      .map((other) => ({ session, with: other.session, paths: other.paths })),
  ]);
}

/** What shows a task is loaded where there is one to show. */
async function present(open: OpenTasks, tasks: readonly OpenTask[]): Promise<readonly TaskView[]> {
  return tasks.length === 0 ? [] : (await import("./tasks/open-tasks.ts")).presentTasks(open, tasks);
}

async function uncommitted({ workspaceDir, branchName, branch }: QueriesDeps): Promise<string | null> {
  return createUncommittedSettings(workspaceDir, branchName).look(await branch.readText(CONFIG_FILE)) ?? null;
}

/** Why no task is started, as the last coordinator noted it. */
function notedProblem({ paths, now }: QueriesDeps): Health["codex"] {
  const outage = readOutage(paths.codexHold);
  const problem = problemOfOutage(outage, now());
  return problem === undefined ? null : presentProblem(problem);
}
