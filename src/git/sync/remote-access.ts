import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { type GitPlace, settingsEnvironment } from "../process/git-environment.ts";
import { GitError, runGit } from "../process/git-process.ts";
import { exposedPlace } from "../repository/configured-programs.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { remoteError } from "./remote-error.ts";

/** The name that our own view of the remote has in the environment of git. */
export const ACCESS_NAME = "codex-inbox-sync";

/**
 * What the user's programs for a login need of our environment, besides what git itself does: agents, sessions, proxies and certificates.
 * They run for the user, who has configured them.
 */
const ALLOWED =
  `SSH_AUTH_SOCK SSH_AGENT_PID GIT_SSH GIT_SSH_VARIANT GNUPGHOME GPG_AGENT_INFO KRB5CCNAME KRB5_CONFIG DBUS_SESSION_BUS_ADDRESS
  XDG_RUNTIME_DIR XDG_DATA_HOME PASSWORD_STORE_DIR http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY GIT_SSL_CAINFO
  GIT_SSL_CAPATH SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE GH_TOKEN GITHUB_TOKEN GH_HOST GH_CONFIG_DIR GLAB_CONFIG_DIR GITLAB_TOKEN
  AWS_PROFILE AWS_REGION GOOGLE_APPLICATION_CREDENTIALS`.split(/\s+/);

/** Of a remote's settings, how it is reached. Not which refs go where: only those that we name, so that nothing of the user's moves. */
const REACHED_BY = ["url", "pushurl", "proxy", "proxyauthmethod", "uploadpack", "receivepack", "vcs", "serveroption"];
/** What starts a program when a remote is spoken with. */
const PROGRAM = String.raw`^(core\.(sshcommand|gitproxy)|credential\.(.*\.)?helper|ssh\.variant)$`;
/** A connection over HTTP that stands still for a minute ends. */
const PATIENCE: readonly (readonly [string, string])[] = [
  ["http.lowspeedlimit", "1"],
  ["http.lowspeedtime", "60"],
];

/**
 * Returns the variables with which git reaches the remote that the repository's configuration calls `remote`, as `ACCESS_NAME`: at the first
 * of its addresses, by the user's own ssh and helper for credentials, none of which may ask anybody. Everything else that git could run stays
 * off.
 *
 * @throws RemoteError `not-configured`; CoordinatorError `CONFIG` where an agent or a push could change a program that git would run
 */
export async function accessTo(repository: KnownRepository, remote: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readEntries(repository, `${PROGRAM}|^remote\\.${escaped(remote)}\\.`);
  const prefix = `remote.${remote}.`;
  const settings = new Map<string, string>();
  for (const [key, value] of entries) {
    const name = key.slice(prefix.length);
    if (key.startsWith(prefix) && REACHED_BY.includes(name) && !settings.has(name)) settings.set(name, value);
  }
  if (!settings.has("url")) throw remoteError("not-configured", remote);
  for (const [key, value] of entries) refuseProgram(key, value, repository);
  const last = (wanted: string): string | undefined => entries.findLast(([key]) => key === wanted)?.[1];
  const named = [...settings].map(([name, value]): [string, string] => [`remote.${ACCESS_NAME}.${name}`, value]);
  const kept = ALLOWED.flatMap((name): [string, string][] => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(kept),
    ...sshEnvironment(process.env.GIT_SSH_COMMAND ?? last("core.sshcommand"), last("ssh.variant")),
    ...{ GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "", SSH_ASKPASS: "", GCM_INTERACTIVE: "never" },
    ...settingsEnvironment([...PATIENCE, ...named]),
  };
}

/** An ssh of OpenSSH's kind is told to ask nobody; it has no terminal anyway. */
function sshEnvironment(command: string | undefined, configured: string | undefined): Readonly<Record<string, string>> {
  if (command === undefined && process.env.GIT_SSH !== undefined) return {};
  const used = command ?? "ssh";
  const variant = (process.env.GIT_SSH_VARIANT ?? configured ?? "").toLowerCase();
  const isOpen = variant === "ssh" || (["", "auto"].includes(variant) && programOf(used) === "ssh");
  return { GIT_SSH_COMMAND: isOpen ? `${used} -o BatchMode=yes` : used };
}

function programOf(command: string): string {
  return basename(command.trim().split(/\s+/)[0] ?? "");
}

/** A name alone is looked for on the PATH. */
function refuseProgram(key: string, value: string, repository: KnownRepository): void {
  if (key === "ssh.variant" || key.startsWith("remote.")) return;
  for (const [at, word] of value.replace(/^!/, "").trim().split(/\s+/).entries()) {
    if (!word.includes("/")) continue;
    const path = word.startsWith("~/")
      ? join(process.env.HOME ?? homedir(), word.slice(2))
      : resolve(repository.topDir, word);
    const place = at === 0 || existsSync(path) ? exposedPlace(path, repository) : undefined;
    if (place === undefined) continue;
    const message = `to reach a remote git runs ${place} (${key}), which lies in the working tree: agents and pushes can change it`;
    throw new CoordinatorError("CONFIG", `${message}; keep it elsewhere, and name it there`);
  }
}

/** Reads the settings whose key fits, in the order in which git reads them. */
async function readEntries(place: GitPlace, pattern: string): Promise<readonly (readonly [string, string])[]> {
  const { status, stdout, stderr } = await runGit(place, ["config", "--null", "--includes", "--get-regexp", pattern]);
  if (status > 1) throw new GitError(`git config: ${stderr}`); // 1: nothing fits.
  const records = stdout.toString("utf8").split("\0").slice(0, -1);
  return records.map((record) => {
    const end = record.indexOf("\n");
    return end === -1 ? [record, ""] : [record.slice(0, end), record.slice(end + 1)];
  });
}

function escaped(name: string): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
