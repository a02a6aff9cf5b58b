import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { RequestListener } from "node:http";
import { errorBody } from "../refusal.ts";
import { answerPage } from "./signed-out.ts";

/** What a link to the page leads to first. */
const LINK = "/sign-in?code=";
const CODE_PATH = "/sign-in/code";
const SIGN_OUT_PATH = "/sign-out";

/** 256 bits. */
const SECRET_BYTES = 32;
const CODES_MAX = 16;
const CODE_LIFE_MS = 10 * 60_000;
/** Browsers that are signed in at the same time; one more ends the oldest. */
const SIGN_INS_MAX = 32;
const SIGN_IN_LIFE_MS = 30 * 24 * 3_600_000;

/** A browser that is signed in, as it is kept: nobody can sign in with the digest. */
export interface KeptSignIn {
  /** SHA-256 of its cookie, as hex. */
  readonly digest: string;
  /** Unix ms. */
  readonly untilMs: number;
}

/** Keeps the sign-ins over restarts of the coordinator. */
export interface SignInStore {
  read(): readonly KeptSignIn[];
  write(signIns: readonly KeptSignIn[]): void;
}

/** What proves to the server that a browser is its user's: a cookie, given once for a code that only the user's own files lead to. */
export interface SignIns {
  /** Makes a code that is good for one sign-in within ten minutes. */
  issueCode(): { readonly code: string; readonly untilMs: number };
  /** Whether `code` was made here, also where it was used since, and is not too old. */
  knowsCode(code: string): boolean;
  /**
   * Returns the cookie that `code` is good for, "used" where it was given before; that sign-in is ended then, unless `cookies` shows that it is the
   * same browser ("same"): two have had the link, and one of them is not the user.
   */
  redeem(code: string, cookies: string | undefined): { readonly cookie: string } | "same" | "used" | "unknown";
  isSignedIn(cookies: string | undefined): boolean;
  /** Ends the sign-in that `cookies` shows. */
  signOut(cookies: string | undefined): void;
  /** Of the cookie: coordinators on other ports of this machine have others. */
  readonly cookieName: () => string;
}

interface Code {
  readonly digest: string;
  readonly untilMs: number;
  /** Digest of the cookie that was given for it. */
  readonly given?: string;
}

export function createSignIns(store: SignInStore, cookieName: () => string, now: () => number): SignIns {
  let codes: readonly Code[] = [];
  let signIns: readonly KeptSignIn[] = store.read();
  const living = <Item extends { readonly untilMs: number }>(items: readonly Item[]): readonly Item[] =>
    items.filter(({ untilMs }) => untilMs > now());
  const keep = (changed: readonly KeptSignIn[]): void => {
    signIns = living(changed).slice(-SIGN_INS_MAX);
    store.write(signIns);
  };
  const shown = (cookies: string | undefined): string | undefined => {
    const value = cookieOf(cookies, cookieName());
    return value === undefined ? undefined : digestOf(value);
  };
  const isKept = (digest: string | undefined): boolean =>
    digest !== undefined && find(living(signIns), digest) !== undefined;
  return {
    cookieName,
    issueCode() {
      const [code, untilMs] = [drawSecret(), now() + CODE_LIFE_MS];
      codes = [...living(codes), { digest: digestOf(code), untilMs }].slice(-CODES_MAX);
      return { code, untilMs };
    },
    knowsCode: (code) => find(living(codes), digestOf(code)) !== undefined,
    redeem(code, cookies) {
      const found = find(living(codes), digestOf(code));
      if (found === undefined) return "unknown";
      if (found.given !== undefined) {
        if (isKept(shown(cookies))) return "same";
        keep(signIns.filter(({ digest }) => digest !== found.given));
        return "used";
      }
      const cookie = drawSecret();
      const given = digestOf(cookie);
      codes = codes.map((one) => (one === found ? { ...one, given } : one));
      keep([...signIns, { digest: given, untilMs: now() + SIGN_IN_LIFE_MS }]);
      return { cookie };
    },
    isSignedIn: (cookies) => isKept(shown(cookies)),
    signOut(cookies) {
      const digest = shown(cookies);
      if (isKept(digest)) keep(signIns.filter((one) => one.digest !== digest));
    },
  };
}

/**
 * Returns a listener that signs browsers in and out, and hands all else to `answer`. Requests have been let pass before: those of
 * links for their code.
 *
 * @param url address of the server for browsers; `undefined` where it has none
 */
export function withSignIn(signIns: SignIns, url: () => string | undefined, answer: RequestListener): RequestListener {
  const attributes = "Path=/; HttpOnly; SameSite=Strict";
  return (request, response) => {
    const { method, headers, url: target = "" } = request;
    const [pathname] = target.split("?", 1);
    const code = codeOf(target);
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    };
    if (code !== undefined && method === "GET") {
      const redeemed = signIns.redeem(code, headers.cookie);
      if (redeemed === "used" || redeemed === "unknown") return answerPage(response, 401, redeemed);
      if (redeemed !== "same") {
        const age = `Max-Age=${SIGN_IN_LIFE_MS / 1_000}`;
        response.setHeader("Set-Cookie", `${signIns.cookieName()}=${redeemed.cookie}; ${attributes}; ${age}`);
      }
      response.writeHead(303, { Location: "/" }).end();
    } else if (pathname === CODE_PATH && method === "POST") {
      const address = url();
      if (headers.authorization === undefined)
        json(403, errorBody("FORBIDDEN", "a browser cannot make a link for another: use codex-inbox open"));
      else if (address === undefined)
        json(409, errorBody("REFUSED", "the page needs a port: serve without --port off"));
      else {
        const made = signIns.issueCode();
        json(201, { url: signInLink(address, made.code), expiresAt: new Date(made.untilMs).toISOString() });
      }
    } else if (pathname === SIGN_OUT_PATH && method === "POST") {
      signIns.signOut(headers.cookie);
      response.setHeader("Set-Cookie", `${signIns.cookieName()}=; ${attributes}; Max-Age=0`);
      response.writeHead(204).end();
    } else answer(request, response);
  };
}

/** Returns the link that signs a browser in at the server of `url`. */
export function signInLink(url: string, code: string): string {
  return `${url}${LINK}${code}`;
}

/** Returns the code of a link, given what it asks the server for; `undefined` where that is anything else. */
export function codeOf(target: string | undefined): string | undefined {
  return target?.startsWith(LINK) === true ? target.slice(LINK.length) : undefined;
}

function drawSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** Takes as long wherever it is found: a digest tells nothing, and all of them are looked at. */
function find<Item extends { readonly digest: string }>(items: readonly Item[], digest: string): Item | undefined {
  const wanted = Buffer.from(digest, "hex");
  return items.filter((item) => timingSafeEqual(Buffer.from(item.digest, "hex"), wanted)).at(0);
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? "").split(";")) {
    const at = part.indexOf("=");
    if (part.slice(0, Math.max(0, at)).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}
