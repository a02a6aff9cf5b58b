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
  /** By status, the name of the type of the answer, or its type of content. */
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
  "src/app/views/landing-view.ts",
  "src/app/views/log-view.ts",
  "src/app/views/present-health.ts",
  "src/app/views/present-pauses.ts",
  "src/app/queries/queries.ts",
  "src/server/refusal.ts",
] as const;

const ID = { in: "path", name: "id", description: "any unique part of the task's id" } as const;
const KEY = {
  in: "path",
  name: "key",
  description: "any unique part of the session's key or thread; the parts of a key may be joined by / as they are",
} as const;
const WAIT = {
  name: "wait",
  type: "integer",
  description: "answers once the task has ended, or after so many seconds, up to 300",
} as const;

/** Every route of src/server/app.ts. */
export const OPERATIONS: readonly Operation[] = [
  { method: "get", path: "/", summary: "The page, for browsers", answers: { "200": "text/html" }, errors: [] },
  {
    method: "get",
    path: "/page/{name}",
    summary: "What the page consists of",
    parameters: [{ in: "path", name: "name", description: "the name of a file" }],
    answers: { "200": "text/plain" },
    errors: ["404"],
  },
  { method: "get", path: "/health", summary: "How the coordinator is doing", answers: { "200": "Health" }, errors: [] },
  {
    method: "get",
    path: "/status",
    summary: "Who serves, what runs, what waits and why",
    answers: { "200": "StatusView" },
    errors: [],
  },
  {
    method: "get",
    path: "/tasks",
    summary: "Open tasks, then finished ones, the newest first, in pages",
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
    answers: { "200": "TaskList" },
    errors: ["422"],
  },
  {
    method: "post",
    path: "/tasks",
    summary: "Adds a task: a task file, or JSON with a prompt and front matter keys. 200 where it is known",
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
    answers: { "200": "TaskView", "202": "TaskView" },
    errors: ["400", "403", "415", "422", "429", "503"],
  },
  {
    method: "get",
    path: "/tasks/{id}",
    summary: "All that is known of a task",
    parameters: [ID, WAIT],
    answers: { "200": "TaskDetails" },
    errors: ["404", "409", "422", "503"],
  },
  {
    method: "get",
    path: "/tasks/{id}/answer",
    summary: "The last message of a task that has ended",
    parameters: [ID],
    answers: { "200": "text/markdown" },
    errors: ["404", "409"],
  },
  {
    method: "patch",
    path: "/tasks/{id}",
    summary: "Changes keys of the front matter, or the prompt, of a queued task",
    parameters: [ID],
    body: { required: true, types: { "application/json": { $ref: "#/components/schemas/TaskChange" } } },
    answers: { "200": "TaskView" },
    errors: ["400", "403", "404", "409", "415", "422", "503"],
  },
  {
    method: "get",
    path: "/tasks/{id}/log",
    summary: "What was said and done in a task until now",
    parameters: [ID, { name: "last", type: "integer", description: "so many entries, the last ones" }],
    answers: { "200": "LogView" },
    errors: ["404", "409", "422"],
  },
  {
    method: "get",
    path: "/events",
    summary: "What happens, as server-sent events; see docs/spec-events.md",
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
    answers: { "200": "text/event-stream" },
    errors: ["404", "409", "422"],
  },
  {
    method: "post",
    path: "/tasks/{id}/stop",
    summary: "Asks for the end of a task. 200 where it had ended",
    parameters: [ID],
    answers: { "200": "TaskView", "202": "TaskView" },
    errors: ["404", "409", "503"],
  },
  {
    method: "post",
    path: "/tasks/{id}/retry",
    summary: "Adds a new task that tries a failed or cancelled one again",
    parameters: [ID],
    answers: { "202": "TaskView" },
    errors: ["403", "404", "409", "422", "429", "503"],
  },
  {
    method: "post",
    path: "/pause",
    summary: "Starts no more tasks, or none of one session",
    body: { types: { "application/json": pauseBody({ reason: { type: "string" } }) } },
    answers: { "200": "PausedView" },
    errors: ["400", "422", "503"],
  },
  {
    method: "post",
    path: "/resume",
    summary: "Ends a pause; with now, what holds all tasks is tried at once too",
    body: { types: { "application/json": pauseBody({ now: { type: "boolean" } }) } },
    answers: { "200": "PausedView" },
    errors: ["400", "422", "503"],
  },
  {
    method: "get",
    path: "/sessions",
    summary: "The sessions, the most recently used one first",
    parameters: [
      { name: "own", type: "boolean", description: "also those that were made for a single task each" },
      {
        name: "state",
        description: "only those in this state: RUNNING, STOPPED, DIED, ARCHIVED; may be given several times",
      },
    ],
    answers: { "200": "SessionView[]" },
    errors: ["422"],
  },
  {
    method: "get",
    path: "/sessions/{key}",
    summary: "One session",
    parameters: [KEY],
    answers: { "200": "SessionView" },
    errors: ["404", "409"],
  },
  {
    method: "post",
    path: "/sessions/{key}/archive",
    summary: "Puts a session away, or takes it out of the archive",
    parameters: [KEY],
    body: { types: { "application/json": { type: "object", properties: { undo: { type: "boolean" } } } } },
    answers: { "200": "object" },
    errors: ["400", "404", "409", "422", "503"],
  },
  {
    method: "post",
    path: "/sessions/{key}/land",
    summary: "Merges the work of a session into the branch that is checked out",
    parameters: [KEY],
    answers: { "200": "LandingView" },
    errors: ["400", "404", "409", "503"],
  },
  { method: "get", path: "/openapi.json", summary: "This document", answers: { "200": "object" }, errors: [] },
];

function pauseBody(more: JsonSchema): JsonSchema {
  const session = { type: "string", description: "that session alone, not the whole queue" };
  return { type: "object", properties: { session, ...more } };
}
