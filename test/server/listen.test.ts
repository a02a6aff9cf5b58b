import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { listen } from "../../src/server/listen.ts";
import { fakeCoordinator } from "../fakes/fake-cli-deps.ts";
import { listenHere } from "../support/listening.ts";
import { sendRaw } from "../support/raw-http.ts";

const COORDINATOR = fakeCoordinator();

it("serves on a free port of this machine alone, and under its own names", async () => {
  const here = await listenHere(COORDINATOR);
  expect(here.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await (await here.ask("/health")).json()).toEqual({ status: "ok" });
  const headers = { authorization: `Bearer ${here.token}` };
  expect((await fetch(`http://localhost:${new URL(here.url).port}/health`, { headers })).status).toBe(200);
  expect((await here.ask("/health", { headers: { origin: "http://evil.example" } })).status).toBe(403);
});

it("draws a token of 256 bits for each start, and answers nothing without it", async () => {
  const [one, other] = [await listenHere(COORDINATOR), await listenHere(COORDINATOR)];
  expect(one.token).toMatch(/^[\w-]{43}$/);
  expect(Buffer.from(one.token, "base64url")).toHaveLength(32);
  expect(one.token).not.toBe(other.token);
  for (const path of ["/", "/health", "/tasks", "/status", "/sessions", "/openapi.json", "/nowhere", "/tasks/x/stop"])
    for (const init of [{}, { method: "POST" }, { headers: { authorization: `Bearer ${other.token}` } }]) {
      const answer = await fetch(one.url + path, init);
      expect([path, answer.status, await answer.json()]).toMatchObject([
        path,
        401,
        { error: { code: "UNAUTHORIZED" } },
      ]);
    }
  expect((await one.ask("/health")).status).toBe(200);
});

it("says which port is taken, and what to do", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  onTestFinished(() => void taken.close());
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await expect(listen(COORDINATOR, { port })).rejects.toMatchObject({
    code: "REFUSED",
    message: `port ${port} is in use: choose another with --port, or --port 0 for any free one`,
  });
});

it("ends at once, also while somebody keeps a connection open", async () => {
  const here = await listenHere(COORDINATOR, { limits: { headersMs: 600_000 } });
  const silent = sendRaw(here.url, "");
  await once(silent.socket, "connect");
  await (await here.ask("/health", { headers: { connection: "keep-alive" } })).text();
  await here.close();
  await silent.closed;
  await expect(here.ask("/health")).rejects.toThrow();
});
