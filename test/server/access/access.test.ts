import { describe, expect, it } from "vitest";
import { accessProblem } from "../../../src/server/access/access.ts";

const HOST = "127.0.0.1:8787";
const TOKEN = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k";
const NOBODY = { knowsCode: () => false, isSignedIn: () => false };
const ACCESS = { hosts: [HOST, "localhost:8787"], token: TOKEN, signIns: NOBODY };
const READ = { method: "GET", url: "/tasks" };
/** What our own commands send. */
const GOOD = { host: HOST, authorization: `Bearer ${TOKEN}` };

describe("a request of a program that knows the token", () => {
  it.each([
    { name: "as our commands send it", headers: {} },
    { name: "by the other name of this machine", headers: { host: "localhost:8787" } },
    { name: "from this address", headers: { origin: `http://${HOST}` } },
    { name: "from the other name of this address", headers: { origin: "http://localhost:8787" } },
    { name: "from a page of ours", headers: { "sec-fetch-site": "same-origin" } },
    { name: "from the address bar of a browser", headers: { "sec-fetch-site": "none" } },
    { name: "with the scheme in small letters", headers: { authorization: `bearer ${TOKEN}` } },
  ])("may pass $name", ({ headers }) => {
    expect(accessProblem({ ...GOOD, ...headers }, ACCESS, READ)).toBeUndefined();
  });
});

describe("a request from a web page that the user happens to visit, even one that knew the token", () => {
  it.each([
    { name: "without a name", headers: { host: undefined } },
    { name: "under another name for this machine", headers: { host: "evil.example:8787" } },
    { name: "at another port", headers: { host: "127.0.0.1:80" } },
    { name: "from another origin", headers: { origin: "http://evil.example" } },
    { name: "from another port", headers: { origin: "http://127.0.0.1:3000" } },
    { name: "from this address, over another protocol", headers: { origin: `https://${HOST}` } },
    { name: "from nowhere", headers: { origin: "null" } },
    { name: "from another site, as the browser says", headers: { "sec-fetch-site": "cross-site" } },
    { name: "from another port, as the browser says", headers: { "sec-fetch-site": "same-site" } },
    { name: "from where the browser says something new", headers: { "sec-fetch-site": "" } },
  ])("is refused $name", ({ headers }) => {
    expect(accessProblem({ ...GOOD, ...headers }, ACCESS, READ)).toMatchObject({ status: 403, code: "FORBIDDEN" });
  });
});

describe("a request without the token", () => {
  it.each([
    { name: "none", authorization: undefined, says: /^a token is needed: / },
    { name: "an empty one", authorization: "Bearer ", says: /^that is not the token: / },
    { name: "another one", authorization: `Bearer ${TOKEN.replace("q", "Q")}`, says: /^that is not the token: / },
    { name: "the beginning of it", authorization: `Bearer ${TOKEN.slice(0, -1)}`, says: /^that is not the token: / },
    { name: "more than it", authorization: `Bearer ${TOKEN}x`, says: /^that is not the token: / },
    { name: "two", authorization: `Bearer x ${TOKEN}`, says: /^that is not the token: / },
    { name: "it without a scheme", authorization: TOKEN, says: /^that is not the token: / },
    { name: "it as a password", authorization: `Basic ${btoa(`:${TOKEN}`)}`, says: /^that is not the token: / },
  ])("($name) is told where it is, and not what it is", ({ authorization, says }) => {
    const problem = accessProblem({ host: HOST, authorization }, ACCESS, READ);
    expect(problem).toMatchObject({ status: 401, code: "UNAUTHORIZED", message: expect.stringMatching(says) });
    expect(problem?.message).toContain("server.json of its state folder");
    expect(problem?.message).toContain("the commands of codex-inbox do so by themselves");
    expect(problem?.headers?.["WWW-Authenticate"]).toMatch(/^Bearer realm="codex-inbox"/);
    expect(JSON.stringify(problem)).not.toContain(TOKEN);
  });
});
