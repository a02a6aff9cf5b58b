import { realpathSync, statSync } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import type { RunRequest } from "../task/run.ts";
import type { SessionState } from "../task/session-facts.ts";
import type { TaskSpec } from "../task/task-spec.ts";
import type { FreshThread } from "./journal-record.ts";
import type { OpenTask } from "./task-table.ts";

/** What the coordinator's own settings add to a task's wishes. */
export interface RunDefaults {
  readonly sandbox: "read-only" | "workspace-write";
  readonly model: string | undefined;
  readonly oss: boolean;
  /** From the settings of the workspace and the command line; a task's own come after them and win. */
  readonly codexConfig: readonly string[];
}

/**
 * Returns what to run for `task`. Paths are resolved through symbolic links here, at the last moment: what a task names may not
 * leave `workRoot` (absolute).
 *
 * @param lost threads that cannot be gone on in, and why
 * @throws CoordinatorError `TASK_FILE` when a path is missing or leaves it
 */
export function createRunRequest(
  task: OpenTask,
  prompt: string,
  runDir: string,
  session: SessionState,
  lost: ReadonlyMap<string, string>,
  workRoot: string,
  defaults: RunDefaults,
): RunRequest {
  const { spec } = task;
  const outputSchema =
    spec.outputSchema === undefined ? undefined : inside(workRoot, "outputSchema", spec.outputSchema, "file");
  return {
    taskId: task.id,
    sessionKey: task.sessionKey,
    run: task.state.run,
    runDir,
    prompt,
    resumeThread: threadToResume(spec, session, lost),
    workdir: workdirOf(spec, workRoot),
    sandbox: spec.sandbox ?? defaults.sandbox,
    model: spec.model ?? defaults.model,
    oss: spec.oss || defaults.oss,
    images: spec.images.map((image) => inside(workRoot, "images", image, "file")),
    outputSchema,
    codexConfig: [...defaults.codexConfig, ...spec.codexConfig],
  };
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

/** Returns the folder that a task's commands run in. @throws CoordinatorError `TASK_FILE` when it is missing or leaves `workRoot` */
export function workdirOf(spec: TaskSpec, workRoot: string): string {
  return inside(workRoot, "workdir", spec.workdir ?? ".", "folder");
}

function threadToResume(spec: TaskSpec, session: SessionState, lost: ReadonlyMap<string, string>): string | undefined {
  if (spec.resume === false) return undefined;
  if (spec.resume !== true) return spec.resume;
  return session.thread !== undefined && lost.has(session.thread) ? undefined : session.thread;
}

function inside(root: string, key: string, path: string, kind: "file" | "folder"): string {
  let real: string;
  try {
    real = realpathSync(resolve(root, path));
  } catch (cause) {
    if (systemErrorCode(cause) === undefined) throw cause;
    throw new CoordinatorError("TASK_FILE", `${key}: there is no ${kind} ${path} in the working tree`, { cause });
  }
  const way = relative(realpathSync(root), real);
  if (isAbsolute(way) || way === ".." || way.startsWith("../") || way === ".git" || way.startsWith(".git/")) {
    throw new CoordinatorError("TASK_FILE", `${key}: ${path} leaves the working tree; name a ${kind} inside it`);
  }
  const stat = statSync(real);
  if (kind === "folder" ? !stat.isDirectory() : !stat.isFile()) {
    throw new CoordinatorError("TASK_FILE", `${key}: ${path} is not a ${kind}`);
  }
  return real;
}
