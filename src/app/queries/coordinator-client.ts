import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { http } from "../../base/http.ts";
import { asObject } from "../../base/json-shape.ts";
import type { Health } from "../views/present-health.ts";
import type { SessionView } from "../views/session-list.ts";
import type { TaskView } from "../views/task-view.ts";
import type { Queries, QueriesDeps, StatusView, TaskPage } from "./queries.ts";

/** A coordinator that does not answer within this is not asked further. */
const ANSWER_TIMEOUT_MS = 2_000;

/**
 * Asks the coordinator that listens at `url`. What it does not answer (it is just starting or ending, or is of another version), and
 * what it refuses, is answered from files by `read`, so that the words of a refusal are the same with and without one.
 */
export function askCoordinator(url: string, read: (health: QueriesDeps["health"]) => Queries): Queries {
  let reading: Queries | undefined;
  const files = (): Queries => {
    reading ??= read(() => get<Health>(url, "/health"));
    return reading;
  };
  const list: Queries["list"] = async ({ finished, session, status, limit, after }) => {
    const asked = { finished, session, status, limit, after };
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(asked)) if (value !== undefined) query.set(key, String(value));
    const page = await get<TaskPage>(url, `/tasks?${query}`);
    return page === undefined ? files().list({ finished, session, status }) : { ...page, next: page.next ?? undefined };
  };
  return {
    list,
    lines: list,
    find: async (part) =>
      (part === "" ? undefined : await get<TaskView>(url, `/tasks/${encodeURIComponent(part)}`)) ?? files().find(part),
    status: async () => (await get<StatusView>(url, "/status")) ?? files().status(),
    sessions: async ({ own }) =>
      (await get<readonly SessionView[]>(url, `/sessions${own ? "?own=true" : ""}`)) ?? files().sessions({ own }),
    session: async (key) =>
      (await get<SessionView>(url, `/sessions/${encodeURIComponent(key)}`)) ?? files().session(key),
    history: (count) => files().history(count),
    transcript: (part) => files().transcript(part),
  };
}

/** Returns what the coordinator answers to `GET <path>`; `undefined` for anything but a 200. Not with fetch: loading that takes 20 ms. */
async function get<Answer>(url: string, path: string): Promise<Answer | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      http.get(url + path, { signal, agent: false }, resolve).once("error", reject);
    });
    const answer = await json(response);
    const isAnswer = response.statusCode === 200 && (Array.isArray(answer) || asObject(answer) !== undefined);
    return isAnswer ? (answer as Answer) : undefined;
  } catch {
    return undefined; // What the files say is shown all the same.
  }
}
