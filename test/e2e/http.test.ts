import { request } from "node:http";
import { describe, expect, it } from "vitest";
import type { CoordinatorProcess } from "../support/coordinator-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { tempWorkspace } from "../support/workspace.ts";

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly retryAfter: string | undefined;
  readonly body: Record<string, unknown> & { readonly error?: { readonly code: string; readonly message: string } };
}

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A request with exactly these headers: `fetch` decides about Host and Origin by itself. */
async function call(
  serving: CoordinatorProcess,
  path: string,
  { method = "GET", headers = {}, body }: Call = {},
): Promise<Answer> {
  const url = `${await serving.url()}${path}`;
  const authorization = `Bearer ${serving.token()}`;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { authorization, ...headers }, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      const { location, "retry-after": retryAfter } = response.headers;
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, location, retryAfter, body: JSON.parse(text) }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const MARKDOWN = { "content-type": "text/markdown" };
const JSON_TYPE = { "content-type": "application/json" };

describe("the HTTP interface", () => {
  it("takes a task as text and says what becomes of it", async () => {
    const workspace = await tempWorkspace();
    const serving = workspace.serve();
    const text = "---\nsessionKey: docs\n---\n# Say hello\n\nPlease. [[final: hello]]\n";
    const accepted = await call(serving, "/tasks", { method: "POST", headers: MARKDOWN, body: text });
    expect(accepted.status).toBe(202);
    // It is answered once it is durable; by then it may have begun.
    const status = expect.stringMatching(/^(queued|running)$/);
    expect(accepted.body).toMatchObject({ sessionKey: "docs", title: "Say hello", status, committed: false });
    expect(accepted.location).toBe(`/tasks/${accepted.body.id}`);

    const part = String(accepted.body.id).slice(-6);
    const done = await waitFor(
      async () => {
        const answer = await call(serving, `/tasks/${part}`);
        return answer.body.committed === true ? answer.body : undefined;
      },
      { what: "the committed result" },
    );
    expect(done).toMatchObject({ id: accepted.body.id, status: "succeeded", result: "hello", attempts: 1 });
    expect(workspace.results.task("Please.").id).toBe(accepted.body.id);
    expect((await call(serving, "/tasks/nowhere")).body.error?.code).toBe("NOT_FOUND");
    expect((await call(serving, "/nowhere")).status).toBe(404);
  });

  it("takes the same id once, as JSON too, whether its task waits, has ended, or is known from before a restart", async () => {
    const workspace = await tempWorkspace();
    const task = {
      id: "20261120-010203-given1",
      sessionKey: "docs",
      prompt: "---\nnot front matter\n---\n[[final: ok]]",
    };
    const post = (serving: CoordinatorProcess): Promise<Answer> =>
      call(serving, "/tasks", { method: "POST", headers: JSON_TYPE, body: JSON.stringify(task) });
    const first = workspace.serve();
    const answers = await Promise.all([post(first), post(first), post(first)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 202]);
    expect(new Set(answers.map(({ body }) => body.id))).toEqual(new Set([task.id]));
    await first.saw("committed");
    expect(await post(first)).toMatchObject({ status: 200, body: { status: "succeeded", committed: true } });
    await first.kill();
    const second = workspace.serve();
    expect(await post(second)).toMatchObject({ status: 200, body: { result: "ok" } });
    expect(workspace.stubRuns().map(({ prompt }) => prompt)).toEqual([task.prompt]);
  });

  it("refuses what is no task, with every reason, and what is too large", async () => {
    const workspace = await tempWorkspace();
    const serving = workspace.serve();
    const post = (headers: Record<string, string>, body: string | Uint8Array): Promise<Answer> =>
      call(serving, "/tasks", { method: "POST", headers, body });
    const bad = await post(MARKDOWN, "---\npriority: 9\nsandbox: none\n---\nx\n");
    expect(bad.status).toBe(422);
    expect(bad.body.error?.code).toBe("TASK_FILE");
    expect(bad.body.error?.message).toMatch(/priority/);
    expect(bad.body.error?.message).toMatch(/sandbox/);
    for (const body of ["", "   \n", "---\ntitle: no prompt\n---\n"])
      expect((await post(MARKDOWN, body)).status).toBe(422);
    expect(await post(JSON_TYPE, "{")).toMatchObject({ status: 400, body: { error: { code: "BAD_JSON" } } });
    expect(await post(MARKDOWN, '{"prompt": "x"}')).toMatchObject({ status: 415 });
    for (const body of ["[]", "null", '{"prompt": 1}', '{"title": "x"}']) {
      const answer = await post(JSON_TYPE, body);
      expect(answer).toMatchObject({ status: 422, body: { error: { code: "TASK_FILE" } } });
    }
    expect((await post(MARKDOWN, Uint8Array.of(0x61, 0xff))).body.error?.message).toContain("UTF-8");
    const large = await serving.ask("/tasks", { method: "POST", headers: MARKDOWN, body: "x".repeat(6 * 1024 * 1024) });
    expect(large.status).toBe(413);
    expect(workspace.stateFiles("journal/open")).toEqual([]);
    expect((await call(serving, "/health")).body).toMatchObject({ status: "ok", tasks: { queued: 0, running: 0 } });
  });

  it("answers only who means it: by its own name, and from no other origin", async () => {
    const workspace = await tempWorkspace();
    const serving = workspace.serve();
    const url = await serving.url();
    const { host, port } = new URL(url);
    const post = (headers: Record<string, string>): Promise<Answer> =>
      call(serving, "/tasks", { method: "POST", headers: { ...MARKDOWN, ...headers }, body: "x [[final: ok]]\n" });
    for (const headers of [
      { host: "example.org" },
      { host: `example.org:${port}` },
      { host: `localhost.example.org:${port}` },
      { origin: "http://example.org" },
      { origin: `https://${host}` },
      { origin: "null" },
      { origin: "http://127.0.0.1" },
    ]) {
      const answer = await post(headers);
      expect(answer, JSON.stringify(headers)).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
    }
    expect((await call(serving, "/health", { headers: { host: "example.org" } })).status).toBe(403);
    expect(workspace.stateFiles("journal/open")).toEqual([]);
    for (const headers of [{}, { origin: url }, { host: `localhost:${port}`, origin: `http://localhost:${port}` }])
      expect((await post(headers)).status).toBe(202);
  });

  it("accepts each of 1,000 submissions at once a single time, or refuses it clearly: sent again, it is", async () => {
    const workspace = await tempWorkspace();
    const serving = workspace.serve();
    await call(serving, "/health");
    const submit = (number: number): Promise<Answer> =>
      call(serving, "/tasks", {
        ...{ method: "POST", headers: { ...JSON_TYPE, "idempotency-key": `burst-${number}` } },
        body: JSON.stringify({ prompt: `Task ${number}.`, notBefore: "2099-01-01T00:00:00Z" }),
      });
    const ids = new Map<number, unknown>();
    const submitAll = (numbers: readonly number[]): Promise<unknown> =>
      Promise.all(
        numbers.map(async (number) => {
          const answer = await submit(number);
          if (answer.status === 202) ids.set(number, answer.body.id);
          else expect(answer).toMatchObject({ status: 503, retryAfter: "1", body: { error: { code: "TRY_AGAIN" } } });
        }),
      );
    const all = Array.from({ length: 1_000 }, (_, number) => number);
    await submitAll(all);
    expect(ids.size).toBeGreaterThan(50);
    expect(workspace.stateFiles("journal/open")).toHaveLength(ids.size);
    const refused = all.filter((number) => !ids.has(number));
    expect(refused).not.toEqual([]);
    for (let at = 0; at < refused.length; at += 50) await submitAll(refused.slice(at, at + 50));
    const open = workspace.stateFiles("journal/open").map((name) => name.replace(/\.jsonl$/, ""));
    expect(open.sort()).toEqual([...ids.values()].sort());
  });

  it("needs a port that is free, and says so", async () => {
    const [one, other] = await Promise.all([tempWorkspace(), tempWorkspace()]);
    const { port } = new URL(await one.serve().url());
    const refused = other.serve({ args: ["--port", port] });
    expect((await refused.ended).code).toBe(4);
    expect(refused.log()).toContain(`port ${port} is in use: choose another with --port`);
    expect(other.stateFiles("").filter((name) => name === "server.json")).toEqual([]);
    other.drop("x.md", "x [[final: ok]]\n");
    await other.serveUntilIdle(); // Nothing of the refused one is in the way.
  });
});
