import { describe, expect, it } from "vitest";
import type { Coordinator, Health } from "../../src/app/coordinator.ts";
import type { LandingView } from "../../src/app/views/landing-view.ts";
import { CoordinatorError, type ErrorCode } from "../../src/base/errors.ts";
import { createApp } from "../../src/server/app.ts";
import { parseDropText } from "../../src/task/file/task-file.ts";
import type { Pauses } from "../../src/task/schedule/pause.ts";
import { fakeCoordinator, sessionView, taskView } from "../fakes/fake-cli-deps.ts";

const HOST = "127.0.0.1:8787";
const HEALTH = { status: "ok", pid: 7 } as Health;
const TASK = taskView({ status: "queued", endedAt: null, committed: false });
const DETAILS = { prompt: "Fix it.\n", verificationOutput: null, commit: null, workplace: null };

const SESSION = sessionView({ key: "docs/api" });

async function find(part: string): Promise<typeof TASK> {
  if (!TASK.id.includes(part)) throw new CoordinatorError("NOT_FOUND", `there is no task "${part}"`);
  return TASK;
}

/** The interface over a coordinator that knows one task; `change` says what it does otherwise. */
function server(change: Partial<Coordinator> = {}) {
  const submitted: string[] = [];
  const coordinator = fakeCoordinator({
    async submit(given) {
      submitted.push(typeof given === "string" ? given : given.text);
      return { task: TASK, known: false };
    },
    find,
    show: async (part) => ({ ...(await find(part)), ...DETAILS }),
    sessions: async () => [SESSION],
    async session(key) {
      if (key !== SESSION.key) throw new CoordinatorError("NOT_FOUND", `there is no session "${key}"`);
      return SESSION;
    },
    health: () => HEALTH,
    ...change,
  });
  const app = createApp(coordinator);
  const request = async (
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; body: unknown; headers: Headers }> => {
    const headers = new Headers({ host: HOST, ...Object.fromEntries(new Headers(init.headers)) });
    const answer = await app.request(`http://${HOST}${path}`, { ...init, headers });
    return { status: answer.status, body: await answer.json(), headers: answer.headers };
  };
  const post = (body: NonNullable<RequestInit["body"]>, type = "text/markdown"): ReturnType<typeof request> =>
    request("/tasks", { method: "POST", body, headers: { "content-type": type } });
  return { submitted, request, post };
}

function failing(code: ErrorCode): Partial<Coordinator> {
  const fail = async (): Promise<never> => {
    throw new CoordinatorError(code, "what is wrong");
  };
  return { submit: fail, find: fail, show: fail };
}

describe("GET /health", () => {
  it("says how the coordinator is doing", async () => {
    expect(await server().request("/health")).toMatchObject({ status: 200, body: HEALTH });
  });
});

describe("POST /tasks", () => {
  it("accepts a task file byte for byte, and says where the task is", async () => {
    const { post, submitted } = server();
    const text = "\uFEFF---\ntitle: Ä\n---\r\nFix it.\n\n";
    const { status, body, headers } = await post(text);
    expect({ status, body, location: headers.get("location") }).toEqual({
      ...{ status: 202, body: TASK, location: `/tasks/${TASK.id}` },
    });
    expect(submitted).toEqual([text]);
  });

  it("takes JSON apart into prompt and front matter, whatever stands in them", async () => {
    const { post, submitted } = server();
    const asked = {
      prompt: "---\nnot: front matter\n---\nDo it.",
      title: 'a: "b" # c\u2028d',
      dependsOn: [],
      priority: 0,
    };
    expect((await post(JSON.stringify(asked), "application/json; charset=utf-8")).status).toBe(202);
    expect((await post(JSON.stringify({ prompt: asked.prompt }), "application/json")).status).toBe(202);
    const [whole, bare] = submitted.map((text) => parseDropText(text, undefined));
    expect(whole).toMatchObject({
      ok: true,
      prompt: asked.prompt,
      spec: { title: expect.stringContaining('a: "b" # c'), priority: 0 },
    });
    expect(bare).toMatchObject({ ok: true, prompt: asked.prompt, spec: { priority: 2 } });
  });

  it("answers 200 for a task it knew before", async () => {
    const { post } = server({ submit: async () => ({ task: TASK, known: true }) });
    expect(await post("Fix it.")).toMatchObject({ status: 200, body: TASK });
  });

  it.each([
    {
      name: "bytes that are no UTF-8",
      body: new Uint8Array([0x46, 0xff]),
      type: "text/markdown",
      says: "the body is not valid UTF-8",
    },
    {
      name: "JSON of many levels",
      body: `{"prompt":"x","a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
      ...{ type: "application/json", says: /too deep inside each other$/ },
    },
    {
      name: "JSON without a prompt",
      body: '{"title":"x"}',
      type: "application/json",
      says: /^expected a JSON object with a text "prompt"/,
    },
    {
      name: "a prompt that is no text",
      body: '{"prompt":1}',
      type: "application/json",
      says: /^expected a JSON object/,
    },
    { name: "a list", body: '["prompt"]', type: "application/json", says: /^expected a JSON object/ },
    { name: "null", body: "null", type: "application/json", says: /^expected a JSON object/ },
  ])("refuses $name", async ({ body, type, says }) => {
    const { post, submitted } = server();
    const answer = await post(body, type);
    expect(answer).toMatchObject({
      status: 422,
      body: { error: { code: "TASK_FILE", message: expect.stringMatching(says) } },
    });
    expect(submitted).toEqual([]);
  });
});

describe("GET /tasks/:id", () => {
  it("finds a task by a part of its id", async () => {
    expect(await server().request("/tasks/k3f9")).toMatchObject({ status: 200, body: { ...TASK, ...DETAILS } });
  });

  it("waits for its end where it is told how long, as POST /tasks does", async () => {
    const waited: unknown[] = [];
    const { request } = server({
      async untilEnded(id, { timeoutMs, signal }) {
        waited.push([id, timeoutMs, signal instanceof AbortSignal]);
      },
    });
    expect(await request("/tasks/k3f9?wait=30")).toMatchObject({ status: 200, body: TASK });
    const init = { method: "POST", body: "Fix it.", headers: { "content-type": "text/markdown" } };
    expect(await request("/tasks?wait=300", init)).toMatchObject({ status: 202, body: TASK });
    expect(waited).toEqual([
      [TASK.id, 30_000, true],
      [TASK.id, 300_000, true],
    ]);
    await request("/tasks/k3f9");
    expect(waited).toHaveLength(2);
  });

  it("answers a POST that waited 200 where the task has ended", async () => {
    const { request } = server({ find: async () => taskView() });
    const init = { method: "POST", body: "Fix it.", headers: { "content-type": "text/markdown" } };
    expect(await request("/tasks?wait=1", init)).toMatchObject({ status: 200, body: taskView() });
  });

  it.each([
    { query: "wait=long", says: 'wait takes a whole number, not "long"' },
    { query: "wait=301", says: 'wait takes 0 to 300 seconds, not "301"' },
    { query: "waits=1", says: 'unknown query "waits"; did you mean "wait"?' },
  ])("answers 422 to $query, and submits nothing", async ({ query, says }) => {
    const { request, submitted } = server();
    const body = { error: { code: "USAGE", message: says } };
    expect(await request(`/tasks/k3f9?${query}`)).toMatchObject({ status: 422, body });
    expect(await request(`/tasks?${query}`, { method: "POST", body: "Fix it." })).toMatchObject({ status: 422, body });
    expect(submitted).toEqual([]);
  });

  it("answers 404 for one that is not there", async () => {
    const body = { error: { code: "NOT_FOUND", message: 'there is no task "zzz"' } };
    expect(await server().request("/tasks/zzz")).toMatchObject({ status: 404, body });
  });
});

describe("GET /tasks/:id/log", () => {
  const LOG = {
    v: 1,
    task: TASK.id,
    session: "docs",
    status: "queued",
    hold: null,
    run: null,
    entries: [],
    leftOut: 0,
  } as const;

  it("is what was said and done in the task or session that is named, as much as is asked for", async () => {
    const asked: unknown[] = [];
    const { request } = server({
      async log(part, options) {
        asked.push([part, options]);
        return LOG;
      },
    });
    expect(await request(`/tasks/${TASK.id.slice(-6)}/log`)).toMatchObject({ status: 200, body: LOG });
    await request(`/tasks/${TASK.id}/log?last=3`);
    expect(asked).toEqual([
      [TASK.id.slice(-6), { last: 1_000, charactersMax: 2_097_152 }],
      [TASK.id, { last: 3, charactersMax: 2_097_152 }],
    ]);
  });

  it.each([
    { path: "/tasks/zzzzzz/log", status: 404 },
    { path: `/tasks/${TASK.id}/log?last=-1`, status: 422 },
    { path: `/tasks/${TASK.id}/log?last=10001`, status: 422 },
    { path: `/tasks/${TASK.id}/log?n=1`, status: 422 },
  ])("answers $status to $path", async ({ path, status }) => {
    const log = async (part: string): Promise<typeof LOG> => ({ ...LOG, task: (await find(part)).id });
    expect((await server({ log }).request(path)).status).toBe(status);
  });
});

describe("GET /sessions", () => {
  it("lists those in the states that are asked for", async () => {
    const { request } = server();
    expect(await request("/sessions?state=STOPPED&state=DIED")).toMatchObject({ status: 200, body: [SESSION] });
    expect(await request("/sessions?state=RUNNING")).toMatchObject({ status: 200, body: [] });
    expect(await request("/sessions?state=stopped")).toMatchObject({ status: 422 });
    expect(await request("/sessions?stat=DIED")).toMatchObject({ status: 422 });
  });

  it("lists them, and finds one by its key", async () => {
    expect(await server().request("/sessions")).toMatchObject({ status: 200, body: [SESSION] });
    for (const key of ["docs/api", "docs%2Fapi"])
      expect(await server().request(`/sessions/${key}`)).toMatchObject({ status: 200, body: SESSION });
    expect(await server().request("/sessions/docs")).toMatchObject({ status: 404 });
  });
});

describe("POST /sessions/<key>/archive", () => {
  it("puts a session away, or takes it out again, by its whole key", async () => {
    const asked: unknown[] = [];
    const { request } = server({
      async archive(session, archived) {
        asked.push([session, archived]);
        return { session, archived, commit: archived ? "c1" : undefined };
      },
    });
    const send = (path: string, body?: string) =>
      request(path, {
        method: "POST",
        ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } }),
      });
    expect(await send("/sessions/docs%2Fapi/archive")).toMatchObject({
      ...{ status: 200, body: { session: "docs/api", archived: true, commit: "c1" } },
    });
    expect(await send("/sessions/docs/api/archive", '{"undo": true}')).toMatchObject({
      ...{ status: 200, body: { session: "docs/api", archived: false, commit: null } },
    });
    expect(asked).toEqual([
      ["docs/api", true],
      ["docs/api", false],
    ]);
    expect(await send("/sessions/docs/archive", '{"undoo": true}')).toMatchObject({ status: 422 });
  });
});

describe("errors", () => {
  it.each<{ code: ErrorCode; status: number }>([
    { code: "NOT_FOUND", status: 404 },
    { code: "REFUSED", status: 409 },
    { code: "TASK_FILE", status: 422 },
    { code: "BAD_JSON", status: 400 },
    { code: "UNDECLARED_JSON", status: 415 },
    { code: "KEY_REUSED", status: 422 },
    { code: "NOT_ALLOWED", status: 403 },
    { code: "TRY_AGAIN", status: 503 },
    { code: "QUEUE_FULL", status: 429 },
    { code: "CODEX", status: 503 },
    { code: "CONFIG", status: 500 },
    { code: "OUR_BUG", status: 500 },
  ])("$code is $status", async ({ code, status }) => {
    const { request, post } = server(failing(code));
    const body = { error: { code, message: "what is wrong" } };
    const retryAfter = { 429: "30", 503: "5" }[status] ?? null;
    for (const answer of [await request("/tasks/x"), await post("Fix it.")]) {
      expect(answer).toMatchObject({ status, body });
      expect(answer.headers.get("retry-after")).toBe(retryAfter);
    }
  });

  it("of ours are told as such, without their stack", async () => {
    const { request } = server({
      async show() {
        throw new TypeError("x is not a function");
      },
    });
    const answer = await request("/tasks/x");
    expect(answer).toMatchObject({ status: 500, body: { error: { code: "OUR_BUG", message: "x is not a function" } } });
  });

  it.each([
    { method: "POST", path: "/" },
    { method: "GET", path: "/page/" },
    { method: "GET", path: "/tasks/" },
    { method: "PUT", path: "/tasks" },
    { method: "DELETE", path: "/tasks/x" },
  ])("$method $path is nothing here", async ({ method, path }) => {
    const answer = await server().request(path, { method });
    expect(answer).toMatchObject({ status: 404, body: { error: { message: `nothing at ${method} ${path}` } } });
  });
});

describe("GET /tasks", () => {
  it("hands on what was asked, with bounds of its own", async () => {
    const asked: unknown[] = [];
    const { request } = server({
      list: async (options) => {
        asked.push(options);
        return { tasks: [TASK], nextCursor: asked.length === 1 ? "a41" : undefined };
      },
    });
    const first = await request("/tasks?status=queued&session=docs%2Fapi&limit=1000&finished=3");
    expect(first.body).toEqual({ tasks: [TASK], nextCursor: "a41" });
    const link = first.headers.get("link");
    expect(link).toBe('</tasks?status=queued&session=docs%2Fapi&limit=1000&finished=3&cursor=a41>; rel="next"');
    const second = await request(/<(.*)>/.exec(link ?? "")?.[1] ?? "");
    expect(second.body).toEqual({ tasks: [TASK], nextCursor: null });
    expect(second.headers.get("link")).toBeNull();
    await request("/tasks");
    const wanted = { finished: 3, limit: 1_000, statuses: ["queued"], archived: false, session: "docs/api" };
    expect(asked).toEqual([
      { ...wanted, cursor: undefined },
      { ...wanted, cursor: "a41" },
      { finished: Number.POSITIVE_INFINITY, limit: 100, statuses: [], archived: false },
    ]);
  });

  it.each([
    { query: "state=queued", says: 'unknown query "state"; did you mean "status"?' },
    { query: "archived=yes", says: 'unknown archived "yes"; expected one of true, false' },
    { query: "status=done&status=failed", says: 'unknown status "done"; ' },
    { query: "status=done", says: 'unknown status "done"; expected one of queued, running, ' },
    { query: "limit=all", says: 'limit takes a whole number, not "all"' },
    { query: "limit=0", says: 'limit takes 1 to 1000, not "0"' },
    { query: "limit=1001", says: 'limit takes 1 to 1000, not "1001"' },
    { query: "after=41", says: 'unknown query "after"; expected one of status, session, ' },
    { query: "limit=1&limit=2", says: "limit is given 2 times" },
  ])("answers 422 to $query", async ({ query, says }) => {
    const { status, body } = await server().request(`/tasks?${query}`);
    expect({ status, body }).toMatchObject({
      ...{ status: 422, body: { error: { code: "USAGE", message: expect.stringContaining(says) } } },
    });
  });
});

describe("POST /tasks/:id/retry", () => {
  it("answers 202 and the new task, and says where it is", async () => {
    const { request } = server({ retry: async (part) => taskView({ id: "20261121-080000-new000", parent: part }) });
    const { status, body, headers } = await request("/tasks/k3f9/retry", { method: "POST" });
    expect({ status, body, location: headers.get("location") }).toMatchObject({
      ...{ status: 202, body: { id: "20261121-080000-new000", parent: "k3f9" } },
      location: "/tasks/20261121-080000-new000",
    });
  });

  it.each<{ code: ErrorCode; status: number }>([
    { code: "REFUSED", status: 409 },
    { code: "NOT_FOUND", status: 404 },
    { code: "NOT_ALLOWED", status: 403 },
    { code: "QUEUE_FULL", status: 429 },
  ])("answers $status where it is refused as $code", async ({ code, status }) => {
    const retry = () => Promise.reject(new CoordinatorError(code, "why"));
    const answer = await server({ retry }).request("/tasks/k3f9/retry", { method: "POST" });
    expect(answer).toMatchObject({ status, body: { error: { code, message: "why" } } });
    expect(answer.headers.get("location")).toBeNull();
  });
});

describe("stop, pause and resume", () => {
  it("ask for the end of a task: 202 once it is asked for, 200 where it had ended", async () => {
    const { request } = server({ stop: async (part) => ({ task: TASK, asked: part === "k3f9" }) });
    const post = { method: "POST" };
    expect(await request("/tasks/k3f9/stop", post)).toMatchObject({ status: 202, body: TASK });
    expect(await request("/tasks/other/stop", post)).toMatchObject({ status: 200, body: TASK });
  });

  it("hold the queue or one session, and say what is paused then", async () => {
    const asked: unknown[] = [];
    const pauses: Pauses = {
      queue: { session: undefined, sinceMs: 0, reason: "why" },
      sessions: [],
      of: () => undefined,
    };
    const { request } = server({
      pause: async (given) => {
        asked.push(given);
        return { changed: true, pauses };
      },
      resume: async (...given) => {
        asked.push(given);
        const held =
          given[1] === true ? { reason: "usage limit reached", until: "2026-11-20T16:00:00.000Z" } : undefined;
        return { changed: true, pauses: { ...pauses, queue: undefined }, held };
      },
    });
    const post = (path: string, body?: string) =>
      request(path, { method: "POST", ...(body === undefined ? {} : { body }) });
    expect((await post("/pause", '{"reason":"why"}')).body).toEqual({
      ...{ queue: { since: "1970-01-01T00:00:00.000Z", reason: "why", takenBy: null }, sessions: [] },
    });
    expect((await post("/resume")).body).toEqual({ queue: null, sessions: [], held: null });
    expect((await post("/resume", '{"session":"docs","now":true}')).body).toEqual({
      ...{ queue: null, sessions: [], held: { reason: "usage limit reached", until: "2026-11-20T16:00:00.000Z" } },
    });
    expect(asked).toEqual([{ session: undefined, reason: "why" }, [undefined, false], ["docs", true]]);
    expect((await post("/sessions/docs/api/pause", '{"reason":"why"}')).status).toBe(200);
    expect((await post("/sessions/docs%2Fapi/resume")).status).toBe(200);
    expect(asked.splice(3)).toEqual([{ session: "docs/api", reason: "why" }, ["docs/api", false]]);
    expect((await post("/pause", "{")).status).toBe(400);
    expect((await post("/pause", '{"sesion":"docs"}')).body).toEqual({
      error: { code: "USAGE", message: 'unknown field "sesion"; did you mean "session"?' },
    });
    expect((await post("/resume", '{"session":7}')).status).toBe(422);
    expect((await post("/resume", '{"now":"yes"}')).body).toMatchObject({
      error: { message: "now takes true or false" },
    });
    expect(asked).toHaveLength(3);
  });

  it("sync with the remote, and say how it stands", async () => {
    const state = {
      ...{ remote: "origin", branch: "main", lastSync: null, ahead: 2, behind: 0, running: false, problem: null },
      inTheWay: { reason: "files differ", paths: ["a.c"], command: "git pull", since: "2026-11-20T16:00:00.000Z" },
    };
    const post = { method: "POST" };
    const { request } = server({ sync: async () => state });
    expect(await request("/sync", post)).toMatchObject({ status: 200, body: { sync: state } });
    expect((await request("/sync", { ...post, body: '{"remote":"x"}' })).status).toBe(422);
    const without = server({ sync: async () => null });
    expect(await without.request("/sync", post)).toMatchObject({ status: 200, body: { sync: null } });
    const sync = async (): Promise<never> => {
      throw new CoordinatorError("GIT", "git is away");
    };
    const broken = await server({ sync }).request("/sync", post);
    expect(broken).toMatchObject({ status: 503, body: { error: { code: "GIT", message: "git is away" } } });
    expect((await server({ sync }).request("/sync")).status).toBe(404);
  });

  it("lands a session, with a repair where that is asked for, attaches to it and releases it", async () => {
    const asked: unknown[] = [];
    const COMMIT = "c".repeat(40);
    const landing: LandingView = {
      ...{ session: "docs", branch: "b", target: "main", state: "nothing", head: null, commit: null, conflicts: [] },
      ...{ why: null, command: null, repairTask: null, edited: null, left: null },
    };
    const answer = { session: "docs", branch: "codex-inbox/docs-1a2b3c", dir: "/t", thread: null, takenBy: null };
    const { request } = server({
      async land(...given) {
        asked.push(given);
        return landing;
      },
      async attach(...given) {
        asked.push(given);
        return answer;
      },
      release: async (session) => ({ session, released: true, edited: COMMIT, left: null }),
    });
    const post = (path: string, body = ""): ReturnType<typeof request> => request(path, { method: "POST", body });
    expect((await post("/sessions/docs/api/land", '{"repair":true,"words":"keep both"}')).body).toEqual(landing);
    await post("/sessions/docs/land");
    expect((await post("/sessions/docs/attach", '{"take":true}')).body).toEqual(answer);
    expect((await post("/sessions/docs/release")).body).toEqual({
      ...{ session: "docs", released: true, edited: COMMIT, left: null },
    });
    expect(asked).toEqual([
      ["docs/api", { words: "keep both" }],
      ["docs", undefined],
      ["docs", true],
    ]);
    expect((await post("/sessions/docs/attach", '{"take":"me"}')).status).toBe(422);
  });
});
