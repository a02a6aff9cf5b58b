import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Refusal } from "../refusal.ts";
import { codeOf, type SignIns } from "./sign-in.ts";
import { SIGNED_OUT_HEADERS, type SignedOutReason, signedOutPage } from "./signed-out.ts";

/** Who may ask. */
export interface Access {
  /** Host names, with port where it is not 80, that the server is known by. */
  readonly hosts: readonly string[];
  readonly token: string;
  /** Browsers that need no token. */
  readonly signIns: Pick<SignIns, "knowsCode" | "isSignedIn">;
}

/** What is asked for. */
export interface RequestLine {
  readonly method: string | undefined;
  readonly url: string | undefined;
}

/** `same-origin`: our own page; `none`: the user typed the address. */
const SITES = ["same-origin", "none"];

const WHERE =
  'the token of this coordinator is in server.json of its state folder (<git directory>/codex-inbox/): send it as "Authorization: Bearer <token>"; the commands of codex-inbox do so by themselves';

/** What changes nothing here. */
const READS = ["GET", "HEAD"];

/**
 * Returns why a request with these headers is refused; `undefined` where it may pass. Loopback can be reached by web pages that the
 * user happens to visit and by every user of the machine: a request has to name this server, come from no other site, and prove that
 * its sender can read the coordinator's files: by the token, by a one-time code that was given for it, or by the cookie that was given
 * for such a code. With a cookie alone, what changes something has to come from our own page, and say so.
 */
export function accessProblem(
  headers: IncomingHttpHeaders,
  { hosts, token, signIns }: Access,
  { method, url }: RequestLine,
): Refusal | undefined {
  const { host, origin, authorization, "sec-fetch-site": site } = headers;
  const isRead = READS.includes(method ?? "");
  const shown = (refusal: Refusal, reason: SignedOutReason): Refusal => {
    if (!isRead || !/\btext\/html\b/.test(headers.accept ?? "")) return refusal;
    return { ...refusal, headers: { ...refusal.headers, ...SIGNED_OUT_HEADERS }, html: signedOutPage(reason) };
  };
  const foreign = origin !== undefined && !hosts.some((allowed) => origin === `http://${allowed}`);
  if (host === undefined || !hosts.includes(host) || foreign)
    return { status: 403, code: "FORBIDDEN", message: `requests must come from ${hosts.join(" or ")}` };
  if (site !== undefined && !SITES.includes(String(site)))
    return shown(
      { status: 403, code: "FORBIDDEN", message: "requests must not come from a page of another site" },
      "elsewhere",
    );
  const code = authorization === undefined && method === "GET" ? codeOf(url) : undefined;
  if (code !== undefined && signIns.knowsCode(code)) return undefined;
  if (authorization === undefined && signIns.isSignedIn(headers.cookie)) {
    if (isRead || (origin !== undefined && (site === undefined || site === "same-origin"))) return undefined;
    return { status: 403, code: "FORBIDDEN", message: "what changes something must come from the page itself" };
  }
  const [, given] = /^Bearer ([^\s]+)$/i.exec(authorization ?? "") ?? [];
  if (given !== undefined && isSame(given, token)) return undefined;
  const said = authorization === undefined ? "a token is needed" : "that is not the token";
  const challenge = `Bearer realm="codex-inbox"${authorization === undefined ? "" : ', error="invalid_token"'}`;
  return shown(
    {
      ...{ status: 401, code: "UNAUTHORIZED", message: `${said}: ${WHERE}` },
      headers: { "WWW-Authenticate": challenge },
    },
    code === undefined ? "signed-out" : "unknown",
  );
}

/** Takes as long for every wrong text: neither where they differ nor how long the right one is shows in the time. */
function isSame(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
