import { CoordinatorError } from "../../base/errors.ts";
import { sessionKeyProblem } from "../../task/names/session-key.ts";
import { isTaskId } from "../../task/names/task-id.ts";
import { isThreadId } from "../../task/names/thread-id.ts";
import { sessionFactsPath } from "../../task/records/workspace-paths.ts";
import type { SessionListDeps, SessionView } from "../views/session-list.ts";
import type { QueriesDeps } from "./queries.ts";
import { type LocatedTask, locateTask } from "./tasks/find-task.ts";
import { listLines } from "./tasks/list-tasks.ts";

export interface NamedDeps extends QueriesDeps {
  readonly sessionDeps: () => Promise<SessionListDeps>;
}

/** More candidates than this are not listed in the answer to an ambiguous name. */
const CANDIDATES_SHOWN = 5;
/** A shorter part of a thread's id is not looked for in the history. */
const THREAD_PART = /^[0-9a-f-]{6,36}$/;
/** Nor is a shorter part of a session's key. */
const KEY_PART = /^[A-Za-z0-9/._-]{4,80}$/;

/**
 * Finds what a word names, the same way for every command and route: a whole task id, session key or thread id first, and then the parts
 * of what is asked for before the parts of all else. A session that is named where a task is wanted stands for its open task, or where
 * none is open for the one that ended last; a task that is named where a session is wanted stands for its session.
 *
 * @throws CoordinatorError `NOT_FOUND`, or `REFUSED` where several are meant
 */
export async function findTaskNamed(given: NamedDeps, word: string): Promise<LocatedTask> {
  const deps = await openedOnce(given);
  if (isTaskId(word)) return locateTask(deps, word);
  const exact = await exactSession(deps, word);
  if (exact !== undefined) return taskOf(deps, exact);
  return otherwise(
    () => locateTask(deps, word),
    async () => taskOf(deps, (await sessionWithPart(deps, word)).key),
  );
}

/** Does the same where a session is wanted. */
export async function findSessionNamed(given: NamedDeps, word: string): Promise<SessionView> {
  const deps = await openedOnce(given);
  const exact = await exactSession(deps, word);
  if (exact !== undefined) return sessionWithKey(deps, exact);
  const ofTask = async (): Promise<SessionView> => sessionWithKey(deps, (await locateTask(deps, word)).sessionKey);
  const withPart = (): Promise<SessionView> => sessionWithPart(deps, word);
  const found = isTaskId(word) ? await otherwise<SessionView | undefined>(ofTask, nobody) : undefined;
  return found ?? otherwise(withPart, ofTask);
}

/** Does the same where either will do: parts of tasks' ids come before parts of sessions. */
export async function findEither(given: NamedDeps, word: string): Promise<TaskOrSession> {
  const deps = await openedOnce(given);
  const session = isTaskId(word) ? undefined : await exactSession(deps, word);
  if (session !== undefined) return { session };
  return otherwise<TaskOrSession>(
    async () => ({ task: await locateTask(deps, word) }),
    async () => ({ session: (await sessionWithPart(deps, word)).key }),
  );
}

type TaskOrSession = { readonly task: LocatedTask } | { readonly session: string };

/** Where no coordinator is at work, each look at what is open reads every open journal. */
async function openedOnce(deps: NamedDeps): Promise<NamedDeps> {
  const open = await deps.open();
  return { ...deps, open: () => open };
}

/** What `first` does not find, `second` may; where both do not, it is said in the words of the first. */
async function otherwise<Found>(first: () => Promise<Found>, second: () => Promise<Found>): Promise<Found> {
  try {
    return await first();
  } catch (error) {
    if (!isMissing(error)) throw error;
    return second().catch((other: unknown) => {
      throw isMissing(other) ? error : other;
    });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof CoordinatorError && error.code === "NOT_FOUND";
}

/** Returns the key of the session whose key or thread `word` is as a whole. */
async function exactSession(deps: NamedDeps, word: string): Promise<string | undefined> {
  if (isThreadId(word)) return otherwise(async () => (await sessionWithPart(deps, word)).key, nobody);
  if (sessionKeyProblem(word) !== undefined) return undefined;
  const open = await deps.open();
  if (open.all.some(({ sessionKey }) => sessionKey === word)) return word;
  return (await deps.branch.readText(sessionFactsPath(word))) === undefined ? undefined : word;
}
const nobody = async (): Promise<undefined> => undefined;

async function sessionWithKey(deps: NamedDeps, key: string): Promise<SessionView> {
  return (await import("../views/session-list.ts")).findSession(await deps.sessionDeps(), key);
}

/** A session that was made for one task is known from the history alone, once that task is committed. */
async function sessionWithPart(deps: NamedDeps, word: string): Promise<SessionView> {
  return otherwise(
    () => sessionWithKey(deps, word),
    async () => {
      const [entry] = THREAD_PART.test(word) ? await deps.history.inThread(word, 1) : [];
      return sessionWithKey(deps, entry?.session ?? (await keyWithPart(deps, word)) ?? word);
    },
  );
}

/** @throws CoordinatorError `REFUSED` where several sessions have it in their keys */
async function keyWithPart({ history }: NamedDeps, word: string): Promise<string | undefined> {
  const entries = KEY_PART.test(word) ? await history.inSession(word, CANDIDATES_SHOWN + 1) : [];
  const keys = [...new Set(entries.map(({ session }) => session))];
  if (keys.length < 2) return keys[0];
  const shown = `${keys.slice(0, CANDIDATES_SHOWN).join(", ")}${keys.length > CANDIDATES_SHOWN ? ", …" : ""}`;
  throw new CoordinatorError("REFUSED", `"${word}" could be any of several sessions: ${shown}; give more of the key`);
}

/** Returns the task that a session stands for. @throws CoordinatorError `REFUSED` where several of it are open */
async function taskOf(deps: NamedDeps, session: string): Promise<LocatedTask> {
  const options = { session, finished: 1, archived: true, limit: CANDIDATES_SHOWN + 2 };
  const { tasks } = await listLines(deps, options);
  const open = tasks.filter(({ endedAt }) => endedAt === null).map(({ id }) => id);
  if (open.length > 1) {
    const shown = `${open.slice(0, CANDIDATES_SHOWN).join(", ")}${open.length > CANDIDATES_SHOWN ? ", …" : ""}`;
    throw new CoordinatorError("REFUSED", `session ${session} has several open tasks: ${shown}; name one of them`);
  }
  const [newest] = tasks.toSorted((a, b) => compare(b.endedAt ?? "", a.endedAt ?? ""));
  const id = open[0] ?? newest?.id;
  if (id === undefined)
    throw new CoordinatorError("NOT_FOUND", `session ${session} has no task; codex-inbox ls shows the ids`);
  return locateTask(deps, id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
