import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { listen } from "../../src/server/listen.ts";
import { fakeCoordinator } from "../fakes/fake-cli-deps.ts";

const COORDINATOR = fakeCoordinator();

it("serves on a free port of this machine alone, and under its own names", async () => {
  const listener = await listen(COORDINATOR, 0);
  onTestFinished(() => listener.close());
  expect(listener.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await (await fetch(`${listener.url}/health`)).json()).toEqual({ status: "ok" });
  const port = new URL(listener.url).port;
  expect((await fetch(`http://localhost:${port}/health`)).status).toBe(200);
  const forged = await fetch(`${listener.url}/health`, { headers: { origin: "http://evil.example" } });
  expect(forged.status).toBe(403);
});

it("says which port is taken, and what to do", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  onTestFinished(() => void taken.close());
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await expect(listen(COORDINATOR, port)).rejects.toMatchObject({
    code: "REFUSED",
    message: `port ${port} is in use: choose another with --port, or --port 0 for any free one`,
  });
});

it("ends at once, also while somebody keeps a connection open", async () => {
  const listener = await listen(COORDINATOR, 0);
  await (await fetch(`${listener.url}/health`, { headers: { connection: "keep-alive" } })).text();
  await listener.close();
  await expect(fetch(`${listener.url}/health`)).rejects.toThrow();
});
