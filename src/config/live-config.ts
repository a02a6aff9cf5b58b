import { statSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { CONFIG_FILE, type Config, type ConfigFlags, environmentName, loadConfig } from "./config.ts";

/** The configuration in force while serving. */
export interface LiveConfig {
  current(): Config;
  /** Tells whether a flag or the environment gives a setting: then no edit of the file changes it. */
  isFixed(key: keyof Config): boolean;
  /** Reads the file again if it was touched. Returns what is wrong with it; then the last good configuration stays in force. */
  reload(): string | undefined;
}

/** Loads the configuration of `workspaceDir`. @throws CoordinatorError `CONFIG` when it is not valid to begin with */
export function createLiveConfig(workspaceDir: string, environment: NodeJS.ProcessEnv, flags: ConfigFlags): LiveConfig {
  const path = join(workspaceDir, CONFIG_FILE);
  let stamp = stampOf(path);
  let config = loadConfig(workspaceDir, environment, flags);
  let problem: string | undefined;
  return {
    current: () => config,
    isFixed: (key) => flags[key] !== undefined || (environment[environmentName(key)] ?? "") !== "",
    reload() {
      const now = stampOf(path);
      if (now === stamp) return problem;
      stamp = now;
      try {
        config = loadConfig(workspaceDir, environment, flags);
        problem = undefined;
      } catch (error) {
        if (!(error instanceof CoordinatorError)) throw error;
        problem = error.message;
      }
      return problem;
    },
  };
}

/** Changes whenever the file does, as far as its size, times and identity tell; never throws. */
export function stampOf(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? "" : `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
  } catch (error) {
    return String(systemErrorCode(error)); // A loop of links, a folder out of reach: reading it says so.
  }
}

/** Settings that are read at the start alone. */
const READ_AT_START = ["port", "settleMs", "rescanMs"] as const;

/** Returns what an edit has changed that counts only from the next start on, as a sentence. */
export function atNextStart(before: Config, now: Config): string | undefined {
  const changed = READ_AT_START.filter((key) => before[key] !== now[key]);
  return changed.length === 0 ? undefined : `from the next start on: ${changed.join(", ")}`;
}
