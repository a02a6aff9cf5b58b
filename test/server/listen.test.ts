import { once } from "node:events";
import { connect, createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { listen } from "../../src/server/listen.ts";
import { fakeCoordinator } from "../fakes/fake-cli-deps.ts";
import { listenHere } from "../support/listening.ts";

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

it("ends at once, also while a connection is open on which nothing was said: a browser opens some in advance", async () => {
  const here = await listenHere(COORDINATOR);
  const silent = connect(Number(new URL(here.url).port), "127.0.0.1");
  const ended = once(silent, "close");
  await once(silent, "connect");
  await here.ask("/health"); // It has been taken in by then.
  await here.close();
  await ended;
}, 5_000);

it("ends at once, also while somebody keeps a connection open", async () => {
  const here = await listenHere(COORDINATOR);
  await (await here.ask("/health", { headers: { connection: "keep-alive" } })).text();
  await here.close();
  await expect(here.ask("/health")).rejects.toThrow();
});
