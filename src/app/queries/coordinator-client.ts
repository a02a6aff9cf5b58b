import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { CoordinatorError, isErrorCode, systemErrorCode } from "../../base/errors.ts";
import { http } from "../../base/http.ts";
import { asObject, asText } from "../../base/json-shape.ts";
import type { TaskChange } from "../../task/file/task-text.ts";
import type { AttachedView, ReleasedView } from "../actions/sessions/attach-session.ts";
import type { LandingView } from "../views/landing-view.ts";
import type { LogView } from "../views/log-view.ts";
import type { Health } from "../views/present-health.ts";
import type { SessionView } from "../views/session-list.ts";
import type { TaskDetails, TaskView } from "../views/task-view.ts";
import type { Queries, QueriesDeps, StatusView, TaskPage } from "./queries.ts";
import type { CoordinatorAddress } from "./server-record.ts";

/** A coordinator that does not answer within this is not asked further. */
const ANSWER_TIMEOUT_MS = 2_000;
/** What it is asked to do is waited for longer: without an answer nobody knows whether it was done. */
const FILING_TIMEOUT_MS = 30_000;
/** A checkout of many files takes long to move. */
const LANDING_TIMEOUT_MS = 600_000;

const NOTHING = { prompt: null, verificationOutput: null, commit: null, workplace: null };

/**
 * Asks the coordinator at `address`, with its token. What it does not answer (it is just starting or ending, or is of another version), and
 * what it refuses, is answered from files by `read`, so that the words of a refusal are the same with and without one.
 */
export function askCoordinator(address: CoordinatorAddress, read: (health: QueriesDeps["health"]) => Queries): Queries {
  let reading: Queries | undefined;
  const files = (): Queries => {
    reading ??= read(() => get<Health>(address, "/health"));
    return reading;
  };
  const list: Queries["list"] = async (options) => {
    const { finished, session, statuses = [], text, archived, limit, cursor } = options;
    const asked = {
      finished: Number.isFinite(finished) ? finished : undefined,
      session,
      text,
      archived,
      limit,
      cursor,
    };
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(asked)) if (value !== undefined) query.set(key, String(value));
    for (const status of statuses) query.append("status", status);
    const page = await get<TaskPage>(address, `/tasks?${query}`);
    return page === undefined ? files().list(options) : { ...page, nextCursor: page.nextCursor ?? undefined };
  };
  const details = async (part: string): Promise<TaskDetails | undefined> =>
    part === "" ? undefined : get<TaskDetails>(address, `/tasks/${encodeURIComponent(part)}`);
  return {
    list,
    lines: list,
    async find(part) {
      const found = (await details(part)) ?? NOTHING;
      const { prompt: _, verificationOutput: _output, commit: _commit, workplace: _workplace, ...task } = found;
      return "id" in task ? task : files().find(part);
    },
    show: async (part) => (await details(part)) ?? files().show(part),
    status: async () => (await get<StatusView>(address, "/status")) ?? files().status(),
    async waiting() {
      const health = await get<Health>(address, "/health");
      return health === undefined ? files().waiting() : { inbox: null, broken: health.broken };
    },
    sessions: async ({ own }) =>
      (await get<readonly SessionView[]>(address, `/sessions${own ? "?own=true" : ""}`)) ?? files().sessions({ own }),
    session: async (key) =>
      (await get<SessionView>(address, `/sessions/${encodeURIComponent(key)}`)) ?? files().session(key),
    history: (count) => files().history(count),
    async log(part, options) {
      const query = options?.last === undefined ? "" : `?last=${options.last}`;
      const asked =
        part === "" ? undefined : await get<LogView>(address, `/tasks/${encodeURIComponent(part)}/log${query}`);
      const isWhole = asked !== undefined && (asked.leftOut === 0 || asked.entries.length === options?.last);
      return isWhole ? asked : files().log(part, options); // Over HTTP a log has its limits.
    },
    diff: (part, options) => files().diff(part, options), // Git tells it, whoever asks.
    retryText: (part) => files().retryText(part),
  };
}

/**
 * Has the coordinator at `address` try a task again. Returns the new task; `undefined` where it has certainly filed none: nobody listens,
 * or it refused.
 *
 * @throws CoordinatorError `TRY_AGAIN` where it may have filed one
 */
export async function askForRetry(address: CoordinatorAddress, part: string): Promise<TaskView | undefined> {
  try {
    const path = `/tasks/${encodeURIComponent(part)}/retry`;
    const { status, answer } = await ask(address, path, { method: "POST", timeoutMs: FILING_TIMEOUT_MS });
    if (status === 202) return answer as TaskView;
    if (status < 500) return undefined;
    const { error } = answer as { readonly error?: { readonly message?: unknown } };
    throw new CoordinatorError("TRY_AGAIN", String(error?.message ?? `the coordinator answered ${status}`));
  } catch (cause) {
    if (["ECONNREFUSED", "ENOENT"].includes(systemErrorCode(cause) ?? "")) return undefined;
    if (cause instanceof CoordinatorError) throw cause;
    const message = `the coordinator at ${address.socketPath ?? address.url} has not answered; codex-inbox ls shows whether the new task is there`;
    throw new CoordinatorError("TRY_AGAIN", message, { cause });
  }
}

/**
 * Has the coordinator at `address` edit a queued task; `undefined` where nobody listens.
 *
 * @throws CoordinatorError what it refuses it with; `TRY_AGAIN` where it may have done it
 */
export async function askForEdit(
  address: CoordinatorAddress,
  part: string,
  { keys, prompt }: TaskChange,
): Promise<TaskView | undefined> {
  const body = JSON.stringify({ ...keys, prompt });
  const path = `/tasks/${encodeURIComponent(part)}`;
  const again = "try again: the same edit twice is one";
  return (await askFor(address, path, { method: "PATCH", body, again })) as TaskView | undefined;
}

/**
 * Has the coordinator at `address` take a task over; `undefined` where nobody listens.
 *
 * @throws CoordinatorError what it refuses it with; `TRY_AGAIN` where it may have done it
 */
export async function askForTakeOver(address: CoordinatorAddress, part: string): Promise<TaskView | undefined> {
  const path = `/tasks/${encodeURIComponent(part)}/retry`;
  const body = JSON.stringify({ takeOver: true });
  const again = "codex-inbox show says whether it is this clone's";
  return (await askFor(address, path, { method: "POST", body, again })) as TaskView | undefined;
}

/**
 * Has the coordinator at `address` put a session away, or take it out of the archive. Returns the commit that did it, if it was not so
 * already; `undefined` where nobody listens.
 *
 * @throws CoordinatorError what it refuses it with; `TRY_AGAIN` where it may have done it
 */
export async function askForArchive(
  address: CoordinatorAddress,
  session: string,
  archived: boolean,
): Promise<{ readonly commit: string | undefined } | undefined> {
  const path = `/sessions/${encodeURIComponent(session)}/archive`;
  const body = JSON.stringify({ undo: !archived });
  const again = `codex-inbox sessions ${session} shows whether it is done`;
  const answer = asObject(await askFor(address, path, { method: "POST", body, again }));
  return answer === undefined ? undefined : { commit: asText(answer.commit) };
}

/** Has the coordinator at `address` sync now; `null` without a remote, `undefined` where nobody listens. @throws CoordinatorError `TRY_AGAIN` */
export async function askForSync(address: CoordinatorAddress): Promise<Health["sync"] | undefined> {
  const again = "codex-inbox status shows how it stands";
  const answer = asObject(await askFor(address, "/sync", { method: "POST", body: "{}", again }));
  return answer === undefined ? undefined : (answer.sync as Health["sync"]);
}

/**
 * Has the coordinator at `address` make the worktree of a session again, and hold it for its user; `undefined` where nobody listens.
 *
 * @throws CoordinatorError what it refuses it with; `TRY_AGAIN` where it may have done it
 */
export async function askToAttach(
  address: CoordinatorAddress,
  session: string,
  take: boolean,
): Promise<AttachedView | undefined> {
  const path = `/sessions/${encodeURIComponent(session)}/attach`;
  const again = "attach again: once more is the same";
  return (await askFor(address, path, { method: "POST", body: JSON.stringify({ take }), again })) as
    | AttachedView
    | undefined;
}

/**
 * Has the coordinator at `address` land the work of a session; `undefined` where nobody listens.
 *
 * @param repair has the session settle a conflict
 * @throws CoordinatorError what it refuses it with; `TRY_AGAIN` where it may have done it
 */
export async function askToLand(
  address: CoordinatorAddress,
  session: string,
  repair: { readonly words: string } | undefined,
): Promise<LandingView | undefined> {
  const path = `/sessions/${encodeURIComponent(session)}/land`;
  const body = JSON.stringify(repair === undefined ? {} : { repair: true, words: repair.words });
  const again = "land again: what is landed is not landed twice";
  const request = { method: "POST", body, again, timeoutMs: LANDING_TIMEOUT_MS };
  return (await askFor(address, path, request)) as LandingView | undefined;
}

/** Has the coordinator at `address` give back a session that was taken; `undefined` where nobody listens. @throws CoordinatorError as `askToAttach` */
export async function askToRelease(address: CoordinatorAddress, session: string): Promise<ReleasedView | undefined> {
  const path = `/sessions/${encodeURIComponent(session)}/release`;
  const again = "release again: once more is the same";
  return (await askFor(address, path, { method: "POST", body: "{}", again })) as ReleasedView | undefined;
}

/** Returns what the coordinator answers with 200; `undefined` where nobody listens. @param again what to do where it did not answer */
async function askFor(
  address: CoordinatorAddress,
  path: string,
  request: { readonly method: string; readonly body: string; readonly again: string; readonly timeoutMs?: number },
): Promise<unknown> {
  const { method, body, again, timeoutMs = FILING_TIMEOUT_MS } = request;
  try {
    const { status, answer } = await ask(address, path, { method, timeoutMs, body });
    if (status === 200) return answer;
    const { error } = answer as { readonly error?: { readonly code?: unknown; readonly message?: unknown } };
    const message = String(error?.message ?? `the coordinator answered ${status}`);
    throw new CoordinatorError(isErrorCode(error?.code) ? error.code : "TRY_AGAIN", message);
  } catch (cause) {
    if (["ECONNREFUSED", "ENOENT"].includes(systemErrorCode(cause) ?? "")) return undefined;
    if (cause instanceof CoordinatorError) throw cause;
    const message = `the coordinator at ${address.socketPath ?? address.url} has not answered; ${again}`;
    throw new CoordinatorError("TRY_AGAIN", message, { cause });
  }
}

/** Returns a link to the page that signs one browser in. @throws CoordinatorError `TRY_AGAIN` where it does not answer with one */
export async function askForLink(address: CoordinatorAddress): Promise<string> {
  try {
    const { status, answer } = await ask(address, "/sign-in/code", { method: "POST", timeoutMs: ANSWER_TIMEOUT_MS });
    const { url } = asObject(answer) ?? {};
    if (status === 201 && typeof url === "string") return url;
    throw new Error(`it answered ${status}`);
  } catch (cause) {
    const message = `the coordinator at ${address.url} gave no link: ${(cause as Error).message}`;
    throw new CoordinatorError("TRY_AGAIN", message, { cause });
  }
}

/** Asks the coordinator at `address` how it is doing; `undefined` where it does not answer. */
export function askHealth(address: CoordinatorAddress): Promise<Health | undefined> {
  return get(address, "/health");
}

/** Has the coordinator at `address` answer once a task has ended, or after some seconds; `undefined` where it does not. */
export function askToWait(address: CoordinatorAddress, id: string, seconds: number): Promise<TaskView | undefined> {
  return get(address, `/tasks/${id}?wait=${seconds}`, seconds * 1_000 + ANSWER_TIMEOUT_MS);
}

/** Returns what the coordinator answers to `GET <path>`; `undefined` for anything but a 200. */
async function get<Answer>(
  address: CoordinatorAddress,
  path: string,
  timeoutMs = ANSWER_TIMEOUT_MS,
): Promise<Answer | undefined> {
  try {
    const { status, answer } = await ask(address, path, { method: "GET", timeoutMs });
    const isAnswer = status === 200 && (Array.isArray(answer) || asObject(answer) !== undefined);
    return isAnswer ? (answer as Answer) : undefined;
  } catch {
    return undefined; // What the files say is shown all the same.
  }
}

/** Not with fetch: loading that takes 20 ms. */
async function ask(
  { url, socketPath, token }: CoordinatorAddress,
  path: string,
  {
    method,
    timeoutMs,
    body,
  }: {
    readonly method: string;
    readonly timeoutMs: number;
    /** JSON. */
    readonly body?: string;
  },
): Promise<{ readonly status: number; readonly answer: unknown }> {
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    http
      .request(url + path, { method, headers, signal, agent: false, socketPath }, resolve)
      .once("error", reject)
      .end(body);
  });
  return { status: response.statusCode ?? 0, answer: await json(response) };
}
