import type { JsonSchema } from "./type-schemas.ts";

/** One request that the HTTP interface answers. */
export interface Operation {
  readonly method: "get" | "post" | "patch";
  /** With `{…}` where a path has a part of its own. */
  readonly path: string;
  readonly summary: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly description: string;
    /** "query" unless given. */
    readonly in?: "query" | "path" | "header";
    readonly type?: "string" | "integer" | "boolean";
  }[];
  readonly body?: { readonly required?: boolean; readonly types: Readonly<Record<string, JsonSchema>> };
  /** By status, the name of the type of the answer, its type of content, or "nothing". */
  readonly answers: Readonly<Record<string, string>>;
  /** Further statuses, which all answer with an error. */
  readonly errors: readonly string[];
}

/** Grows with a change that a client has to know of. */
export const API_VERSION = "1";

/** Where the types of the answers are. */
export const TYPE_FILES = [
  "src/app/views/task-view.ts",
  "src/app/views/session-list.ts",
  "src/app/views/diff-view.ts",
  "src/app/actions/sessions/attach-session.ts",
  "src/app/views/landing-view.ts",
  "src/app/views/log-view.ts",
  "src/app/views/present-health.ts",
  "src/app/views/present-pauses.ts",
  "src/app/queries/queries.ts",
  "src/server/refusal.ts",
] as const;

type Parameter = NonNullable<Operation["parameters"]>[number];

const WAIT: Parameter = {
  name: "wait",
  type: "integer",
  description: "answers once the task has ended, or after so many seconds, up to 300",
};

const PATH_PARTS: Readonly<Record<string, string>> = {
  id: "any unique part of the task's id",
  key: "any unique part of the session's key or thread; the parts of a key may be joined by / as they are",
  name: "the name of a file",
};

type Row = readonly [
  request: `${"GET" | "POST" | "PATCH"} /${string}`,
  summary: string,
  /** "200 Health, 404 422": an answer by its status, and the statuses that come with an error. */
  answers: string,
  more?: { readonly parameters?: readonly Parameter[]; readonly body?: Operation["body"]; readonly key?: string },
];

/** Every route of src/server/app.ts and of src/server/access/sign-in.ts. */
const ROWS: readonly Row[] = [
  ["GET /", "The page, for browsers", "200 text/html"],
  ["GET /page/{name}", "What the page consists of", "200 text/plain, 404"],
  [
    "GET /sign-in",
    "What a link to the page leads to: gives its browser a cookie, once, and leads to the page",
    "303 nothing, 401 text/html",
    { parameters: [{ name: "code", description: "that of the link, which is good for ten minutes" }] },
  ],
  ["POST /sign-in/code", "Makes a link that signs one browser in; with the token only", "201 SignInLink, 403 409"],
  ["POST /sign-out", "Ends the sign-in of the cookie", "204 nothing"],
  ["GET /health", "How the coordinator is doing", "200 Health"],
  ["GET /status", "Who serves, what runs, what waits and why", "200 StatusView"],
  [
    "GET /tasks",
    "Open tasks, then finished ones, the newest first, in pages",
    "200 TaskList, 422",
    {
      parameters: [
        {
          name: "status",
          description:
            "only tasks with it: queued, running, verifying, stopping, succeeded, failed, cancelled; may be given several times",
        },
        { name: "session", description: "only tasks of this session" },
        { name: "text", description: "only tasks with this text in their title, id or session" },
        { name: "archived", type: "boolean", description: "also tasks of archived sessions" },
        { name: "limit", type: "integer", description: "tasks in one page: 100, 1 to 1,000" },
        {
          name: "finished",
          type: "integer",
          description: "finished tasks in all pages together; all where it is not given",
        },
        { name: "cursor", description: "nextCursor of the page before" },
      ],
    },
  ],
  [
    "POST /tasks",
    "Adds a task: a task file, or JSON with a prompt and front matter keys. 200 where it is known",
    "200 TaskView, 202 TaskView, 400 403 415 422 429 503",
    {
      parameters: [
        WAIT,
        {
          in: "header",
          name: "Idempotency-Key",
          description:
            "the client's own name for this request: sent again with the same body it answers 200 and the same task",
        },
      ],
      body: {
        required: true,
        types: {
          "text/markdown": { type: "string", description: "a task file; see docs/spec-task-file.md" },
          "application/json": { $ref: "#/components/schemas/NewTask" },
        },
      },
    },
  ],
  ["GET /tasks/{id}", "All that is known of a task", "200 TaskDetails, 404 409 422 503", { parameters: [WAIT] }],
  ["GET /tasks/{id}/answer", "The last message of a task that has ended", "200 text/markdown, 404 409"],
  [
    "PATCH /tasks/{id}",
    "Changes keys of the front matter, or the prompt, of a queued task",
    "200 TaskView, 400 403 404 409 415 422 503",
    { body: { required: true, types: { "application/json": { $ref: "#/components/schemas/TaskChange" } } } },
  ],
  [
    "GET /tasks/{id}/diff",
    "What the runs of a task have changed, as it was recorded; as text/x-diff where the request accepts that",
    "200 TaskDiff, 404 409 422",
    {
      parameters: [
        { name: "run", type: "integer", description: "the change of this run alone" },
        { name: "stat", type: "boolean", description: "which files, and by how many lines" },
      ],
    },
  ],
  [
    "GET /tasks/{id}/log",
    "What was said and done in a task until now",
    "200 LogView, 404 409 422",
    { parameters: [{ name: "last", type: "integer", description: "so many entries, the last ones" }] },
  ],
  [
    "GET /events",
    "What happens, as server-sent events; see docs/spec-events.md",
    "200 text/event-stream, 404 409 422 503",
    {
      parameters: [
        { name: "task", description: "only events of this task" },
        { name: "session", description: "only events of this session" },
        {
          name: "after",
          type: "integer",
          description: "the number of the last event that is known: those behind it come first",
        },
        { in: "header", name: "Last-Event-ID", description: "the same, of a client that comes again" },
      ],
    },
  ],
  [
    "POST /tasks/{id}/stop",
    "Asks for the end of a task. 200 where it had ended",
    "200 TaskView, 202 TaskView, 404 409 503",
  ],
  [
    "POST /tasks/{id}/retry",
    "Adds a new task that tries a failed or cancelled one again",
    "202 TaskView, 403 404 409 422 429 503",
  ],
  [
    "POST /pause",
    "Starts no more tasks, or none of one session",
    "200 PausedView, 400 422 503",
    { body: pauseBody({ reason: { type: "string" } }) },
  ],
  [
    "POST /resume",
    "Ends a pause; with now, what holds all tasks is tried at once too",
    "200 PausedView, 400 422 503",
    { body: pauseBody({ now: { type: "boolean" } }) },
  ],
  ["POST /sync", "Syncs the branch with its remote now; null without one", "200 object, 400 422 503"],
  [
    "GET /sessions",
    "The sessions, the most recently used one first",
    "200 SessionView[], 422",
    {
      parameters: [
        { name: "own", type: "boolean", description: "also those that were made for a single task each" },
        {
          name: "state",
          description: "only those in this state: RUNNING, STOPPED, DIED, ARCHIVED; may be given several times",
        },
      ],
    },
  ],
  ["GET /sessions/{key}", "One session", "200 SessionView, 404 409"],
  [
    "POST /sessions/{key}/pause",
    "Starts no more tasks of one session",
    "200 PausedView, 400 422 503",
    {
      body: { types: { "application/json": { type: "object", properties: { reason: { type: "string" } } } } },
      key: "the session's key, whole",
    },
  ],
  [
    "POST /sessions/{key}/resume",
    "Ends the pause of a session; with now, what holds all tasks is tried at once too",
    "200 PausedView, 400 422 503",
    {
      body: { types: { "application/json": { type: "object", properties: { now: { type: "boolean" } } } } },
      key: "the session's key, whole",
    },
  ],
  [
    "POST /sessions/{key}/archive",
    "Puts a session away, or takes it out of the archive",
    "200 object, 400 404 409 422 503",
    {
      body: { types: { "application/json": { type: "object", properties: { undo: { type: "boolean" } } } } },
      key: "the session's key, whole",
    },
  ],
  [
    "POST /sessions/{key}/land",
    "Merges the work of a session into the branch that is checked out",
    "200 LandingView, 400 404 409 422 429 503",
    {
      body: {
        types: {
          "application/json": {
            type: "object",
            properties: {
              repair: {
                type: "boolean",
                description: "a conflict is settled by the session, in a task that this files",
              },
              words: { type: "string", description: "what the session is told besides" },
            },
          },
        },
      },
    },
  ],
  [
    "POST /sessions/{key}/attach",
    "Makes the worktree of a session again, for a person to work in; with take, starts no task of it until it is released",
    "200 AttachedView, 400 404 409 422 503",
    { body: { types: { "application/json": { type: "object", properties: { take: { type: "boolean" } } } } } },
  ],
  ["POST /sessions/{key}/release", "Gives a session back that was taken", "200 ReleasedView, 400 404 409 422 503"],
  ["GET /openapi.json", "This document", "200 object"],
];

/** Every request that the interface answers. */
export const OPERATIONS: readonly Operation[] = ROWS.map(
  ([request, summary, texts, { parameters = [], body, key } = {}]) => {
    const [method = "", path = ""] = request.split(" ");
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(
      ([, name = ""]): Parameter => ({ in: "path", name, description: key ?? PATH_PARTS[name] ?? "" }),
    );
    const parts = texts.split(", ").map((text) => text.split(" "));
    const answers = parts.filter(([, type]) => type !== undefined && !/^\d/.test(type));
    return {
      ...{ method: method.toLowerCase() as Operation["method"], path, summary, parameters: [...inPath, ...parameters] },
      ...(body !== undefined && { body }),
      answers: Object.fromEntries(answers.map(([status, type = ""]) => [status ?? "", type])),
      errors: parts.filter((part) => !answers.includes(part)).flat(),
    };
  },
);

function pauseBody(more: JsonSchema): Operation["body"] {
  const session = { type: "string", description: "that session alone, not the whole queue" };
  return { types: { "application/json": { type: "object", properties: { session, ...more } } } };
}
