/**
 * All that git needs of our environment: where programs are, and where the user's configuration lies. What git may start (a filter of
 * the user's) knows no more, and no `GIT_…` of a hook or an alias that started us points git elsewhere.
 */
const ALLOWED = ["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "USER", "LOGNAME"] as const;

/** Returns the environment for git commands of ours: the variables above, and messages in English. */
export function gitEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept = ALLOWED.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]]));
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

/** The repository a git process works in. Git is told where it lies, and never searches for one: it could find an attacker's. */
export interface GitPlace {
  /** Absolute: `.git`, or `.git/worktrees/<name>`. */
  readonly gitDir: string;
  /** Absolute top of its work tree; `undefined` where nothing of one is asked. */
  readonly topDir?: string;
}

/** Returns the variables that fix git to `place`. */
export function placeEnvironment({ gitDir, topDir }: GitPlace): Record<string, string> {
  return { GIT_DIR: gitDir, ...(topDir === undefined ? {} : { GIT_WORK_TREE: topDir }) };
}

/** Returns the variables that set configuration for git and for every git that it starts; a name may hold any character. */
export function settingsEnvironment(
  settings: readonly (readonly [key: string, value: string])[],
): Record<string, string> {
  const pairs = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return settings.length === 0 ? {} : { GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(pairs) };
}

/** Settings that start no program: neither hooks, nor a monitor of files, nor a transport that is a command line. */
export const NO_PROGRAMS: readonly (readonly [key: string, value: string])[] = [
  ["core.fsmonitor", "false"],
  ["core.hooksPath", "/dev/null"],
  ["protocol.ext.allow", "never"],
  ["safe.bareRepository", "explicit"],
];
