import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Coordinator } from "../../src/app/coordinator.ts";
import { HTTP_LIMITS, type HttpLimits } from "../../src/server/access/limits.ts";
import { fakeCoordinator, taskView } from "../fakes/fake-cli-deps.ts";
import { type Listening, listenHere } from "../support/listening.ts";
import { type RawConnection, requestHead, sendRaw } from "../support/raw-http.ts";
import { waitFor } from "../support/wait-for.ts";

const KB = 1024;
/** Small enough for a test; nothing is cut off for its time unless a test says so. */
const LIMITS: Partial<HttpLimits> = {
  ...{ smallBodyBytes: KB, bodyBytes: 100 * KB, bodiesBytes: 300 * KB, lingerMs: 1_000 },
  ...{ bodyMs: 60_000, bodyPauseMs: 60_000, answerMs: 60_000, headersMs: 60_000 },
};

async function listening(limits: Partial<HttpLimits> = {}, change: Partial<Coordinator> = {}) {
  const submitted: number[] = [];
  const coordinator = fakeCoordinator({
    async submit(given) {
      submitted.push((typeof given === "string" ? given : given.text).length);
      return { task: taskView({ status: "queued" }), known: false };
    },
    ...change,
  });
  const here = await listenHere(coordinator, { limits: { ...LIMITS, ...limits } });
  return { ...here, submitted };
}

/** Tells a body of `length` bytes and sends `sent` of them. */
function half(
  { url, token }: Listening,
  { length, sent, authorized = true }: { length: number | "chunked"; sent: number; authorized?: boolean },
): RawConnection {
  const head = requestHead(url, "POST /tasks", {
    "content-type": "text/markdown",
    ...(length === "chunked" ? { "transfer-encoding": "chunked" } : { "content-length": length }),
    ...(authorized && { authorization: `Bearer ${token}` }),
  });
  const body = "x".repeat(sent);
  return sendRaw(url, head + (length === "chunked" ? `${sent.toString(16)}\r\n${body}\r\n` : body));
}

function post(here: Listening, body: string): Promise<Response> {
  return here.ask("/tasks", { method: "POST", body, headers: { "content-type": "text/markdown" } });
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

describe("bodies that are half sent", () => {
  it("take no more room together than is set aside for them, and no small request is kept waiting", async () => {
    const here = await listening();
    const sent = Array.from({ length: 20 }, () => half(here, { length: 90 * KB, sent: 80 * KB }));
    const refused = () => sent.filter((connection) => connection.text() !== "");
    await waitFor(() => refused().length === 17, { what: "the refusals of those for which there is no room" });
    for (const connection of refused()) {
      expect(await connection.status()).toBe(503);
      expect(connection.text()).toMatch(/^retry-after: \d+\r$/im);
    }
    const small = await post(here, "x".repeat(KB));
    expect(small.status).toBe(202);
    const large = await post(here, "x".repeat(50 * KB));
    expect([large.status, await codeOf(large)]).toEqual([503, "TRY_AGAIN"]);
    for (const connection of sent) connection.socket.destroy();
    await waitFor(async () => (await post(here, "x".repeat(50 * KB))).status === 202, {
      what: "room for a large body",
    });
    expect(here.submitted).toEqual([KB, 50 * KB]);
  });

  it("take room as well where nobody says how long they are", async () => {
    const here = await listening({ bodiesBytes: 100 * KB });
    const first = half(here, { length: "chunked", sent: 2 * KB });
    await waitFor(async () => (await post(here, "x".repeat(2 * KB))).status === 503, { what: "the room to be taken" });
    const second = half(here, { length: "chunked", sent: 2 * KB });
    expect(await second.status()).toBe(503);
    first.socket.write("0\r\n\r\n");
    expect(await first.status()).toBe(202);
    expect(here.submitted).toEqual([2 * KB]);
  });

  it("are not read at all without the token", async () => {
    const here = await listening({ bodiesBytes: 0 });
    const sent = Array.from({ length: 20 }, () => half(here, { length: 90 * KB, sent: 80 * KB, authorized: false }));
    expect(new Set(await Promise.all(sent.map((connection) => connection.status())))).toEqual(new Set([401]));
    await Promise.all(sent.map(({ closed }) => closed));
  });

  it.each<{ name: string; limits: Partial<HttpLimits> }>([
    { name: "stop", limits: { bodyPauseMs: 50 } },
    { name: "go on too slowly", limits: { bodyMs: 300 } },
  ])("are cut off with a word where they $name, and free their room", async ({ name, limits }) => {
    const here = await listening({ ...limits, bodiesBytes: 100 * KB });
    const slow = half(here, { length: 90 * KB, sent: 80 * KB });
    const drip = setInterval(() => name !== "stop" && slow.socket.write("x"), 20);
    try {
      expect(await slow.status()).toBe(408);
      expect(slow.text()).toContain('{"error":{"code":"TIMEOUT"');
      await slow.closed;
    } finally {
      clearInterval(drip);
    }
    expect((await post(here, "x".repeat(50 * KB))).status).toBe(202);
    expect(here.submitted).toEqual([50 * KB]);
  });

  it("are taken whole where the rest comes, also in pieces of one byte", async () => {
    const here = await listening({ smallBodyBytes: HTTP_LIMITS.smallBodyBytes, bodyBytes: HTTP_LIMITS.bodyBytes });
    const pieces = "1\r\nx\r\n".repeat(60 * KB);
    const slow = half(here, { length: "chunked", sent: 1 });
    slow.socket.write(`${pieces}0\r\n\r\n`);
    expect(await slow.status()).toBe(202);
    expect(here.submitted).toEqual([60 * KB + 1]);
  });
});

it("a client that sends all before it reads is told all the same why its body is refused", async () => {
  const here = await listening({}, {});
  const head = { "content-length": 90 * KB, connection: "close" };
  const { socket, ...connection } = sendRaw(here.url, requestHead(here.url, "POST /tasks", head));
  socket.pause();
  for (let sent = 0; sent < 90; sent += 1) await new Promise((done) => socket.write("x".repeat(KB), done));
  socket.resume();
  expect(await connection.status()).toBe(401);
  await connection.closed;
  expect(connection.text()).toMatch(/\{"error":\{"code":"UNAUTHORIZED",.*\}\}$/);
});

describe("what is too large", () => {
  it.each([{ length: 100 * KB + 2 }, { length: "chunked" as const }])(
    "is refused as a body ($length), unread",
    async ({ length }) => {
      const here = await listening();
      const connection = half(here, { length, sent: 100 * KB + 1 });
      expect(await connection.status()).toBe(413);
      expect(connection.text()).toContain('"code":"TOO_LARGE"');
      await connection.closed;
      expect(here.submitted).toEqual([]);
    },
  );

  it("is refused before it is sent, where the client asks first", async () => {
    const here = await listening();
    const head = (length: number, token: string) =>
      requestHead(here.url, "POST /tasks", {
        ...{ "content-length": length, expect: "100-continue", authorization: `Bearer ${token}` },
      });
    expect(await sendRaw(here.url, head(200 * KB, here.token)).status()).toBe(413);
    expect(await sendRaw(here.url, head(2, "x")).status()).toBe(401);
    const welcome = sendRaw(here.url, head(2, here.token));
    expect(await welcome.status()).toBe(100);
    welcome.socket.write("Do");
    await waitFor(() => welcome.text().includes("HTTP/1.1 202 "), { what: "the answer" });
  });

  it("is refused as headers, by their number and by their size", async () => {
    const here = await listening();
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`x-${n}`, n]));
    expect(await sendRaw(here.url, requestHead(here.url, "GET /health", many)).status()).toBe(431);
    expect(await sendRaw(here.url, requestHead(here.url, "GET /health", { x: "x".repeat(17 * KB) })).status()).toBe(
      431,
    );
  });
});

describe("a connection without the token", () => {
  it("is told so once, however many requests it carries, and ended", async () => {
    const here = await listening();
    const request = requestHead(here.url, "GET /health", {});
    const sent = sendRaw(here.url, request.repeat(1_000));
    expect(await sent.status()).toBe(401);
    await sent.closed;
    expect(sent.text().match(/HTTP\/1\.1 401 /g)).toHaveLength(1);
    expect(sent.text()).toMatch(/^connection: close\r$/im);
  });

  it("costs the process next to nothing where its requests come in a row, and no answer is read", async () => {
    const here = await listening();
    const text = requestHead(here.url, "GET /health", {}).repeat(3_000);
    await here.ask("/health"); // What that loads is no cost of the requests.
    const before = process.cpuUsage();
    const sent = Array.from({ length: 100 }, () => sendRaw(here.url, text));
    await Promise.all(sent.map(({ closed }) => closed));
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(1_500_000); // Each made a request by Node they take many seconds.
    expect((await here.ask("/health")).status).toBe(200);
  });

  it.each([
    { name: "no request", text: "\u0016\u0003\u0001 hello", status: 400 },
    { name: "no request but lines", text: "HELO there\r\n\r\n", status: 400 },
    { name: "the token in the wrong place", text: "GET /health HTTP/1.1\r\nX: Bearer $\r\n\r\n", status: 403 },
  ])("that says $name gets an answer with our headers, and is ended", async ({ text, status }) => {
    const here = await listening();
    const sent = sendRaw(here.url, Buffer.from(text.replace("$", here.token), "latin1"));
    expect(await sent.status()).toBe(status);
    await sent.closed;
    expect(sent.text()).toMatch(/^x-content-type-options: nosniff\r$/im);
  });

  it("may say who asks in pieces of a byte", async () => {
    const here = await listening();
    const head = requestHead(here.url, "GET /health", { authorization: `Bearer ${here.token}`, connection: "close" });
    const sent = sendRaw(here.url, "");
    for (const byte of head) await new Promise((done) => sent.socket.write(byte, done));
    expect(await sent.status()).toBe(200);
  });
});

describe("connections", () => {
  it("that say nothing, or only ask without the token, keep nobody out", async () => {
    const here = await listening({ connections: 10 });
    const silent = Array.from({ length: 6 }, () => sendRaw(here.url, ""));
    const begun = Array.from({ length: 6 }, () => sendRaw(here.url, "GET /health HTTP/1.1\r\n"));
    await Promise.all([...silent, ...begun].map(({ socket }) => socket.connecting && once(socket, "connect")));
    await waitFor(() => [...silent, ...begun].filter(({ socket }) => socket.closed).length >= 2, {
      what: "the first ends",
    });
    expect((await here.ask("/health")).status).toBe(200);
    const foreign = Array.from({ length: 12 }, () => half(here, { length: 90 * KB, sent: 1, authorized: false }));
    expect((await here.ask("/health")).status).toBe(200);
    await Promise.all(foreign.map(({ closed }) => closed));
  });

  it("with a request that may ask are kept, also while others come", async () => {
    const here = await listening({ connections: 3 });
    const kept = half(here, { length: 10, sent: 5 });
    await waitFor(async () => kept.socket.bytesWritten > 0 && (await here.ask("/health")).status === 200, {
      what: "the first one",
    });
    const others = Array.from({ length: 20 }, () => sendRaw(here.url, ""));
    await waitFor(() => others.filter(({ socket }) => socket.closed).length >= 17, { what: "the ends of the others" });
    kept.socket.write("x".repeat(5));
    expect(await kept.status()).toBe(202);
  });

  it("beyond those there is room for are told to come again; of the telling there is no end of connections either", async () => {
    const here = await listening({ connections: 4, turnedAway: 20, lingerMs: 60_000 });
    const text = (line: string, more: Readonly<Record<string, string>> = {}): string =>
      requestHead(here.url, line, { authorization: `Bearer ${here.token}`, "content-length": 3, ...more });
    const kept = Array.from({ length: 4 }, () =>
      sendRaw(here.url, text("POST /tasks", { expect: "100-continue", "content-type": "text/markdown" })),
    );
    expect(await Promise.all(kept.map(({ status }) => status()))).toEqual([100, 100, 100, 100]);
    expect((await here.ask("/health")).status).toBe(503);
    const said = sendRaw(here.url, `${text("POST /tasks")}Do.`);
    const head = sendRaw(here.url, text("HEAD /health"));
    const piece = sendRaw(here.url, "GE");
    expect(await Promise.all([said, head, piece].map(({ status }) => status()))).toEqual([503, 503, 503]);
    expect(said.text()).toMatch(
      /^retry-after: 1\r\n[\s\S]*\r\n\r\n\{"error":\{"code":"TRY_AGAIN","message":"too many /im,
    );
    expect(head.text()).toMatch(/\r\n\r\n$/);
    const silent = Array.from({ length: 40 }, () => sendRaw(here.url, ""));
    await waitFor(() => silent.filter(({ socket }) => socket.closed).length === 20, {
      what: "the oldest to be cut off",
    });
    for (const { socket } of kept) socket.write("Do.");
    await waitFor(() => kept.every((one) => one.text().includes("HTTP/1.1 202 ")), { what: "the answers" });
    expect(here.submitted).toEqual([3, 3, 3, 3]);
  });

  it("whose headers do not come are ended", async () => {
    const here = await listening({ headersMs: 100 });
    await sendRaw(here.url, "GET /health HTTP/1.1\r\n").closed;
    await sendRaw(here.url, "").closed;
  });

  it("carry so many requests at a time and no more", async () => {
    const { promise: release, resolve: end } = Promise.withResolvers<void>();
    const here = await listening(
      { requests: 2 },
      { list: () => release.then(() => ({ tasks: [], nextCursor: undefined })) },
    );
    const waiting = [here.ask("/tasks"), here.ask("/tasks")];
    const refused = await waitFor(
      async () => {
        const answer = await here.ask("/health");
        return answer.status === 503 ? answer : undefined;
      },
      { what: "a refusal" },
    );
    expect(refused.headers.get("retry-after")).toBe("1");
    end();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
    await waitFor(async () => (await here.ask("/health")).status === 200, { what: "an answer" });
  });

  it("whose answer is not read are ended", async () => {
    const tasks = Array.from({ length: 300 }, () => taskView({ result: "x".repeat(100 * KB) }));
    const here = await listening({ answerMs: 200 }, { list: async () => ({ tasks, nextCursor: undefined }) });
    const slow = sendRaw(here.url, requestHead(here.url, "GET /tasks", { authorization: `Bearer ${here.token}` }));
    slow.socket.on("data", () => slow.socket.pause()); // It reads on, but a piece at a time.
    const reading = setInterval(() => slow.socket.resume(), 20);
    expect((await here.ask("/health")).ok).toBe(true);
    await slow.closed;
    clearInterval(reading);
    expect(slow.text()).toMatch(/^HTTP\/1\.1 200 /);
    expect(slow.text().length).toBeLessThan(300 * 100 * KB);
  });
});

it("every answer tells browsers to do nothing with it, refusals and broken requests included", async () => {
  const here = await listening();
  const wanted = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  };
  const answers = [
    await here.ask("/health"),
    await here.ask("/nowhere"),
    await post(here, "Do it."),
    await fetch(`${here.url}/health`),
    await here.ask("/health", { headers: { origin: "http://evil.example" } }),
    await post(here, "x".repeat(101 * KB)),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 404, 202, 401, 403, 413]);
  for (const { headers } of answers) expect(Object.fromEntries(headers)).toMatchObject(wanted);
});

describe("a request that expects something unknown", () => {
  it("is answered like any other: only who may ask is told more than that", async () => {
    const here = await listening();
    const ask = (headers: Readonly<Record<string, string>>): RawConnection =>
      sendRaw(here.url, requestHead(here.url, "GET /health", { expect: "tea", ...headers }));
    const refused = ask({});
    expect(await refused.status()).toBe(401);
    expect(refused.text()).toMatch(/x-content-type-options: nosniff/i);
    expect(await ask({ host: "evil.example" }).status()).toBe(403);
    expect(await ask({ authorization: `Bearer ${here.token}` }).status()).toBe(417);
  });
});
