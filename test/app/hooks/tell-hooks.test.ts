import { createHmac } from "node:crypto";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { callProgram } from "../../../src/app/hooks/call-hook.ts";
import { isHookEvent } from "../../../src/app/hooks/hook-events.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { onTestFinished } from "../../support/test-end.ts";
import { waitFor } from "../../support/wait-for.ts";
import { createWorld, type World } from "../../support/world.ts";

interface Received {
  readonly signature: string;
  readonly delivery: string;
  readonly body: string;
}

/** A server that answers the first requests with these statuses, and all others with 204. */
async function listen(statuses: number[]): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { "x-codex-inbox-signature": signature, "x-codex-inbox-delivery": delivery } = request.headers;
      received.push({ signature: String(signature), delivery: String(delivery), body });
      response.writeHead(statuses.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

async function runOne(world: World, name: string): Promise<void> {
  world.drop(`docs/${name}.md`, `${name}.\n`);
  await world.settle();
  world.runner.end(world.runner.of("docs"));
  await world.settle();
}

/** Lets time pass until something is there: hooks are processes and connections, which no clock of a test moves. */
function passing<Value>(world: World, ms: number, condition: () => Value, what: string): Promise<unknown> {
  return waitFor(
    async () => {
      await world.advance(ms);
      return condition();
    },
    { what },
  );
}

/** Whole lines alone: the program may be writing. */
const told = (path: string): readonly Record<string, unknown>[] =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line))
    : [];

it("a webhook is told of each end, signed, again until it has taken it, and after a restart what it has missed, none twice", async () => {
  const statuses = [500, 302];
  const { url, received } = await listen(statuses);
  const secretPath = join(tempDir(), "secret");
  writeFileSync(secretPath, "s3cret\n");
  const world = createWorld();
  world.hooks = { hook: undefined, webhook: url, webhookSecret: secretPath };
  await world.start();
  await runOne(world, "one");
  await passing(world, 5_000, () => received.length === 3, "the third try");
  const [first, , third] = received;
  expect(new Set(received.map(({ delivery, body }) => delivery + body)).size).toBe(1);
  expect(JSON.parse(first?.body ?? "")).toMatchObject({ kind: "state", status: "succeeded", task: world.accepted(0) });
  const [, seconds, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(third?.signature ?? "") ?? [];
  expect(mac).toBe(createHmac("sha256", "s3cret").update(`${seconds}.${third?.body}`).digest("hex"));
  expect(world.logged("hook-retried")).toMatchObject([
    { hook: "webhook", tries: 1, reason: "it was answered with 500" },
    { hook: "webhook", tries: 2, reason: "it was answered with 302" },
  ]);

  await passing(world, 0, () => existsSync(world.paths.hooksTold), "the note of what was told");
  statuses.push(500);
  await runOne(world, "two");
  await passing(world, 100, () => received.length === 4, "a try that fails");
  await world.crash();
  const coordinator = await world.start();
  await coordinator.pause({ session: undefined, reason: "a release" });
  await passing(world, 1_000, () => received.length === 6, "what was missed, and the pause");
  const [, , , failed, again, pause] = received.map(({ body }) => JSON.parse(body));
  expect([again, failed.task]).toEqual([failed, world.accepted(1)]);
  expect(pause).toMatchObject({ kind: "queue", what: "paused" });
});

it("a program gets each event on standard input; one that fails is given up after some tries, and nothing waits for it", async () => {
  const dir = tempDir();
  const [program, out] = [join(dir, "tell"), join(dir, "out.jsonl")];
  writeFileSync(
    program,
    `#!/bin/sh\n[ -e ${dir}/broken ] && { echo no >&2; exit 3; }\necho "$CODEX_INBOX_WORKSPACE" >${dir}/where\ncat >>${out}\n`,
  );
  chmodSync(program, 0o700);
  writeFileSync(join(dir, "broken"), "");
  const world = createWorld();
  world.hooks = { hook: program, webhook: undefined, webhookSecret: undefined };
  const coordinator = await world.start();
  await runOne(world, "one");
  await runOne(world, "two");
  expect(await coordinator.find(world.accepted(1))).toMatchObject({ status: "succeeded" });
  await passing(world, 120_000, () => world.logged("hook-failed").length > 0, "the last try");
  expect(world.logged("hook-failed")).toMatchObject([{ hook: "hook", tries: 5, reason: "exit code 3: no" }]);
  rmSync(join(dir, "broken"));
  await passing(world, 120_000, () => told(out).length > 0, "the second event");
  expect(told(out)).toMatchObject([{ kind: "state", status: "succeeded", task: world.accepted(1) }]);
  expect(readFileSync(join(dir, "where"), "utf8")).toBe(`${world.dir}\n`);
});

it("a program that has left another one behind, which holds its outputs, has taken the event", async () => {
  const dir = tempDir();
  const [program, left] = [join(dir, "tell"), join(dir, "left")];
  writeFileSync(program, `#!/bin/sh\ncat >/dev/null\nsleep 600 &\necho $! >${left}\necho told\n`);
  chmodSync(program, 0o700);
  onTestFinished(() => void process.kill(Number(readFileSync(left, "utf8")), "SIGKILL"));
  const call = { event: "{}", seq: 1, delivery: "nd25oi-1", workspaceDir: dir };
  const startedMs = performance.now();
  expect(await callProgram(program, call, process.env, new AbortController().signal)).toBeUndefined();
  expect(performance.now() - startedMs).toBeLessThan(9_000); // It is not waited for until the time is over.
});

it("nothing is sent unsigned", async () => {
  const { url, received } = await listen([]);
  const world = createWorld();
  world.hooks = { hook: undefined, webhook: url, webhookSecret: undefined };
  await world.start();
  await runOne(world, "one");
  await passing(world, 120_000, () => world.logged("hook-failed").length > 0, "the last try");
  expect([received, world.logged("hook-failed")]).toMatchObject([[], [{ reason: expect.stringMatching(/unsigned$/) }]]);
});

it.each([
  { event: { kind: "state", status: "failed" }, isTold: true },
  { event: { kind: "state", status: "running" }, isTold: false },
  { event: { kind: "queue", what: "breaker-open" }, isTold: true },
  { event: { kind: "queue", what: "breaker-closed" }, isTold: false },
  { event: { kind: "queue", what: "disk-low" }, isTold: true },
  { event: { kind: "queue", what: "disk-room" }, isTold: false },
  { event: { kind: "held", hold: "author" }, isTold: true },
  { event: { kind: "held", hold: "workers" }, isTold: false },
  { event: { kind: "item" }, isTold: false },
])("tells hooks: $event is $isTold", ({ event, isTold }) => expect(isHookEvent(JSON.stringify(event))).toBe(isTold));
