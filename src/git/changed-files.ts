import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { systemErrorCode } from "../base/errors.ts";
import { gitEnvironment } from "./git-environment.ts";

/** More than this are counted, not listed. */
const CHANGED_FILES_MAX = 1_000;
/** Slack for the clock the kernel stamps files with, which moves in steps of a few milliseconds. */
const CLOCK_STEP_MS = 20;

/** A path that differs from HEAD, relative to the folder that was asked about, and how. */
export interface ChangedPath {
  readonly path: string;
  readonly change: "added" | "modified" | "deleted" | "renamed";
}

/**
 * Returns the uncommitted paths below `dir` (absolute) that were touched since `sinceMs` (Unix ms), without those below
 * `excluded` (relative to the top of the work tree). Git says what differs; the change time, which a program cannot set back, says since
 * when. Takes no lock, so it disturbs nobody's `git commit`.
 */
export async function listChangedFiles(
  dir: string,
  sinceMs: number,
  excluded: readonly string[],
): Promise<readonly ChangedPath[]> {
  const env = { ...gitEnvironment(process.env), GIT_OPTIONAL_LOCKS: "0" };
  const args = [
    "status",
    "--porcelain=v1",
    "-z",
    "--untracked-files=all",
    "--no-renames",
    "--ignore-submodules=all",
    "--",
    ".",
  ];
  const specs = excluded.map((path) => `:(exclude,top,literal)${path}`);
  const { stdout } = await execa(
    "git",
    ["-c", "core.fsmonitor=false", "-c", "status.relativePaths=false", ...args, ...specs],
    {
      cwd: dir,
      env,
      extendEnv: false,
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const top = await execa("git", ["rev-parse", "--show-toplevel"], { cwd: dir, env, extendEnv: false });
  const changed: ChangedPath[] = [];
  for (const record of stdout.split("\0")) {
    if (record.length < 4 || changed.length >= CHANGED_FILES_MAX) continue;
    const path = record.slice(3);
    if (touchedSince(join(top.stdout, path), sinceMs - CLOCK_STEP_MS))
      changed.push({ path, change: changeOf(record.slice(0, 2)) });
  }
  return changed;
}

function changeOf(code: string): ChangedPath["change"] {
  if (code.includes("D")) return "deleted";
  return code === "??" || code.includes("A") ? "added" : "modified";
}

/** A deleted file leaves its trace in the nearest folder that is still there. */
function touchedSince(path: string, sinceMs: number): boolean {
  for (let place = path; place !== dirname(place); place = dirname(place)) {
    try {
      return lstatSync(place).ctimeMs >= sinceMs;
    } catch (error) {
      const code = systemErrorCode(error);
      if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    }
  }
  return true;
}
