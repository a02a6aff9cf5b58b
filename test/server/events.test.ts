import { describe, expect, it, onTestFinished } from "vitest";
import type { Coordinator } from "../../src/app/coordinator.ts";
import { createFollow } from "../../src/app/log/follow-events.ts";
import { CoordinatorError } from "../../src/base/errors.ts";
import type { HttpLimits } from "../../src/server/access/limits.ts";
import { openEventLog } from "../../src/store/events/event-log.ts";
import type { Happening, LiveEvent } from "../../src/task/events/live-event.ts";
import { fakeCoordinator, taskView } from "../fakes/fake-cli-deps.ts";
import { type Listening, listenHere } from "../support/listening.ts";
import { requestHead, sendRaw } from "../support/raw-http.ts";
import { seededRandom, testSeed } from "../support/seeded-random.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const TASK = taskView({ id: "20261120-141530-k3f9x2" });

function happening(commit: string, task = TASK.id, session = "docs"): Happening {
  return { kind: "committed", task, session, commit };
}

/** The interface of a coordinator whose events the test makes up. */
async function serving(limits: Partial<HttpLimits> = {}, dir = tempDir()) {
  const log = openEventLog({
    ...{ dir, surroundings: { now: Date.now, after: () => () => undefined }, checkpoint: () => [] },
    ...{ onDropped: () => undefined, onMended: () => undefined },
  });
  onTestFinished(() => log.close());
  const follow = createFollow(log, Date.now);
  let readers = 0;
  const coordinator: Coordinator = fakeCoordinator({
    async *follow(options, signal) {
      readers += 1;
      try {
        yield* follow(options, signal);
      } finally {
        readers -= 1;
      }
    },
    async find(part) {
      if (TASK.id.includes(part)) return TASK;
      throw new CoordinatorError("NOT_FOUND", `there is no task "${part}"`);
    },
  });
  const here = await listenHere(coordinator, { limits });
  const tell = (...events: readonly Happening[]): void => {
    for (const event of events) log.add(event);
    log.flush();
  };
  return { ...here, here, log, tell, dir, readers: () => readers };
}

interface Stream {
  /** What has come, comments left out. */
  readonly events: LiveEvent[];
  /** The number that the client would come again with. */
  readonly id: () => string;
  readonly text: () => string;
  readonly ended: Promise<void>;
  close(): void;
}

/** Reads a stream as a browser does. */
async function open(
  { ask }: Pick<Listening, "ask">,
  path = "/events",
  headers: Record<string, string> = {},
): Promise<Stream> {
  const left = new AbortController();
  onTestFinished(() => left.abort());
  const response = await ask(path, { headers, signal: left.signal });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  const events: LiveEvent[] = [];
  let [text, rest, id] = ["", "", ""];
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const frames = (rest + decoder.decode(chunk)).split("\n\n");
      rest = frames.pop() ?? "";
      for (const frame of frames) {
        for (const line of frame.split("\n")) {
          if (line.startsWith("id: ")) id = line.slice(4);
          if (line.startsWith("data: ")) events.push(JSON.parse(line.slice(6)));
        }
      }
    }
  };
  const ended = read().catch(() => undefined);
  const stream = { events, id: () => id, text: () => text, ended, close: () => left.abort() };
  await waitFor(() => id !== "", { what: "the first number" });
  return stream;
}

function commits({ events }: Pick<Stream, "events">): readonly string[] {
  return events.map((event) => (event.kind === "committed" ? event.commit : event.kind));
}

describe("GET /events", () => {
  it("says where it begins and how soon to come again, and then what happens", async () => {
    const { here, tell, log } = await serving();
    tell(happening("before"));
    const stream = await open(here);
    expect(stream.text()).toBe(`retry: ${2_000}\nid: ${log.last}\n\n`);
    tell(happening("a"), happening("b"));
    await waitFor(() => stream.events.length === 2, { what: "both events" });
    expect(stream.events[1]).toEqual({
      ...{ v: 1, seq: log.last, at: expect.stringMatching(/Z$/), kind: "committed" },
      ...{ task: TASK.id, session: "docs", commit: "b" },
    });
    expect(stream.id()).toBe(String(log.last));
  });

  it("goes on where a client was cut off, without a gap and without a repeat, also over a kill", async () => {
    const random = seededRandom(testSeed("events"));
    let { here, tell, dir, log } = await serving();
    const sent: string[] = [];
    const seen: string[] = [];
    let id = String(log.last);
    for (let round = 0; round < 40; round += 1) {
      const stream = await open(here, "/events", { "last-event-id": id });
      for (let count = random.below(30); count > 0; count -= 1) {
        sent.push(`c${sent.length}`);
        tell(happening(sent.at(-1) ?? ""));
      }
      if (random.chance(0.7))
        await waitFor(() => stream.events.length > 0 || seen.length === sent.length, { what: "some" });
      stream.close();
      await stream.ended;
      seen.push(...commits(stream));
      id = stream.id();
      // The next coordinator, after a kill: nothing of this one is closed.
      if (round % 10 === 9) ({ here, tell, dir, log } = await serving({}, dir));
    }
    const last = await open(here, "/events", { "last-event-id": id });
    await waitFor(() => seen.length + last.events.length === sent.length, { what: "all of them" });
    expect([...seen, ...commits(last)]).toEqual(sent);
  });

  it.each([
    { query: "?task=k3f9x2", sees: ["mine", "paused", "serving"] },
    { query: "?session=ops", sees: ["other", "paused", "ops paused", "serving"] },
    { query: "", sees: ["mine", "other", "paused", "ops paused", "inbox", "sync", "serving"] },
  ])("$query shows what concerns it, and what concerns all", async ({ query, sees }) => {
    const { here, tell, log } = await serving();
    const stream = await open(here, `/events${query}`);
    const pause = { kind: "queue", what: "paused", reason: null, until: null } as const;
    tell(happening("mine"), happening("other", "20261120-141530-aaaaaa", "ops"), { ...pause, session: null });
    const sync = { kind: "sync", what: "pushed", remote: "origin", branch: "main", reason: null } as const;
    tell({ ...pause, session: "ops" }, { kind: "inbox", broken: ["inbox/x.md"], more: 0 });
    tell({ ...sync, paths: [], command: null }, { kind: "serving" });
    await waitFor(() => stream.events.at(-1)?.kind === "serving", { what: "the last one" });
    const said = stream.events.map((event) => {
      if (event.kind === "committed") return event.commit;
      return event.kind === "queue" ? `${event.session ?? ""} paused`.trim() : event.kind;
    });
    expect(said).toEqual(sees);
    expect(stream.id()).toBe(String(log.last));
  });

  it("tells a client whose number is not known any more to reload, and goes on from now", async () => {
    const { here, tell } = await serving();
    tell(happening("a"));
    const stream = await open(here, "/events?after=5");
    tell(happening("b"));
    await waitFor(() => stream.events.length === 2, { what: "the reload and what follows" });
    expect(commits(stream)).toEqual(["reload", "b"]);
  });

  it.each([
    { path: "/events", headers: { "last-event-id": "abc" }, status: 422 },
    { path: "/events", headers: { "last-event-id": "-1" }, status: 422 },
    { path: "/events?after=1.5", headers: {}, status: 422 },
    { path: "/events?tasks=x", headers: {}, status: 422 },
    { path: "/events?task=zzzzzz", headers: {}, status: 404 },
  ])("answers $status to $path with $headers", async ({ path, headers, status }) => {
    const { ask } = await serving();
    const answer = await ask(path, { headers: headers as Record<string, string> });
    expect([answer.status, await answer.json()]).toMatchObject([status, { error: { message: expect.any(String) } }]);
  });

  it("needs the token", async () => {
    const { url } = await serving();
    expect((await fetch(`${url}/events`)).status).toBe(401);
  });

  it("shows signs of life, with the number that a filter has passed over", async () => {
    const { here, tell, log } = await serving({ heartbeatMs: 20 });
    const stream = await open(here, "/events?session=other");
    tell(happening("a"));
    await waitFor(() => stream.id() === String(log.last), { what: "the number in a sign of life" });
    expect(stream.events).toEqual([]);
    expect(stream.text()).toContain(": still here\n");
  });

  it("ends with a word when the coordinator does", async () => {
    const { here, log } = await serving();
    const stream = await open(here);
    log.add(happening("the last"));
    log.close();
    await here.close();
    await stream.ended;
    expect(commits(stream)).toEqual(["the last"]);
    expect(stream.text()).toMatch(/: the coordinator ends\n\n$/);
  });

  it("keeps nothing for a client that does not read, and ends it", async () => {
    const { url, token, tell, here, readers } = await serving({ answerMs: 1_000 });
    const quick = await open(here, "/events?session=ops");
    const slow = sendRaw(url, requestHead(url, "GET /events", { authorization: `Bearer ${token}` }));
    await waitFor(() => slow.text().includes("retry:"), { what: "the stream" });
    slow.socket.pause();
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < 1_000; count += 1) tell(happening("x".repeat(12_000)));
    await waitFor(() => readers() === 1, { what: "the slow one to be given up" });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000);
    slow.socket.resume();
    await slow.closed;
    expect(slow.text()).toContain(": closed: nothing was read for 1000 ms; come again with Last-Event-ID");
    tell(happening("to others", TASK.id, "ops"));
    await waitFor(() => quick.events.length === 1, { what: "the client that reads" });
  });

  it("is for a bounded number of clients at the same time; one that leaves makes room", async () => {
    const { here, ask } = await serving();
    const streams = await Promise.all(Array.from({ length: 64 }, () => open(here)));
    const refused = await ask("/events");
    expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: "TRY_AGAIN" } }]);
    expect((await ask("/health")).status).toBe(200);
    streams[0]?.close();
    await waitFor(
      async () => {
        const left = new AbortController();
        const { status } = await ask("/events", { signal: left.signal });
        left.abort();
        return status === 200;
      },
      { what: "room for another one" },
    );
  });

  it("says to HEAD what it is, and holds nothing open", async () => {
    const { ask } = await serving();
    const answer = await ask("/events", { method: "HEAD" });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });
});
