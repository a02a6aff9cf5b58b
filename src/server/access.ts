import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Refusal } from "./refusal.ts";

/** Who may ask. */
export interface Access {
  /** Host names, with port where it is not 80, that the server is known by. */
  readonly hosts: readonly string[];
  readonly token: string;
}

/** `same-origin`: our own page; `none`: the user typed the address. */
const SITES = ["same-origin", "none"];

const WHERE =
  'the token of this coordinator is in server.json of its state folder (<git directory>/codex-inbox/): send it as "Authorization: Bearer <token>"; the commands of codex-inbox do so by themselves';

/**
 * Returns why a request with these headers is refused, whatever it asks for; `undefined` where it may pass. Loopback can be reached by
 * web pages that the user happens to visit and by every user of the machine: a request has to name this server, come from no other
 * site, and prove that its sender can read the coordinator's files. No path goes without; a page would need a proof of its own here,
 * such as a cookie given for a one-time code, since the token never stands in a link.
 */
export function accessProblem(headers: IncomingHttpHeaders, { hosts, token }: Access): Refusal | undefined {
  const { host, origin, authorization, "sec-fetch-site": site } = headers;
  const foreign = origin !== undefined && !hosts.some((allowed) => origin === `http://${allowed}`);
  if (host === undefined || !hosts.includes(host) || foreign)
    return { status: 403, code: "FORBIDDEN", message: `requests must come from ${hosts.join(" or ")}` };
  if (site !== undefined && !SITES.includes(String(site)))
    return { status: 403, code: "FORBIDDEN", message: "requests must not come from a page of another site" };
  const [, given] = /^Bearer ([^\s]+)$/i.exec(authorization ?? "") ?? [];
  if (given !== undefined && isSame(given, token)) return undefined;
  const said = authorization === undefined ? "a token is needed" : "that is not the token";
  const challenge = `Bearer realm="codex-inbox"${authorization === undefined ? "" : ', error="invalid_token"'}`;
  return {
    ...{ status: 401, code: "UNAUTHORIZED", message: `${said}: ${WHERE}` },
    headers: { "WWW-Authenticate": challenge },
  };
}

/** Takes as long for every wrong text: neither where they differ nor how long the right one is shows in the time. */
function isSame(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
