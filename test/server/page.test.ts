import { describe, expect, it } from "vitest";
import { createApp } from "../../src/server/app.ts";
import { fakeCoordinator } from "../fakes/fake-cli-deps.ts";

const app = createApp(fakeCoordinator());

describe("the files of the page", () => {
  it.each([
    ["/", "text/html"],
    ["/page/main.js", "text/javascript"],
    ["/page/show/dom.js", "text/javascript"],
    ["/page/page.css", "text/css"],
    ["/page/marked.js", "text/javascript"],
  ])("%s is served as %s, once", async (path, type) => {
    const first = await app.request(path);
    expect([first.status, first.headers.get("content-type")]).toEqual([200, expect.stringContaining(type)]);
    const again = await app.request(path, { headers: { "if-none-match": first.headers.get("etag") ?? "" } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it.each([
    "/page/",
    "/page/show",
    "/page/show/",
    "/page/none.js",
    "/page/../app.ts",
    "/page/%2e%2e%2fapp.ts",
    "/page/show%2f..%2f..%2fapp.ts",
    "/page/show/../../page-types.d.ts",
    "/page//etc/passwd",
    "/page/main.js%00",
    "/page/constructor",
    `/page/${"a/".repeat(2_000)}b.js`,
  ])("%s is not there", async (path) => {
    expect((await app.request(path)).status).toBe(404);
  });
});
