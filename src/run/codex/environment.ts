import { allowedEnvironment, type Environment } from "../sandbox/environment.ts";

/**
 * What codex, and with it every command an agent runs, may know of our environment beside what any program may: codex hands its
 * whole environment to its tools (codex 0.169.0).
 */
const ALLOWED: readonly string[] = [
  // Where codex keeps its configuration, threads and databases, and where its local model listens (`--oss`).
  ...["CODEX_HOME", "CODEX_SQLITE_HOME", "CODEX_OSS_BASE_URL", "CODEX_OSS_PORT"],
  // A login by key or token. arguments.ts keeps these from the tools.
  ...["CODEX_API_KEY", "CODEX_ACCESS_TOKEN"],
  "CODEX_CA_CERTIFICATE",
  // What codex logs to its stderr, which is kept with the run.
  "RUST_LOG",
];

/** Returns the part of `source` that may reach codex: what any program may know, the list above, and `extraNames` where somebody asked for more. */
export function codexEnvironment(source: Environment, extraNames: readonly string[] = []): Record<string, string> {
  return allowedEnvironment(source, [...ALLOWED, ...extraNames]);
}

/** Patterns of codex's, upper and lower case alike. */
const SECRET_PATTERNS = ["*KEY*", "*TOKEN*", "*SECRET*"] as const;
/** They fix codex's own git; what an agent runs looks for its repository as ever. */
const GIT_PATTERNS = ["GIT_DIR", "GIT_WORK_TREE", "GIT_CONFIG_*"] as const;
const SECRET = /KEY|TOKEN|SECRET/i;

/**
 * Returns the setting that keeps keys, tokens and what fixes git in codex's environment from its tools: they are for codex (checked with 0.169.0).
 *
 * @param names of all variables codex is started with
 * @param passed those that are meant for its tools; where one looks like a secret, the others are named one by one
 */
export function hiddenFromTools(names: readonly string[], passed: readonly string[]): string {
  const hidden = passed.some((name) => SECRET.test(name))
    ? names.filter((name) => SECRET.test(name) && !passed.includes(name) && !name.startsWith("GIT_CONFIG_"))
    : SECRET_PATTERNS;
  return `shell_environment_policy.exclude=${JSON.stringify([...hidden, ...GIT_PATTERNS])}`;
}
