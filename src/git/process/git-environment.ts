/**
 * Returns the environment for git commands of ours: without the variables that would point git at another repository, index or
 * object store (a hook or an alias of the user may have started us with them), and with messages in English.
 */
export function gitEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^GIT_/.test(entry[0]),
  );
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

/** What git needs of the environment where a library guards it: simple-git refuses to start beside an EDITOR, a PAGER and the like. */
export function guardedGitEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = ["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "USER", "SSH_AUTH_SOCK"];
  const kept = names.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]]));
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}
