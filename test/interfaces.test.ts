import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createApp } from "../src/server/app.ts";
import { fakeCoordinator } from "./fakes/fake-cli-deps.ts";
import { CLI_DOCS_PATH, cliDocsText } from "./support/cli-docs.ts";
import { OPENAPI_PATH, openApiText } from "./support/openapi/document.ts";

describe("docs/openapi.json", () => {
  const document = JSON.parse(readFileSync(OPENAPI_PATH, "utf8")) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };

  it("is what `npm run openapi` makes of the code", () => {
    expect(readFileSync(OPENAPI_PATH, "utf8")).toBe(openApiText());
  });

  it("has every route of the server, and no other", () => {
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const routes = createApp(fakeCoordinator()).routes.map(
      ({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`,
    );
    const signIn = ["GET /sign-in", "POST /sign-in/code", "POST /sign-out"]; // In front of the routes: test/server/access/sign-in.test.ts.
    expect(documented.sort()).toEqual([...new Set([...routes, ...signIn])].sort());
  });

  it("refers to nothing that it does not hold, and is served", async () => {
    const text = readFileSync(OPENAPI_PATH, "utf8");
    const { components } = JSON.parse(text) as { readonly components: { readonly schemas: object } };
    const named = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name ?? "");
    expect([...new Set(named)].filter((name) => !Object.hasOwn(components.schemas, name))).toEqual([]);
    const answer = await createApp(fakeCoordinator()).request("http://localhost/openapi.json");
    expect([answer.status, await answer.json()]).toEqual([200, document]);
  });
});

describe("docs/cli.md", () => {
  it("is what `npm run docs:cli` makes of the commands", async () => {
    expect(readFileSync(CLI_DOCS_PATH, "utf8")).toBe(await cliDocsText());
  });
});
