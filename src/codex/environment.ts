import { MARKER_VARIABLE } from "./marker-scan.ts";

/** `process.env` and its like. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What codex, and with it every command an agent runs, may know of our environment. A list of what is allowed, because codex
 * hands its whole environment to its tools (codex 0.169.0): a token nobody thought of must not be in it.
 */
const ALLOWED: readonly string[] = [
  // Finding programs and the user's own files.
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR"],
  // Language, time zone and terminal: what tools print.
  ...["LANG", "LANGUAGE", "TZ", "TERM"],
  // Where codex keeps its configuration, threads and databases, and where its local model listens (`--oss`).
  ...["CODEX_HOME", "CODEX_SQLITE_HOME", "CODEX_OSS_BASE_URL", "CODEX_OSS_PORT"],
  // A login by key or token. arguments.ts keeps these from the tools.
  ...["CODEX_API_KEY", "CODEX_ACCESS_TOKEN"],
  // Networks with a certificate authority or a proxy of their own.
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "CODEX_CA_CERTIFICATE"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"],
  // What codex logs to its stderr, which is kept with the run.
  "RUST_LOG",
];

/** Groups: locale categories, and the XDG directories (where tools keep configuration and caches). */
const ALLOWED_PREFIXES = ["LC_", "XDG_"] as const;

/** Returns the part of `source` that may reach codex: the list above, and `extraNames` where somebody asked for more. */
export function codexEnvironment(source: Environment, extraNames: readonly string[] = []): Record<string, string> {
  const allowed = new Set([...ALLOWED, ...extraNames]);
  allowed.delete(MARKER_VARIABLE);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(source)) {
    if (value === undefined || value === "") continue;
    if (allowed.has(name) || ALLOWED_PREFIXES.some((prefix) => name.startsWith(prefix))) environment[name] = value;
  }
  return environment;
}

/** Patterns of codex's, upper and lower case alike. */
const SECRET_PATTERNS = ["*KEY*", "*TOKEN*", "*SECRET*"] as const;
const SECRET = /KEY|TOKEN|SECRET/i;

/**
 * Returns the setting that keeps keys and tokens in codex's environment from its tools: they are for codex (checked with 0.169.0).
 *
 * @param names of all variables codex is started with
 * @param passed those that are meant for its tools; where one looks like a secret, the others are named one by one
 */
export function hiddenFromTools(names: readonly string[], passed: readonly string[]): string {
  const hidden = passed.some((name) => SECRET.test(name))
    ? names.filter((name) => SECRET.test(name) && !passed.includes(name))
    : SECRET_PATTERNS;
  return `shell_environment_policy.exclude=${JSON.stringify(hidden)}`;
}
