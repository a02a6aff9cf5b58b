/** The filters beside the list: states and sessions. */
import { addressWith } from "../address.js";
import { post } from "../api.js";
import { button } from "../show/button.js";
import { h, part, reconcile } from "../show/dom.js";
import { clock } from "../show/times.js";

/** @type {readonly (readonly [string | undefined, string])[]} */
const STATES = [
  [undefined, "Everything"],
  ["running", "Running"],
  ["queued", "Waiting"],
  ["failed", "Failed"],
  ["succeeded", "Succeeded"],
  ["cancelled", "Cancelled"],
];
const SESSIONS_MAX = 200;

/** The name of a filter. @param {string | undefined} state */
export function titleOf(state) {
  return STATES.find(([name]) => name === state)?.[1];
}

/** @param {StatusView} told @param {string | undefined} chosen */
export function showStates(told, chosen) {
  /** @type {Readonly<Record<string, number>>} */
  const counts = { running: told.tasks.running, queued: told.tasks.queued };
  const items = STATES.map(([name, title]) => ({
    ...{ name, title, count: counts[name ?? ""] || "", chosen: chosen === name },
    href: addressWith({ status: name, task: undefined }),
  }));
  reconcile(part("states"), items, {
    key: ({ title }) => title,
    make: ({ title, count, href, chosen: isChosen }) =>
      h("li", {}, way(href, "state", isChosen && "page", title, h("span", { class: "count" }, String(count)))),
  });
}

/** @param {readonly SessionView[]} sessions @param {string | undefined} chosen */
export function showSessions(sessions, chosen) {
  const items = [undefined, ...sessions.slice(0, SESSIONS_MAX)].map((session) => ({
    session,
    isChosen: session?.key === chosen,
    href: addressWith({ session: session?.key, task: undefined }),
  }));
  reconcile(part("session-list"), items, {
    key: ({ session }) => session?.key ?? "",
    make: ({ session, isChosen, href }) => {
      const open = session === undefined ? 0 : session.tasks.queued + session.tasks.running;
      return h(
        "li",
        { class: session === undefined ? "" : marks(session) },
        way(
          href,
          "session",
          isChosen && "true",
          h("span", { class: "name" }, session?.key ?? "All sessions"),
          h("span", { class: "mark" }, session === undefined ? "" : markOf(session)),
          h("span", { class: "count" }, open > 0 ? String(open) : ""),
        ),
      );
    },
    signature: ({ session, isChosen, href }) => [
      ...[session?.state, session?.tasks, session?.archived, session && markOf(session)],
      ...[isChosen, href],
    ],
  });
}

/** What is to be known of it at a glance. @param {SessionView} session */
function markOf({ state, takenBy, paused, unlanded }) {
  if (takenBy !== null) return "taken";
  if (paused) return "paused";
  if (state === "DIED") return "died";
  if (unlanded === null) return "";
  return unlanded.conflicts.length > 0 ? "conflict" : "to land";
}

/** How the branch and its remote stand; what is wrong between them stands among the notices. @param {StatusView["health"]} health @param {() => Promise<unknown>} again */
export function showSync(health, again) {
  const { sync = null, claims = null } = health ?? {};
  reconcile(part("sync"), sync === null ? [] : [{ sync, claims }], {
    key: () => "sync",
    make: () => {
      const { remote, branch, lastSync, ahead, behind, running } = /** @type {NonNullable<typeof sync>} */ (sync);
      /** @type {readonly (readonly [number | null | undefined, string, string])[]} */
      const numbers = [
        [ahead, "ahead", "commits here that the remote does not have"],
        [behind, "behind", "commits of the remote that are not here"],
        [claims?.held, "claimed here", "open tasks that came by a commit, and that this clone runs"],
        [claims?.elsewhere, "for other clones", "open tasks that came by a commit, and that other clones run"],
      ];
      return h(
        "p",
        {},
        h("span", { class: "remote" }, `${remote}/${branch}`),
        h("span", {}, lastSync === null ? "not synced yet" : "synced ", lastSync !== null && clock(lastSync, "ago")),
        running && h("span", {}, "syncing"),
        ...numbers.map(([number, word, title]) => (number ?? 0) > 0 && h("span", { title }, `${number} ${word}`)),
        button("Sync now", () => post("/sync", {}).finally(again), { class: "plain", "data-focus": "sync" }),
      );
    },
  });
}

/** @param {SessionView} session */
function marks({ state, tasks, paused, archived }) {
  return [state === "DIED" && "died", tasks.running > 0 && "running", paused && "paused", archived && "archived"]
    .filter(Boolean)
    .join(" ");
}

/** @param {string} href @param {string} name @param {string | false} current @param {...import("../show/dom.js").Child} children */
function way(href, name, current, ...children) {
  return h("a", { href, "data-way": true, "data-focus": name, "aria-current": current }, ...children);
}
