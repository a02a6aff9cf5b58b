import { type RunGround, resolveRunPaths } from "../../run/workplace/run-paths.ts";
import type { FreshThread } from "../../store/journal/journal-record.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { RightsByOrigin } from "../../task/rights/origin-rights.ts";
import { lowerLevel, mayResume, type Rights } from "../../task/rights/rights.ts";
import type { SessionState } from "../../task/session/session-facts.ts";
import type { Confinement } from "../../task/spec/sandbox-profile.ts";
import type { TaskSpec } from "../../task/spec/task-spec.ts";
import type { RunRequest } from "../../task/state/run.ts";

/** What the coordinator's own settings add to what a task asks for. */
export interface RunDefaults {
  readonly sandbox: "read-only" | "workspace-write";
  readonly model: string | undefined;
  readonly oss: boolean;
  /** From the settings of the workspace and the command line; a task's own come after them and win. */
  readonly codexConfig: readonly string[];
  /** What tasks may ask for, as of now. */
  readonly rights: RightsByOrigin;
  /** What no run may do, whatever it asks for. */
  readonly confinement: () => Confinement;
}

/**
 * Returns what to run for `task`. What it may ask for is looked at once more here, at the last moment, and so is where its paths
 * lead (run-paths.ts).
 *
 * @param lost threads that cannot be gone on in, and why
 * @param variables of its workplace
 * @throws CoordinatorError `TASK_FILE` when a path is missing, or when the task asks for more than it may have
 */
export function createRunRequest(
  task: OpenTask,
  prompt: string,
  session: SessionState,
  lost: ReadonlyMap<string, string>,
  ground: Omit<RunGround, "rights" | "confinement">,
  defaults: RunDefaults,
  variables: Readonly<Record<string, string>> = {},
): RunRequest {
  const { spec } = task;
  const rights = defaults.rights.of(task.origin);
  const confinement = confinementFor(defaults, rights);
  const paths = resolveRunPaths(spec, { ...ground, rights, confinement });
  return {
    taskId: task.id,
    sessionKey: task.sessionKey,
    run: task.state.run,
    prompt,
    resumeThread: threadToResume(spec, session, lost),
    ...paths,
    // What a task does not ask for is no reason to refuse it: it gets what is allowed of the default.
    sandbox: spec.sandbox ?? lowerLevel(defaults.sandbox, rights.sandbox),
    confinement: keptApart(confinement, ground.apart(paths.workdir)),
    variables,
    model: spec.model ?? defaults.model,
    oss: spec.oss || defaults.oss,
    codexConfig: [...defaults.codexConfig, ...spec.codexConfig],
    environment: spec.environment,
  };
}

/** Returns what a run may not do, given what its task may have. */
export function confinementFor(
  { confinement }: Pick<RunDefaults, "confinement">,
  { network, mcp, readable }: Rights,
): Confinement {
  return { ...confinement(), network, mcp, readable };
}

/** Returns what a run may not do, with what it has to be kept out of where it works. */
export function keptApart(confinement: Confinement, apart: readonly string[]): Confinement {
  return { ...confinement, writeDenied: [...confinement.writeDenied, ...apart] };
}

/**
 * Returns the thread of a session, with the reason, where a task may not go on in it: the facts of a session may have come by a push or
 * a merge, and name any thread that codex has on this machine.
 */
export function foreignThread(thread: string | undefined, rights: Rights): readonly (readonly [string, string])[] {
  if (thread === undefined || mayResume(thread, rights)) return [];
  return [[thread, "no run of this workspace has begun it, and the policy lets no task go on in another's (resume)"]];
}

/** Returns which thread a run would have resumed and why it begins a fresh one; `undefined` where it does not. */
export function freshThread(
  { spec }: OpenTask,
  session: SessionState,
  lost: ReadonlyMap<string, string>,
): FreshThread | undefined {
  const instead = spec.resume === true ? session.thread : undefined;
  const why = instead === undefined ? undefined : lost.get(instead);
  return instead === undefined || why === undefined ? undefined : { instead, why };
}

function threadToResume(spec: TaskSpec, session: SessionState, lost: ReadonlyMap<string, string>): string | undefined {
  if (spec.resume === false) return undefined;
  if (spec.resume !== true) return spec.resume;
  return session.thread !== undefined && lost.has(session.thread) ? undefined : session.thread;
}
