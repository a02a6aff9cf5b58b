import { realpathSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { CoordinatorError, systemErrorCode } from "../../base/errors.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import type { KnownRepositories } from "../../git/repository/known-repositories.ts";
import { describeRefusal, isBelow, type Rights, refusals, refusedTarget } from "../../task/rights/rights.ts";
import type { Confinement } from "../../task/spec/sandbox-profile.ts";
import type { TaskSpec } from "../../task/spec/task-spec.ts";

/** Where a run may work. Absolute paths. */
export interface RunGround {
  /** What a task's paths are relative to, and may not leave unless the rights say so. */
  readonly workRoot: string;
  /** Where images and schemas are looked for that are not there; absent: nowhere else. */
  readonly filesRoot?: string;
  /** The coordinator's own folder: no run may write to it. */
  readonly stateDir: string;
  readonly repositories: KnownRepositories;
  /** What a run that works in this folder may not write besides: other worktrees, the checkout and the home where it works elsewhere. */
  readonly apart: (workdir: string) => readonly string[];
  readonly rights: Rights;
  /** What no run can read, and what opens it. */
  readonly confinement: Pick<Confinement, "readDenied" | "readable" | "writeDenied">;
}

export interface RunPaths {
  readonly workdir: string;
  readonly images: readonly string[];
  readonly outputSchema: string | undefined;
}

/**
 * Returns where the paths of a task lead, symbolic links resolved, at the last moment before a run: what was true when its file was
 * accepted may not be any more.
 *
 * @throws CoordinatorError `TASK_FILE` when something is missing, or when the task asks for more than it may have now
 */
export function resolveRunPaths(spec: TaskSpec, ground: RunGround): RunPaths {
  const { images, outputSchema } = spec;
  return {
    workdir: resolveWorkdir(spec, ground),
    images: images.map((image) => locate(ground, "images", image)),
    outputSchema: outputSchema === undefined ? undefined : locate(ground, "outputSchema", outputSchema),
  };
}

/** Does the same for the working directory alone, which is all that a verify command needs. */
export function resolveWorkdir(spec: TaskSpec, ground: RunGround): string {
  const [refused] = refusals(spec, ground.rights);
  if (refused !== undefined) throw new CoordinatorError("TASK_FILE", describeRefusal(refused));
  const { workdir = "." } = spec;
  const real = apartFromState(workdir, locate(ground, "workdir", workdir), ground);
  refuseForeign(workdir, real, ground.repositories);
  return real;
}

type PathKey = "workdir" | "images" | "outputSchema";

function locate(ground: RunGround, key: PathKey, path: string): string {
  const kind = key === "workdir" ? "folder" : "file";
  const { workRoot, filesRoot } = ground;
  const roots = kind === "folder" || filesRoot === undefined ? [workRoot] : [workRoot, filesRoot];
  const real = firstReal(roots.map((root) => resolve(root, path)));
  if (real === undefined) {
    const where = path.startsWith("/") ? "" : " in the working tree";
    throw new CoordinatorError("TASK_FILE", `${key}: there is no ${kind} ${path}${where}`);
  }
  const root = rootsOf(ground, key).find((candidate) => isBelow(candidate, real));
  if (root === undefined) throw new CoordinatorError("TASK_FILE", outside(key, path, real, ground.rights));
  if (isGits(relative(root, real)) || isBelow(gitFolder(ground), real))
    throw new CoordinatorError("TASK_FILE", `${key}: ${path} leads into git's own folder; name a ${kind} outside it`);
  refusePrivate(ground, key, path, real, root);
  const stat = statSync(real);
  if (kind === "folder" ? !stat.isDirectory() : !stat.isFile())
    throw new CoordinatorError("TASK_FILE", `${key}: ${path} is not a ${kind}`);
  return real;
}

/** Returns where the first of these leads that is there. */
function firstReal(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    try {
      return realpathSync(path);
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
    }
  }
  return undefined;
}

/**
 * Codex reads images and schemas itself, outside of its sandbox, and sends them to the model; and a run can read the folder that it
 * works in. What is closed to runs is no place to name, unless the root itself lies in it: then that was the owner's word.
 */
function refusePrivate({ confinement }: RunGround, key: PathKey, path: string, real: string, root: string): void {
  const closed = confinement.readDenied.find(
    (folder) => isBelow(folder, real) && (!isBelow(folder, root) || folder === root),
  );
  if (closed === undefined) return;
  // As in the profile of a run: what lies around our own folders opens none of them.
  const isOurs = confinement.writeDenied.includes(closed);
  const opens = (open: string): boolean => isBelow(open, real) && (!isOurs || isBelow(closed, open));
  if (confinement.readable.map(realPathOf).some(opens)) return;
  const message = `${key}: ${path} leads to ${closed}, which holds credentials or is codex's own, and no run may read it`;
  const expected = `unless the owner of the machine allows it with "codex-inbox policy allow readable ${closed}"`;
  throw new CoordinatorError("TASK_FILE", `${message}, ${expected}`);
}

/** The roots a path may lie below. */
function rootsOf({ workRoot, filesRoot, rights }: RunGround, key: PathKey): readonly string[] {
  const more = key === "workdir" ? rights.workdirs : key === "images" ? rights.images : [];
  const files = key === "workdir" || filesRoot === undefined ? [] : [filesRoot];
  return [workRoot, ...files, ...more].map(realPathOf);
}

function outside(key: PathKey, path: string, real: string, rights: Rights): string {
  return key === "outputSchema"
    ? `outputSchema: ${path} leaves the working tree; name a file inside it`
    : describeRefusal(refusedTarget(key, path, real, rights));
}

/**
 * Codex keeps an agent from writing to `.git` directly below its working directory (0.169.0), and not to one further down: the
 * folder that says what tasks may do must not lie there.
 */
function apartFromState(path: string, real: string, { workRoot, stateDir }: RunGround): string {
  const state = realPathOf(stateDir);
  const isGuarded = real === realPathOf(workRoot) || relative(real, state).startsWith(".git/");
  if (isGuarded || !isBelow(real, state)) return real;
  const message = `workdir: ${path} holds ${state}, which an agent could write to there; name a folder that does not`;
  throw new CoordinatorError("TASK_FILE", message);
}

/** Git, and codex which asks it, would run what such a repository says. */
function refuseForeign(path: string, real: string, repositories: KnownRepositories): void {
  const exposed = repositories.exposedBy(real);
  if (exposed !== undefined) {
    const message = `workdir: ${path} holds ${exposed}, whose configuration an agent could write there; name a folder that does not`;
    throw new CoordinatorError("TASK_FILE", message);
  }
  const ground = repositories.groundOf(real);
  if (ground.kind !== "foreign") return;
  const message = `workdir: ${path} lies in a repository inside the working tree (${ground.path}), which a push or an agent can have made, and git runs what its configuration says`;
  const advice =
    "remove it; one that you trust belongs outside the working tree (a submodule's: git submodule absorbgitdirs)";
  throw new CoordinatorError("TASK_FILE", `${message}; ${advice}`);
}

/** Whether a relative path begins in or leads into a git directory. */
function isGits(way: string): boolean {
  return way.split("/").some((segment) => segment.toLowerCase() === ".git");
}

/** The git directory that the coordinator's folder lies in; it may have another name than `.git`. */
function gitFolder({ stateDir }: RunGround): string {
  const state = realPathOf(stateDir);
  return /^(.+)\/codex-inbox(?:\/homes\/[^/]+)?$/.exec(state)?.[1] ?? state;
}
