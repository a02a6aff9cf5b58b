import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import { isBelow, type SandboxLevel } from "../../task/rights/rights.ts";
import { firstBelow, type SandboxProfile } from "../../task/spec/sandbox-profile.ts";
import type { Environment } from "./environment.ts";

/** The name of our permission profile in codex's configuration of one run. */
const PROFILE_NAME = "codex_inbox";

/** The levels that have a sandbox, and the profile of codex's that each begins with. */
const PARENTS = { "read-only": ":read-only", "workspace-write": ":workspace" } as const;
/** Codex reads a path with one of these as a pattern, which then matches something else (0.169.0). */
const PATTERN_CHARACTERS = /[*?[\]{}]/;
const CONTROL_CHARACTERS = /\p{Cc}/u;

/** Where a run is started. */
export interface ProfilePlace {
  /** Absolute, links resolved. */
  readonly workdir: string;
  /** What codex is started with: its sandbox lets commands write to `TMPDIR`. */
  readonly environment: Environment;
  /** What commands in the sandbox have to read although it may lie in a folder that is denied: codex starts itself there once more. */
  readonly codexPath: string;
}

/**
 * Returns the settings (`key=value`, value in TOML) that put all commands of a run into codex's sandbox, as `profile` says. They hold
 * whatever `sandbox_mode` and `sandbox_workspace_write` say in the owner's configuration, and go with no `-s`, which would make codex
 * ignore them (0.169.0). For a level without a sandbox there are none.
 *
 * Below a folder that a run may write to, not `writeDenied` itself is kept but the entry of that folder that leads to it: else a
 * command could put another folder in the place of one above.
 *
 * @throws CoordinatorError `TASK_FILE` where the run would work in what it may not write, or where codex cannot express a path
 */
export function profileSettings(profile: SandboxProfile, place: ProfilePlace): readonly string[] {
  if (profile.level === "danger-full-access") return [];
  const entries = new Map<string, "read" | "none">();
  if (profile.level === "workspace-write") for (const path of unwritable(profile, place)) entries.set(path, "read");
  for (const path of unreadable(profile, place)) entries.set(path, "none");
  const filesystem = Array.from(entries, ([path, access]) => `${tomlKey(path)}="${access}"`).join(",");
  const network = `network={enabled=${profile.network === "full"}}`;
  return [
    `permissions.${PROFILE_NAME}={extends="${PARENTS[profile.level]}",${network},filesystem={${filesystem}}}`,
    `default_permissions="${PROFILE_NAME}"`,
  ];
}

/** Returns the level that `profileSettings` was given, from the arguments of a run; `undefined` where there is no profile. */
export function levelOfSettings(words: readonly string[]): SandboxLevel | undefined {
  const parent = words.flatMap((word) => /^permissions\.codex_inbox=\{extends="([^"]*)"/.exec(word)?.[1] ?? [])[0];
  if (parent === undefined) return undefined;
  return parent === PARENTS["read-only"] ? "read-only" : "workspace-write";
}

/** Codex's own names for the folders for temporary files, both of which its sandbox lets commands write to. */
function temporaryRoots({ TMPDIR: named = "" }: Environment): readonly (readonly [name: string, path: string])[] {
  const slashTmp = [":slash_tmp", realPathOf("/tmp")] as const;
  return named === "" ? [slashTmp] : [slashTmp, [":tmpdir", realPathOf(named)]];
}

function unwritable({ writeDenied }: SandboxProfile, place: ProfilePlace): ReadonlySet<string> {
  const workdir = realPathOf(place.workdir);
  const temporary = temporaryRoots(place.environment);
  const writable = [workdir, ...temporary.map(([, root]) => root)];
  const kept = new Set<string>();
  for (const denied of writeDenied) {
    // Where runs may write, what lies on the way to it may be another since it was resolved.
    const path = writable.some((root) => isBelow(root, denied)) ? realPathOf(denied) : denied;
    if (isBelow(path, workdir)) throw new CoordinatorError("TASK_FILE", worksIn(workdir, path));
    const entry = firstBelow(workdir, path);
    if (entry !== undefined) kept.add(entry);
    for (const [name, root] of temporary) {
      const below = isBelow(path, root) ? name : firstBelow(root, path);
      // What leads to the working directory is denied, and the directory itself is writable again: codex takes the longer path.
      if (below !== undefined && below !== workdir) kept.add(below);
    }
  }
  return new Set([...kept].filter((path) => path.startsWith(":") || existsSync(path)));
}

function unreadable({ readDenied, readable, writeDenied }: SandboxProfile, place: ProfilePlace): readonly string[] {
  const opened = readable.map(realPathOf);
  const needed = [place.workdir, place.codexPath].map(realPathOf);
  const isOpen = (path: string): boolean =>
    !writeDenied.includes(path) && opened.some((folder) => isBelow(folder, path));
  return readDenied.filter((path) => !isOpen(path)).flatMap((path) => deniedAround(path, [...needed, ...opened]));
}

function worksIn(workdir: string, path: string): string {
  return `workdir: ${workdir} lies in ${path}, which agents must not write to: codex-inbox runs or keeps something there; name another folder`;
}

/**
 * Returns what to deny so that all of `path` is denied but what leads to `needed`: a folder that is denied is closed, whatever is
 * said of a folder in it (0.169.0).
 */
function deniedAround(path: string, needed: readonly string[]): readonly string[] {
  if (!existsSync(path)) return []; // Codex would make it for as long as a command runs, and leave it behind when killed.
  const inside = needed.filter((one) => isBelow(path, one));
  if (inside.length === 0) return [path];
  if (inside.includes(path)) return [];
  return readdirSync(path).flatMap((name) => deniedAround(join(path, name), inside));
}

function tomlKey(path: string): string {
  if (path.startsWith(":")) return JSON.stringify(path);
  const wrong = pathProblem(path);
  if (wrong === undefined) return JSON.stringify(path);
  throw new CoordinatorError("TASK_FILE", `no run can be kept out of ${JSON.stringify(path)}: its name ${wrong}`);
}

/** Returns why codex's permission profiles cannot name `path`, as the end of a sentence, or `undefined`. */
function pathProblem(path: string): string | undefined {
  if (PATTERN_CHARACTERS.test(path)) return "has one of * ? [ ] { }, which codex takes for a pattern; rename it";
  return CONTROL_CHARACTERS.test(path) || !path.isWellFormed()
    ? "has a character that codex cannot be told; rename it"
    : undefined;
}
