/** What stands in the way of all tasks, and what to do about it. */
import { post } from "./api.js";
import { button } from "./show/button.js";
import { h, part, reconcile } from "./show/dom.js";
import { clock, timeToCome } from "./show/times.js";

/** Files in inbox/ and journals that are named. */
const BROKEN_MAX = 5;
const DAMAGED_MAX = 3;

/**
 * @typedef {object} Notice
 * @property {string} name
 * @property {string} what
 * @property {string | null} [why]
 * @property {string} [since]
 * @property {string | null} [until]
 * @property {string} [todo]
 * @property {readonly [string, () => Promise<unknown>]} [act]
 */

/** @param {StatusView} status @param {() => void} again looks at everything anew */
export function showNotices({ health, paused }, again) {
  const place = part("notices");
  const errors = [...place.querySelectorAll(".error")];
  reconcile(place, [...ofQueue(paused.queue), ...(health === null ? [] : ofHealth(health))], {
    key: ({ name }) => name,
    make: (notice) => shown(notice, again),
    signature: ({ act, ...said }) => said,
  });
  place.append(...errors);
}

/** @param {StatusView["paused"]["queue"]} pause @returns {readonly Notice[]} */
function ofQueue(pause) {
  if (pause === null) return [];
  const todo = "What runs goes on; nothing else is started until you resume.";
  return [{ name: "paused", what: "The queue is paused", since: pause.since, why: pause.reason, todo }];
}

/** @param {StatusView["health"] & {}} health @returns {readonly Notice[]} */
function ofHealth(health) {
  const { codex, sandbox, full, world, committer, sync, configProblem, draining, newAuthors, broken, damaged } = health;
  /** @param {string} name @param {{ reason: string, since: string } | null} found @param {string} what @param {Partial<Notice>} [more] */
  const since = (name, found, what, more) =>
    found === null ? [] : [{ name, what, since: found.since, why: found.reason, ...more }];
  return [
    ...since("codex", codex, "No task is started", {
      until: codex?.until ?? null,
      act: ["Try now", () => post("/resume", { now: true })],
    }),
    ...since("sandbox", sandbox, "Tasks that need codex's sandbox wait"),
    ...since("full", full, "The queue is full"),
    ...since("world", world, "The machine stands in the way", { todo: "It goes on by itself." }),
    ...since("committer", committer, "Results are not committed now"),
    ...since("sync", sync?.problem ?? null, `The branch is not in step with ${sync?.remote}`, {
      act: ["Try now", () => post("/sync", {})],
    }),
    ...since("sync-in-the-way", sync?.inTheWay ?? null, `The branch cannot follow ${sync?.remote}`, {
      todo: wayOut(sync?.inTheWay ?? null),
    }),
    ...(configProblem === null
      ? []
      : [{ name: "config", what: "The settings cannot be read; the last good ones are in force", why: configProblem }]),
    ...(draining ? [{ name: "draining", what: "The coordinator is ending: no task is started any more" }] : []),
    ...newAuthors.map((author) => ({
      name: `author ${author}`,
      what: `Tasks of ${author} wait until you allow that author`,
      todo: `codex-inbox policy allow-author '${author.replaceAll("'", "'\\''")}'`, // Somebody copies it into a shell.
    })),
    ...broken.slice(0, BROKEN_MAX).map((path) => ({
      name: path,
      what: `${path} cannot become a task`,
      todo: `See ${path.replace(/\.md$/i, ".error.md")} beside it.`,
    })),
    ...damaged
      .slice(0, DAMAGED_MAX)
      .map((path) => ({ name: path, what: `A journal could not be read and was set aside: ${path}` })),
  ];
}

/** @param {NonNullable<NonNullable<StatusView["health"]>["sync"]>["inTheWay"]} found */
function wayOut(found) {
  if (found === null) return "";
  const named = found.paths.length === 0 ? "" : `In the way: ${found.paths.slice(0, 5).join(", ")}. `;
  return found.command === null
    ? `${named}It goes on by itself.`
    : `${named}This brings both together: ${found.command}`;
}

/** @param {Notice} notice @param {() => void} again */
function shown({ what, since, why, until, todo, act }, again) {
  return h(
    "p",
    { class: "notice" },
    h(
      "span",
      {},
      h("strong", {}, what),
      why && `: ${why}`,
      since && [" ", h("span", { class: "quiet ago" }, "· ", clock(since, "ago"))],
      until && ` · until ${timeToCome(until)}`,
      todo && h("span", { class: "todo" }, todo),
    ),
    act && button(act[0], () => act[1]().then(again), { class: "small" }),
  );
}
