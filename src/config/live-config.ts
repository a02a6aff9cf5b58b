import { CoordinatorError } from "../base/errors.ts";
import { type Config, type ConfigFlags, environmentName, loadConfig, type SettingsText } from "./config.ts";

/** The configuration in force while serving. */
export interface LiveConfig {
  /** The same object until it changes. */
  current(): Config;
  /** Tells whether a flag or the environment gives a setting: then nothing that is committed changes it. */
  isFixed(key: keyof Config): boolean;
  /** The branch holds this file now. Where it is not valid, the last good configuration stays in force. */
  take(text: string | undefined): void;
  /** The branch holds something else there: no file, so nothing is known of its settings, and the last good ones stay. */
  takeNone(reason: string): void;
  /** What is wrong with what the branch holds. */
  problem(): string | undefined;
}

/** Begins with what the branch holds. @throws CoordinatorError `CONFIG` when it is not valid to begin with */
export function createLiveConfig(first: SettingsText, environment: NodeJS.ProcessEnv, flags: ConfigFlags): LiveConfig {
  const { name } = first;
  let taken: string | null | undefined = first.text;
  let config = loadConfig(first, environment, flags);
  let problem: string | undefined;
  return {
    current: () => config,
    isFixed: (key) => flags[key] !== undefined || (environment[environmentName(key)] ?? "") !== "",
    take(text) {
      if (text === taken) return;
      taken = text;
      try {
        config = loadConfig({ text, name }, environment, flags);
        problem = undefined;
      } catch (error) {
        if (!(error instanceof CoordinatorError)) throw error;
        problem = error.message;
      }
    },
    takeNone(reason) {
      taken = null;
      problem = `${name} ${reason}`;
    },
    problem: () => problem,
  };
}

/** Settings that are read at the start alone. */
const READ_AT_START = ["port", "settleMs", "rescanMs"] as const;

/** Returns what an edit has changed that counts only from the next start on, as a sentence. */
export function atNextStart(before: Config, now: Config): string | undefined {
  const changed = READ_AT_START.filter((key) => before[key] !== now[key]);
  return changed.length === 0 ? undefined : `from the next start on: ${changed.join(", ")}`;
}
