/** Which tasks the board shows: the newest of each kind, or what the filters find. */
import { get } from "../api.js";
import { titleOf } from "./side.js";

const PAGE = 100;
/** Of those that wait and those that are over, so many are shown before somebody asks for more. */
const SHORT = 20;
const FAILED = 6;
/** The coordinator looks through so many finished tasks at a time for a text; it is asked so often before somebody is. */
const SEARCHES = 4;

/** @typedef {{ status?: string | undefined, session?: string | undefined, q?: string | undefined }} Filter */

/**
 * Tasks under one heading.
 *
 * @typedef {object} TaskList
 * @property {string} name
 * @property {string} title
 * @property {readonly TaskView[]} tasks
 * @property {number} [count] of all that there are
 * @property {{ status: string }} [more] the filter that shows all of them
 * @property {boolean} [isMore] there are more, and nobody has asked for them
 * @property {boolean} [isKept] it is shown though no task is in it
 */

/** @typedef {ReturnType<typeof import("../look-ups.js").createLookUps>} LookUps */

/** @param {StatusView} told @returns {TaskList} */
export function runningList({ running }) {
  return { name: "running", title: "Running", tasks: running, count: running.length };
}

/** @param {LookUps} lookUps @returns {Promise<readonly TaskList[]>} */
export async function overview(lookUps) {
  const lists = [
    { name: "failed", title: "Failed", limit: FAILED },
    { name: "queued", title: "Waiting", limit: SHORT },
    { name: "succeeded", title: "Done", limit: SHORT },
  ];
  return Promise.all(
    lists.map(async ({ name, title, limit }) => {
      const path = /** @type {const} */ (`/tasks?status=${name}&limit=${limit}`);
      const { tasks = [], nextCursor = null } = (await (name === "queued" ? get(path) : lookUps.get(path))) ?? {};
      return { name, title, tasks, ...(nextCursor === null ? {} : { more: { status: name } }) };
    }),
  );
}

/** @param {Filter} filter @param {number} pages @returns {Promise<TaskList>} */
export async function found({ status, session, q }, pages) {
  if (status === "running") return foundRunning({ session, q });
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (status !== undefined) query.set("status", status);
  if (session !== undefined) {
    query.set("session", session);
    query.set("archived", "true");
  }
  if (q !== undefined) query.set("text", q);
  /** @type {Map<string, TaskView>} */
  const tasks = new Map(); // One that ended while pages were turned comes twice.
  /** @type {string | null} */
  let cursor = null;
  const rounds = q === undefined ? pages : pages * SEARCHES;
  for (let round = 0; round < rounds && tasks.size < pages * PAGE; round += 1) {
    if (cursor !== null) query.set("cursor", cursor);
    /** @type {TaskPage} */
    const answer = await get(`/tasks?${query}`);
    for (const task of answer.tasks) tasks.set(task.id, task);
    cursor = answer.nextCursor;
    if (cursor === null) break;
  }
  const isMore = cursor !== null;
  const title = status === undefined ? "Tasks" : (titleOf(status) ?? "Tasks");
  return { name: "found", title, tasks: [...tasks.values()], isMore, isKept: isMore };
}

/** @param {Filter} filter @returns {Promise<TaskList>} */
async function foundRunning({ session, q = "" }) {
  const { running } = await get("/status");
  const text = q.toLowerCase();
  const tasks = running.filter(
    (task) =>
      (session ?? task.sessionKey) === task.sessionKey &&
      `${task.title} ${task.id} ${task.sessionKey}`.toLowerCase().includes(text),
  );
  return { name: "found", title: "Running", tasks };
}
