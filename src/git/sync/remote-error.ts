import { CoordinatorError } from "../../base/errors.ts";
import { oneLine } from "../../task/text/one-line.ts";
import type { RemoteResult } from "./remote-process.ts";

/**
 * Why a remote did not do what was asked: it cannot be reached, it does not let us in, it has no room, it took too long, the repository
 * here knows no remote of that name, or anything else.
 */
export type RemoteFault = "away" | "refused-login" | "full" | "slow" | "not-configured" | "unknown";

/** A remote that cannot be used now. It delays what depends on it, and stops nothing; the message says what would help. */
export class RemoteError extends CoordinatorError {
  override readonly name = "RemoteError";
  readonly fault: RemoteFault;

  constructor(fault: RemoteFault, message: string, options?: ErrorOptions) {
    super("TRY_AGAIN", message, options);
    this.fault = fault;
  }
}

/** The first that fits counts: a server that refuses a login says that it cannot be read, too. Messages are git's in English, and ssh's. */
const SIGNS: readonly (readonly [fault: RemoteFault, sign: RegExp])[] = [
  ["full", /No space left on device|Disk quota exceeded|disk (is )?full/i],
  [
    "refused-login",
    /Permission denied|Authentication failed|could not read (Username|Password)|terminal prompts disabled|Host key verification failed|returned error: 40[137]|access denied|not authori[sz]ed|Invalid username/i,
  ],
  ["slow", /timed out|Operation too slow|Timeout, server /i],
  [
    "away",
    /Could not resolve|Connection (refused|reset|closed)|unreachable|No route to host|[Cc]ould ?n[o']t connect|Failed to connect|does not appear to be a git repository|does not exist|not found|Could not read from remote|unable to access|hung up|early EOF|unable to find remote helper/,
  ],
];

const SENTENCES: Readonly<Record<RemoteFault, (remote: string) => string>> = {
  away: (remote) => `the remote ${remote} cannot be reached`,
  "refused-login": (remote) =>
    `the remote ${remote} asks for a login that is not there; try "git fetch ${remote}" once by hand, and keep the login by a credential helper or an ssh agent`,
  full: (remote) => `there is no room for ${remote}: a disk is full, or a quota used up`,
  slow: (remote) => `the remote ${remote} did not answer in time`,
  "not-configured": (remote) => `git knows no remote ${remote} here; add it with: git remote add ${remote} <url>`,
  unknown: (remote) => `the remote ${remote} cannot be used`,
};

const SAID_CHARACTERS_MAX = 300;

export function remoteError(fault: RemoteFault, remote: string, said = ""): RemoteError {
  const detail = said === "" ? "" : ` (${said})`;
  return new RemoteError(fault, `${SENTENCES[fault](remote)}${detail}`);
}

/** Returns what the failure of a command means. */
export function faultOf(remote: string, result: RemoteResult): RemoteError {
  const said = lastWords(result.stderr);
  if (result.isLate) return remoteError("slow", remote, said);
  const fault = SIGNS.find(([, sign]) => sign.test(result.stderr))?.[0] ?? "unknown";
  return remoteError(fault, remote, said === "" ? `git ended with ${result.status}` : said);
}

/** Of what git said, the lines that name a failure; an address without the login that stands in it. */
function lastWords(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !/^(hint:|From |To )/.test(line));
  const failures = lines.filter((line) => /^(remote: )?(fatal|error|ssh):|denied|refused/i.test(line));
  const told = (failures.length > 0 ? failures : lines).slice(0, 3).join("; ");
  return oneLine(told.replaceAll(/\/\/[^/@\s]*@/g, "//"), SAID_CHARACTERS_MAX);
}
