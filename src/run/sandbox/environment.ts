import { MARKER_VARIABLE } from "../worker/processes/marker-scan.ts";

/** `process.env` and its like. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What any program of a run may know of our environment. */
const ALLOWED: readonly string[] = [
  // Finding programs and the user's own files.
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR"],
  // Language, time zone and terminal: what tools print.
  ...["LANG", "LANGUAGE", "TZ", "TERM"],
  // Networks with a certificate authority or a proxy of their own.
  ...["SSL_CERT_FILE", "SSL_CERT_DIR"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"],
];

/** Groups: locale categories, and the XDG directories (where tools keep configuration and caches). */
const ALLOWED_PREFIXES = ["LC_", "XDG_"] as const;

/**
 * Returns the part of `source` that may reach a run: the lists above, and `moreNames`. A list of what is allowed, because programs
 * hand their whole environment on: a token nobody thought of must not be in it.
 */
export function allowedEnvironment(source: Environment, moreNames: readonly string[]): Record<string, string> {
  const allowed = new Set([...ALLOWED, ...moreNames]);
  allowed.delete(MARKER_VARIABLE);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(source)) {
    if (value === undefined || value === "") continue;
    if (allowed.has(name) || ALLOWED_PREFIXES.some((prefix) => name.startsWith(prefix))) environment[name] = value;
  }
  return environment;
}
