import { describe, expect, it } from "vitest";
import { listenHere } from "../support/listening.ts";
import { createWorld } from "../support/world.ts";

const JSON_TYPE = "application/json";
const TEXT = "text/markdown";
const ID = "20261120-010203-queued";

interface Bad {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: string;
  readonly says: string | RegExp;
  readonly places?: readonly unknown[];
}

const KEY = { "Idempotency-Key": "k-1" };

/** What is sent, and what is answered: one shape for all. `POST /tasks` unless something else is said. */
const TABLE: readonly Bad[] = [
  {
    name: "JSON that is none",
    body: "{prompt}",
    type: JSON_TYPE,
    status: 400,
    code: "BAD_JSON",
    says: /^the body is not valid JSON: /,
  },
  {
    name: "no JSON at all",
    body: "",
    type: JSON_TYPE,
    status: 400,
    code: "BAD_JSON",
    says: /^the body is not valid JSON: /,
  },
  {
    ...{ name: "a JSON object declared as Markdown", body: '{"prompt":"Fix it"}', type: TEXT },
    ...{
      status: 415,
      code: "UNDECLARED_JSON",
      says: 'the body is a JSON object: send it with the header "Content-Type: application/json"',
    },
  },
  {
    ...{
      name: "a JSON object as curl -d declares it",
      body: ' {"title":"x"}\n',
      type: "application/x-www-form-urlencoded",
    },
    ...{ status: 415, code: "UNDECLARED_JSON", says: /header "Content-Type: application\/json"$/ },
  },
  {
    ...{ name: "a form of several parts", body: "--x\r\n\r\nFix it\r\n--x--", type: "multipart/form-data; boundary=x" },
    ...{ status: 415, code: "UNDECLARED_JSON", says: /^a multipart form is not read/ },
  },
  {
    name: "bytes that are no UTF-8",
    body: new Uint8Array([70, 255]),
    type: TEXT,
    status: 422,
    code: "TASK_FILE",
    says: "the body is not valid UTF-8",
  },
  {
    ...{ name: "JSON without a prompt", body: '{"title":"x"}', type: JSON_TYPE, status: 422, code: "TASK_FILE" },
    ...{
      says: /^expected a JSON object with a text "prompt"/,
      places: [{ key: "prompt", message: expect.any(String) }],
    },
  },
  { name: "a list", body: '["x"]', type: JSON_TYPE, status: 422, code: "TASK_FILE", says: /^expected a JSON object/ },
  {
    ...{
      name: "keys of the wrong kind",
      body: '{"prompt":"x","title":"t","priority":9,"dependsOn":"y"}',
      type: JSON_TYPE,
    },
    ...{
      status: 422,
      code: "TASK_FILE",
      says: /^priority: 9 is not between 0 and 4; expected .*\. dependsOn: "y" is not a task id; /,
    },
    places: [
      {
        key: "priority",
        message: "priority: 9 is not between 0 and 4",
        expected: "a whole number from 0 (first) to 4",
      },
      { key: "dependsOn", message: 'dependsOn: "y" is not a task id', expected: expect.any(String) },
    ],
  },
  {
    ...{
      name: "a misspelt key",
      body: '{"prompt":"x","verifyComand":"true"}',
      type: JSON_TYPE,
      status: 422,
      code: "TASK_FILE",
    },
    ...{
      says: /did you mean verifyCommand\?/,
      places: [{ key: "verifyComand", message: expect.any(String), expected: expect.any(String) }],
    },
  },
  {
    ...{
      name: "an empty prompt",
      body: '{"prompt":" "}',
      type: JSON_TYPE,
      status: 422,
      code: "TASK_FILE",
      says: /^line 1: the prompt is empty/,
    },
    places: [{ key: "prompt", line: 1, column: 1, message: "the prompt is empty", expected: expect.any(String) }],
  },
  {
    ...{
      name: "a task file with a mistake",
      body: "---\ntitle: x\npriority: high\n---\nFix it.\n",
      type: TEXT,
      status: 422,
    },
    ...{ code: "TASK_FILE", says: /^line 3: priority: "high" is not a whole number/ },
    places: [{ line: 3, column: 11, message: 'priority: "high" is not a whole number', expected: expect.any(String) }],
  },
  {
    ...{
      name: "more than it may ask for",
      body: '{"prompt":"x","sandbox":"danger-full-access"}',
      type: JSON_TYPE,
      status: 403,
    },
    ...{ code: "NOT_ALLOWED", says: /codex-inbox policy set sandbox danger-full-access/ },
    places: [{ key: "sandbox", message: expect.any(String), expected: expect.any(String) }],
  },
  {
    name: "an empty idempotency key",
    body: "x",
    headers: { "Idempotency-Key": "" },
    status: 422,
    code: "USAGE",
    says: /^Idempotency-Key takes 1 to 255/,
  },
  {
    name: "a long idempotency key",
    body: "x",
    headers: { "Idempotency-Key": "k".repeat(256) },
    status: 422,
    code: "USAGE",
    says: /^Idempotency-Key takes/,
  },
  {
    ...{
      name: "an idempotency key of another request",
      body: "Something else.",
      headers: KEY,
      status: 422,
      code: "KEY_REUSED",
    },
    says: /^this Idempotency-Key stands for another request, which has become the task \d{8}-/,
  },
  {
    name: "a change that is no JSON",
    method: "PATCH",
    path: `/tasks/${ID}`,
    body: "{",
    type: JSON_TYPE,
    status: 400,
    code: "BAD_JSON",
    says: /not valid JSON/,
  },
  {
    ...{
      name: "a change that is not declared",
      method: "PATCH",
      path: `/tasks/${ID}`,
      body: '{"priority":0}',
      type: TEXT,
    },
    ...{ status: 415, code: "UNDECLARED_JSON", says: /^a change is a JSON object: send it with the header/ },
  },
  {
    name: "no change",
    method: "PATCH",
    path: `/tasks/${ID}`,
    body: "{}",
    type: JSON_TYPE,
    status: 422,
    code: "USAGE",
    says: /^nothing is to be changed/,
  },
  {
    ...{
      name: "a change of the wrong kind",
      method: "PATCH",
      path: `/tasks/${ID}`,
      body: '{"priority":"low"}',
      type: JSON_TYPE,
    },
    ...{ status: 422, code: "TASK_FILE", says: /^priority: "low" is not a whole number/ },
    places: [{ key: "priority", message: expect.any(String), expected: expect.any(String) }],
  },
  {
    ...{
      name: "a change of the session",
      method: "PATCH",
      path: `/tasks/${ID}`,
      body: '{"sessionKey":"other"}',
      type: JSON_TYPE,
    },
    ...{ status: 422, code: "TASK_FILE", says: /^sessionKey: it was settled when the task was accepted/ },
    places: [{ key: "sessionKey", message: expect.any(String) }],
  },
  {
    ...{
      name: "a change to more than it may ask for",
      method: "PATCH",
      path: `/tasks/${ID}`,
      body: '{"sandbox":"danger-full-access"}',
    },
    ...{ type: JSON_TYPE, status: 403, code: "NOT_ALLOWED", says: /^sandbox: / },
    places: [{ key: "sandbox", message: expect.any(String), expected: expect.any(String) }],
  },
  {
    ...{
      name: "a change of a task that runs",
      method: "PATCH",
      path: "/tasks/runs01",
      body: '{"priority":0}',
      type: JSON_TYPE,
    },
    ...{ status: 409, code: "REFUSED", says: /is running: only a queued task can be edited/ },
  },
  {
    ...{
      name: "a change of what is not there",
      method: "PATCH",
      path: "/tasks/zzzzzz",
      body: '{"priority":0}',
      type: JSON_TYPE,
    },
    ...{ status: 404, code: "NOT_FOUND", says: /^there is no task "zzzzzz"/ },
  },
  {
    name: "an ambiguous id",
    method: "GET",
    path: "/tasks/20261120",
    status: 409,
    code: "REFUSED",
    says: /could be any of 2 tasks/,
  },
  {
    name: "another method",
    method: "PUT",
    path: "/tasks",
    body: "x",
    status: 404,
    code: "NOT_FOUND",
    says: "nothing at PUT /tasks",
  },
];

describe("a bad request", () => {
  it.each(TABLE)("$name is answered with $status, in one shape, and nothing comes of it", async (bad) => {
    const { name: _, method = "POST", path = "/tasks", body, type, headers, status, code, says, places } = bad;
    const world = createWorld();
    world.settings.maxWorkers = 1;
    const coordinator = await world.start();
    await coordinator.submit("---\nid: 20261120-010203-runs01\n---\nRuns.\n", "k-1");
    await world.settle();
    await coordinator.submit(`---\nid: ${ID}\n---\nWaits.\n`);
    await world.settle();
    const { ask } = await listenHere(coordinator);
    const more = type === undefined ? headers : { ...headers, "content-type": type };
    const answer = await ask(path, { method, ...(body !== undefined && { body }), ...(more && { headers: more }) });
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    const message = typeof says === "string" ? says : expect.stringMatching(says);
    const error = { code, message, ...(places !== undefined && { places }) };
    expect({ status: answer.status, body: await answer.json() }).toEqual({ status, body: { error } });
    expect(world.logged("accepted")).toHaveLength(2);
    expect(world.logged("replaced")).toEqual([]);
  });
});
