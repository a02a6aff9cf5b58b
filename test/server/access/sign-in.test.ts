import { describe, expect, it } from "vitest";
import { accessProblem } from "../../../src/server/access/access.ts";
import { createSignIns, type KeptSignIn, type SignIns } from "../../../src/server/access/sign-in.ts";
import { fakeCoordinator } from "../../fakes/fake-cli-deps.ts";
import { type Listening, listenHere } from "../../support/listening.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Sign-ins with a clock that stands still, over what is kept. */
function signIns(kept: { signIns: readonly KeptSignIn[] } = { signIns: [] }) {
  const clock = { ms: 1_000_000 };
  const store = {
    read: () => kept.signIns,
    write(now: readonly KeptSignIn[]) {
      kept.signIns = now;
    },
  };
  return {
    clock,
    kept,
    made: createSignIns(
      store,
      () => "codex-inbox-8787",
      () => clock.ms,
    ),
  };
}

function cookieFor(made: SignIns, code = made.issueCode().code): string {
  const redeemed = made.redeem(code, undefined);
  if (typeof redeemed === "string") throw new Error(redeemed);
  return `other=1; codex-inbox-8787=${redeemed.cookie}`;
}

describe("a one-time code", () => {
  it("gives one cookie, which signs in; nothing that is kept does", () => {
    const { made, kept } = signIns();
    const cookies = cookieFor(made);
    expect(made.isSignedIn(cookies)).toBe(true);
    const text = JSON.stringify(kept);
    expect(text).not.toContain(cookies.split("=").at(-1));
    for (const wrong of [
      undefined,
      "",
      "codex-inbox-8787=",
      `codex-inbox-8787=${kept.signIns[0]?.digest}`,
      cookies.replace("8787", "8788"),
    ])
      expect(made.isSignedIn(wrong)).toBe(false);
  });

  it("is good for ten minutes, and not for another coordinator", () => {
    const { made, clock } = signIns();
    const { code } = made.issueCode();
    expect(made.knowsCode(code)).toBe(true);
    expect(signIns().made.redeem(code, undefined)).toBe("unknown");
    clock.ms += 10 * MINUTE_MS;
    expect(made.knowsCode(code)).toBe(false);
    expect(made.redeem(code, undefined)).toBe("unknown");
    expect(made.redeem("", undefined)).toBe("unknown");
  });

  it("that comes a second time ends what it gave first, unless it is the same browser", () => {
    const { made } = signIns();
    const { code } = made.issueCode();
    const cookies = cookieFor(made, code);
    expect(made.redeem(code, cookies)).toBe("same");
    expect(made.isSignedIn(cookies)).toBe(true);
    expect(made.redeem(code, undefined)).toBe("used");
    expect(made.isSignedIn(cookies)).toBe(false);
    expect(made.redeem(code, cookies)).toBe("used");
  });

  it("is one of sixteen at most: the oldest goes", () => {
    const { made } = signIns();
    const codes = Array.from({ length: 17 }, () => made.issueCode().code);
    expect(codes.map((code) => made.knowsCode(code))).toEqual([false, ...Array.from({ length: 16 }, () => true)]);
  });
});

describe("a sign-in", () => {
  it("outlives the coordinator, for thirty days, and ends when it is signed out", () => {
    const { made, kept } = signIns();
    const [one, other] = [cookieFor(made), cookieFor(made)];
    const next = signIns(kept);
    expect([one, other].map((cookies) => next.made.isSignedIn(cookies))).toEqual([true, true]);
    next.made.signOut(one);
    expect([one, other].map((cookies) => next.made.isSignedIn(cookies))).toEqual([false, true]);
    next.clock.ms += 30 * DAY_MS;
    expect(next.made.isSignedIn(other)).toBe(false);
  });

  it("is one of thirty-two at most: the oldest ends", () => {
    const { made, kept } = signIns();
    const all = Array.from({ length: 33 }, () => cookieFor(made));
    expect(kept.signIns).toHaveLength(32);
    expect(all.filter((cookies) => !made.isSignedIn(cookies))).toEqual([all[0]]);
  });
});

describe("with the cookie alone", () => {
  const HOST = "127.0.0.1:8787";
  const { made } = signIns();
  const access = { hosts: [HOST], token: "t", signIns: made };
  const cookie = cookieFor(made);
  const origin = `http://${HOST}`;

  it.each([
    { name: "reads pass", method: "GET", headers: {}, may: true },
    { name: "reads of the page itself pass", method: "GET", headers: { "sec-fetch-site": "same-origin" }, may: true },
    {
      name: "a change from the page passes",
      method: "POST",
      headers: { origin, "sec-fetch-site": "same-origin" },
      may: true,
    },
    { name: "and in a browser that does not name the site", method: "POST", headers: { origin }, may: true },
    { name: "a change without an origin does not", method: "POST", headers: {}, may: false },
    {
      name: "nor one that says it is the page, without an origin",
      method: "POST",
      headers: { "sec-fetch-site": "same-origin" },
      may: false,
    },
    { name: "nor one from the address bar", method: "POST", headers: { origin, "sec-fetch-site": "none" }, may: false },
    {
      name: "nor one of another port of this machine",
      method: "POST",
      headers: { origin: "http://127.0.0.1:9", "sec-fetch-site": "same-site" },
      may: false,
    },
    { name: "nor a read for it", method: "GET", headers: { "sec-fetch-site": "same-site" }, may: false },
    { name: "nor a change of any other method", method: "DELETE", headers: {}, may: false },
    {
      name: "nor anything with a wrong token beside it",
      method: "GET",
      headers: { authorization: "Bearer x" },
      may: false,
    },
  ])("$name", ({ method, headers, may }) => {
    const problem = accessProblem({ host: HOST, cookie, ...headers }, access, { method, url: "/tasks" });
    expect(problem === undefined).toBe(may);
  });
});

/** What a browser sends that is told to open an address. */
const BROWSER = { accept: "text/html,*/*;q=0.8", "sec-fetch-site": "none" };

async function open(listening: Listening, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${listening.url}${path}`, { redirect: "manual", headers: { ...BROWSER, ...headers } });
}

describe("the server", () => {
  it("makes a link for who has the token, and exchanges it once for a cookie", async () => {
    const listening = await listenHere(fakeCoordinator());
    const made = await listening.ask("/sign-in/code", { method: "POST" });
    expect(made.status).toBe(201);
    const { url } = (await made.json()) as { url: string };
    expect(url).toMatch(new RegExp(`^${listening.url}/sign-in\\?code=[\\w-]{43}$`));
    expect(url).not.toContain(listening.token);
    const path = url.slice(listening.url.length);
    const first = await open(listening, path);
    expect({ status: first.status, location: first.headers.get("location") }).toEqual({ status: 303, location: "/" });
    const cookie = first.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^codex-inbox-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=2592000$/);
    expect(cookie).not.toContain(listening.token);
    const pair = cookie.split(";")[0] ?? "";
    expect((await open(listening, "/health", { cookie: pair })).status).toBe(200);
    expect((await open(listening, path, { cookie: pair })).status).toBe(303);
    const again = await open(listening, path);
    expect([again.status, again.headers.get("set-cookie")]).toEqual([401, null]);
    expect(await again.text()).toContain("This link was used before");
    expect((await open(listening, "/health", { cookie: pair })).status).toBe(401);
  });

  it("signs out, and lets no browser make a link", async () => {
    const listening = await listenHere(fakeCoordinator());
    const { url } = (await (await listening.ask("/sign-in/code", { method: "POST" })).json()) as { url: string };
    const cookie =
      ((await open(listening, url.slice(listening.url.length))).headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const page = { cookie, origin: listening.url, "sec-fetch-site": "same-origin" };
    const post = (path: string): Promise<Response> =>
      fetch(`${listening.url}${path}`, { method: "POST", headers: page });
    expect((await post("/sign-in/code")).status).toBe(403);
    expect((await post("/sign-out")).status).toBe(204);
    expect((await open(listening, "/health", page)).status).toBe(401);
  });

  it("says to who is not signed in how to do that, loads nothing for it, and hands out no file of the page", async () => {
    const listening = await listenHere(fakeCoordinator());
    for (const path of ["/", "/page/main.js", "/sign-in?code=guessed", "/sign-in", "/tasks"]) {
      const answer = await open(listening, path);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(answer.headers.get("content-security-policy")).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'/,
      );
      const text = await answer.text();
      expect(text).toContain("codex-inbox open");
      expect(text).not.toContain("guessed");
      expect(text).not.toContain("<script");
    }
    const program = await fetch(`${listening.url}/`, { headers: { accept: "*/*" } });
    expect(program.headers.get("content-type")).toBe("application/json");
    const elsewhere = await open(listening, "/", { "sec-fetch-site": "cross-site" });
    expect([elsewhere.status, (await elsewhere.text()).includes("another site")]).toEqual([403, true]);
  });

  it("serves the page and its files with a strict policy, and says 304 for what a browser has", async () => {
    const listening = await listenHere(fakeCoordinator());
    for (const [path, type] of [
      ["/", "text/html"],
      ["/page/main.js", "text/javascript"],
      ["/page/page.css", "text/css"],
      ["/page/marked.js", "text/javascript"],
      ["/page/purify.js", "text/javascript"],
      ["/page/icon.svg", "image/svg+xml"],
    ] as const) {
      const answer = await listening.ask(path);
      expect([path, answer.status, answer.headers.get("content-type")?.startsWith(type)]).toEqual([path, 200, true]);
      const policy = answer.headers.get("content-security-policy") ?? "";
      expect(policy).toContain(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
      );
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).not.toMatch(/unsafe|\*|https?:|data:|blob:/);
      const etag = answer.headers.get("etag") ?? "";
      expect((await listening.ask(path, { headers: { "if-none-match": etag } })).status).toBe(304);
    }
    for (const path of ["/page/", "/page/none.js", "/page/..%2fapp.ts", "/page/app.ts", "/page/constructor"])
      expect((await listening.ask(path)).status).toBe(404);
    const html = await (await listening.ask("/")).text();
    expect(html).not.toMatch(/<style|\son\w+=|style=|<script(?![^>]* src="\/page\/)/);
  });
});
