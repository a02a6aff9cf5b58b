import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { hasEnded } from "../app/actions/tasks/wait-for-tasks.ts";
import type { Coordinator } from "../app/coordinator.ts";
import { PACKAGE_DIR } from "../app/serve/package-facts.ts";
import { diffText } from "../app/views/diff-view.ts";
import { presentPauses } from "../app/views/present-pauses.ts";
import { CoordinatorError, type ErrorCode } from "../base/errors.ts";
import { SESSION_STATES } from "../task/session/session-state.ts";
import { HTTP_LIMITS, type HttpLimits } from "./access/limits.ts";
import { streamEvents } from "./event-stream.ts";
import { servePage } from "./page.ts";
import { errorBody } from "./refusal.ts";
import {
  bodyFields,
  diffOptions,
  followOptions,
  knownQuery,
  listOptions,
  logOptions,
  waitSeconds,
} from "./request-values.ts";
import { askedChange, idempotencyKey, submittedTask } from "./task-body.ts";

/** Made of the types of the answers; see `npm run openapi`. */
const OPENAPI_PATH = join(PACKAGE_DIR, "docs/openapi.json");

/** What a request comes with where it comes over HTTP, and not from a test. */
interface Served {
  readonly Bindings: { readonly outgoing?: ServerResponse };
}

/** When to ask again: what a full queue refused (a run takes longer, but many may be under way), and what cannot be done just now. */
const RETRY_AFTER_S: Readonly<Record<number, number>> = { 429: 30, 503: 5 };

const STATUS: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  BAD_JSON: 400,
  UNDECLARED_JSON: 415,
  KEY_REUSED: 422,
  USAGE: 422,
  NOT_FOUND: 404,
  REFUSED: 409,
  NOT_ALLOWED: 403,
  TASK_FILE: 422,
  TRY_AGAIN: 503,
  GIT: 503,
  QUEUE_FULL: 429,
  CODEX: 503,
};

/**
 * The HTTP interface: the same queue, for programs. It has no state of its own.
 *
 *   GET  /, /page/…    the page, for browsers
 *   GET  /health       how the coordinator is doing
 *   POST /tasks        a task file as text/markdown, or JSON {"prompt", …front matter keys}; 202 once accepted
 *                      with an Idempotency-Key it may be sent again: 200 and the same task
 *   GET  /tasks        open tasks, then finished ones, the newest first, in pages: status, session, text, finished, limit, cursor
 *   GET  /tasks/:id    one task, by any unique part of its id; ?wait=<seconds>: once it has ended, or the time is over. POST /tasks has it too
 *   GET  /tasks/:id/answer   the last message, as text/markdown; 409 before the end
 *   PATCH /tasks/:id   changes keys of the front matter, or the prompt, while the task is queued
 *   GET  /tasks/:id/log    what was said and done until now, also in a session, by its key: last
 *   GET  /tasks/:id/diff   what its runs have changed: run, stat; as text/x-diff where that is accepted
 *   POST /tasks/:id/stop   202 once it is asked for; 200 where it had ended
 *   POST /tasks/:id/retry  202 and the new task that tries a failed or cancelled one again; with takeOver 200 and an open task of another clone
 *   POST /pause, /resume   the whole queue, or {"session"}; what is paused then
 *   POST /sessions/<key>/pause, /resume, /archive, /land, /attach, /release   of one session
 *   POST /sync         asks the remote now; how it stands then
 *   GET  /status       who serves, what runs, what waits and why
 *   GET  /events       what happens, as server-sent events: task, session, after; Last-Event-ID
 *   GET  /sessions     the named sessions: their tasks, and what these have taken; /sessions/<key>: one, by any unique part of its key or thread
 *   GET  /openapi.json this interface, for programs
 *
 * Who may ask, and how much they may send, is settled before: see `createHttpServer`.
 */
export function createApp(
  coordinator: Coordinator,
  limits: Pick<HttpLimits, "answerMs" | "heartbeatMs"> = HTTP_LIMITS,
): Hono<Served> {
  const app = new Hono<Served>();

  servePage(app);

  app.get("/health", (context) => context.json(coordinator.health()));

  /** Where it is asked for: answers once the task has ended, the client has gone, the time is over or the coordinator ends. */
  const waitFor = async (id: string, timeoutS: number | undefined, signal: AbortSignal): Promise<void> => {
    if (timeoutS !== undefined) await coordinator.untilEnded(id, { timeoutMs: timeoutS * 1_000, signal });
  };

  app.post("/tasks", async (context) => {
    const seconds = waitSeconds(context.req.queries());
    const asked = submittedTask(await bodyOf(context), context.req.header("content-type"));
    const { task, known } = await coordinator.submit(asked, idempotencyKey(context.req.header("idempotency-key")));
    context.header("Location", `/tasks/${task.id}`);
    if (seconds === undefined) return context.json(task, known ? 200 : 202);
    await waitFor(task.id, seconds, context.req.raw.signal);
    const after = await coordinator.find(task.id);
    return context.json(after, known || hasEnded(after) ? 200 : 202);
  });

  app.get("/tasks", async (context) => {
    const { tasks, nextCursor } = await coordinator.list(listOptions(context.req.queries()));
    if (nextCursor !== undefined) {
      const next = new URL(context.req.url);
      next.searchParams.set("cursor", nextCursor);
      context.header("Link", `<${next.pathname}${next.search}>; rel="next"`);
    }
    return context.json({ tasks, nextCursor: nextCursor ?? null });
  });

  app.get("/tasks/:id", async (context) => {
    const seconds = waitSeconds(context.req.queries());
    if (seconds === undefined) return context.json(await coordinator.show(context.req.param("id")));
    const { id } = await coordinator.find(context.req.param("id"));
    await waitFor(id, seconds, context.req.raw.signal);
    return context.json(await coordinator.show(id));
  });

  app.get("/tasks/:id/answer", async (context) => {
    const { id, status, result } = await coordinator.find(context.req.param("id"));
    if (!hasEnded({ status })) throw new CoordinatorError("REFUSED", `${id} has no answer yet: it is ${status}`);
    return context.body(result ?? "", 200, { "Content-Type": "text/markdown; charset=utf-8" });
  });

  app.patch("/tasks/:id", async (context) => {
    const change = askedChange(await bodyOf(context), context.req.header("content-type"));
    return context.json(await coordinator.edit(context.req.param("id"), change));
  });

  app.get("/tasks/:id/log", async (context) => {
    const { id: named } = context.req.param();
    return context.json(await coordinator.log(named, logOptions(context.req.queries())));
  });

  app.get("/tasks/:id/diff", async (context) => {
    const diff = await coordinator.diff(context.req.param("id"), diffOptions(context.req.queries()));
    const asText = context.req.header("accept")?.includes("text/x-diff") === true;
    if (!asText) return context.json(diff);
    return context.body(diffText(diff), 200, { "Content-Type": "text/x-diff; charset=utf-8" });
  });

  app.post("/tasks/:id/stop", async (context) => {
    const { task, asked } = await coordinator.stop(context.req.param("id"));
    return context.json(task, asked ? 202 : 200);
  });

  app.post("/tasks/:id/retry", async (context) => {
    const { takeOver } = bodyFields(await context.req.text(), { takeOver: "boolean" });
    if (takeOver === "true") return context.json(await coordinator.takeOver(context.req.param("id")));
    const task = await coordinator.retry(context.req.param("id"));
    context.header("Location", `/tasks/${task.id}`);
    return context.json(task, 202);
  });

  const paused = async (session: string | undefined, reason: string | undefined) =>
    presentPauses((await coordinator.pause({ session, reason })).pauses);
  const resumed = async (session: string | undefined, now: string | undefined) => {
    const { pauses, held } = await coordinator.resume(session, now === "true");
    return { ...presentPauses(pauses), held: held === undefined ? null : { ...held, until: held.until ?? null } };
  };
  app.post("/pause", async (context) => {
    const { session, reason } = bodyFields(await context.req.text(), { session: "text", reason: "text" });
    return context.json(await paused(session, reason));
  });
  app.post("/resume", async (context) => {
    const { session, now } = bodyFields(await context.req.text(), { session: "text", now: "boolean" });
    return context.json(await resumed(session, now));
  });
  // Of a session that has had no task yet, too: its name is taken as it is.
  app.post("/sessions/:key{.+}/pause", async (context) => {
    const { reason } = bodyFields(await context.req.text(), { reason: "text" });
    return context.json(await paused(context.req.param("key"), reason));
  });
  app.post("/sessions/:key{.+}/resume", async (context) => {
    const { now } = bodyFields(await context.req.text(), { now: "boolean" });
    return context.json(await resumed(context.req.param("key"), now));
  });

  app.post("/sync", async (context) => {
    bodyFields(await context.req.text(), {});
    return context.json({ sync: await coordinator.sync() });
  });
  app.get("/status", async (context) => context.json(await coordinator.status()));
  app.get("/sessions", async (context) => {
    const { state: states = [], ...others } = context.req.queries();
    const { own } = knownQuery(others, { own: ["true", "false"], state: SESSION_STATES });
    for (const state of states) knownQuery({ state: [state] }, { state: SESSION_STATES });
    const sessions = await coordinator.sessions({ own: own === "true" });
    return context.json(states.length === 0 ? sessions : sessions.filter(({ state }) => states.includes(state)));
  });
  app.get("/sessions/:key{.+}", async (context) => context.json(await coordinator.session(context.req.param("key"))));

  app.get("/openapi.json", async (context) =>
    context.body(await readFile(OPENAPI_PATH, "utf8"), 200, { "Content-Type": "application/json" }),
  );

  app.post("/sessions/:key{.+}/archive", async (context) => {
    const { undo } = bodyFields(await context.req.text(), { undo: "boolean" });
    const { session, archived, commit } = await coordinator.archive(context.req.param("key"), undo !== "true");
    return context.json({ session, archived, commit: commit ?? null });
  });

  app.post("/sessions/:key{.+}/land", async (context) => {
    const { repair, words = "" } = bodyFields(await context.req.text(), { repair: "boolean", words: "text" });
    const request = repair === "true" ? { words } : undefined;
    return context.json(await coordinator.land(context.req.param("key"), request));
  });

  app.post("/sessions/:key{.+}/attach", async (context) => {
    const { take } = bodyFields(await context.req.text(), { take: "boolean" });
    return context.json(await coordinator.attach(context.req.param("key"), take === "true"));
  });

  app.post("/sessions/:key{.+}/release", async (context) => {
    bodyFields(await context.req.text(), {});
    return context.json(await coordinator.release(context.req.param("key")));
  });

  app.get("/events", async (context) => {
    const { outgoing } = context.env;
    const { task, session, after } = followOptions(context.req.queries(), context.req.header("last-event-id"));
    const id = task === undefined ? undefined : (await coordinator.find(task)).id;
    if (outgoing === undefined || context.req.method === "HEAD")
      return context.body(null, 200, { "Content-Type": "text/event-stream" });
    const left = new AbortController();
    outgoing.once("close", () => left.abort());
    const events = coordinator.follow({ task: id, session, after }, left.signal)[Symbol.asyncIterator]();
    const first = await events.next();
    if (first.done !== true) void streamEvents(outgoing, first.value, events, limits).catch(() => outgoing.destroy());
    return RESPONSE_ALREADY_SENT;
  });

  app.notFound((context) =>
    context.json(errorBody("NOT_FOUND", `nothing at ${context.req.method} ${context.req.path}`), 404),
  );

  app.onError((error, context) => {
    if (error instanceof CoordinatorError) {
      const status = STATUS[error.code] ?? 500;
      if (status in RETRY_AFTER_S) context.header("Retry-After", String(RETRY_AFTER_S[status]));
      return context.json(errorBody(error.code, error.message, error.places), status);
    }
    return context.json(errorBody("OUR_BUG", error.message), 500);
  });

  return app;
}

async function bodyOf(context: Context): Promise<Uint8Array> {
  return new Uint8Array(await context.req.arrayBuffer());
}
