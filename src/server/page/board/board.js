/** The list of tasks: what runs, what waits and why, what failed and what to do; or what a filter finds. */
import { addressWith, readAddress } from "../address.js";
import { get } from "../api.js";
import { createLookUps } from "../look-ups.js";
import { sessionHead } from "../session/session-head.js";
import { workOf } from "../session/work.js";
import { h, part, reconcile, within } from "../show/dom.js";
import { failed } from "../show/words.js";
import { found, overview, runningList } from "./lists.js";
import { row } from "./row.js";
import { showSessions, showStates, showSync } from "./side.js";

/** @typedef {import("./lists.js").TaskList} TaskList */

/** What stands in the board under one name: a list, or what `make` makes. @typedef {{ name: string, title?: string, of?: unknown, make?: () => HTMLElement }} BoardPart */

/** Of those that are shown: the task that goes on from another, by that one's id. @typedef {ReadonlyMap<string | null, TaskView>} Successors */

export function createBoard() {
  const place = part("main");
  let pages = 1;
  let filter = "";
  /** @type {StatusView | undefined} */
  let status;
  let asked = 0;
  const lookUps = createLookUps(() => void (document.hidden || again()));

  const refresh = async () => {
    const { status: state, session, q } = readAddress();
    const wanted = JSON.stringify([state, session, q]);
    if (wanted !== filter) [pages, filter] = [1, wanted];
    const mine = ++asked;
    const isFiltered = state !== undefined || session !== undefined || q !== undefined;
    const [told, sessions = [], lists] = await Promise.all([
      get("/status"),
      lookUps.get("/sessions"), // Asked for anew only once something has ended, or a session has changed.
      isFiltered ? found({ status: state, session, q }, pages).then((list) => [list]) : overview(lookUps),
    ]);
    if (mine !== asked) return status;
    status = told;
    showSessions(sessions, session);
    showStates(told, state);
    showSync(told.health, again);
    const all = isFiltered ? lists : [runningList(told), ...lists];
    const shown = all.filter(({ tasks, isKept }) => tasks.length > 0 || isKept);
    const focused = focusedTask();
    /** @type {readonly BoardPart[]} */
    const parts = [...heads(sessions, session, told), ...(shown.length === 0 ? [nothing(isFiltered)] : shown)];
    reconcile(place, parts, {
      key: ({ name }) => name,
      make: ({ title, make = () => emptyList(title ?? "") }) => make(),
      signature: ({ title, of }) => [title, of],
    });
    const next = new Map(all.flatMap(({ tasks }) => tasks).map((task) => [task.parent, task]));
    for (const list of shown) fill(list, next, within(place, `:scope > [data-key="${list.name}"]`));
    if (focused !== undefined && document.activeElement === document.body)
      within(place, `.task[data-key="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true }); // It has moved to another list.
    return told;
  };

  /** Where a session is chosen, it stands above its tasks. @param {readonly SessionView[]} sessions @param {string | undefined} key @param {StatusView} told @returns {readonly BoardPart[]} */
  const heads = (sessions, key, told) => {
    if (key === undefined) return [];
    const session = sessions.find((one) => one.key === key);
    const isPaused = told.paused.sessions.some((pause) => pause.session === key);
    const make = () => sessionHead(key, session, isPaused, changed);
    return [{ name: "head", of: [key, session, isPaused, workOf(session)], make }];
  };
  const again = () => refresh().catch(failed);
  const changed = () => {
    lookUps.forget();
    return again();
  };
  const showMore = () => {
    pages += 1;
    return again();
  };

  /** @param {TaskList} list @param {Successors} next @param {Element} section */
  const fill = ({ title, tasks, count, more, isMore = false }, next, section) => {
    const [heading, list, foot] = /** @type {[Element, Element, Element]} */ ([...section.children]);
    const number = count ?? `${tasks.length}${more !== undefined || isMore ? "+" : ""}`;
    reconcile(heading, [[title, number]], {
      key: () => "title",
      make: () => h("span", {}, title, " ", h("span", { class: "count" }, number)),
    });
    fillTasks(list, tasks, next, again);
    reconcile(foot, more !== undefined || isMore ? [[more, isMore]] : [], {
      key: () => "more",
      make: () =>
        more === undefined
          ? h("button", { type: "button", class: "plain", onclick: showMore, "data-focus": "more" }, "Show more")
          : h("a", { href: addressWith({ ...more, task: undefined }), "data-way": true }, "Show all"),
    });
  };

  return { refresh, ended: lookUps.forget };
}

/** @param {Element} list @param {readonly TaskView[]} tasks @param {Successors} next @param {() => Promise<unknown>} again */
function fillTasks(list, tasks, next, again) {
  reconcile(list, tasks, {
    key: ({ id }) => id,
    make: (task) => row(task, next.get(task.id), again),
    signature: (task) => [
      ...[task.status, task.title, task.hold, task.reason, task.endedAt, task.totalUsage, task.progress],
      ...[addressWith({ task: task.id }), next.get(task.id)?.title, next.get(task.id)?.status],
    ],
  });
  const open = readAddress().task;
  for (const item of list.children) {
    const isOpen = item instanceof HTMLElement && item.dataset.key === open;
    item.classList.toggle("chosen", isOpen);
    const way = within(item, "a.way");
    if (isOpen) way.setAttribute("aria-current", "true");
    else way.removeAttribute("aria-current");
  }
}

/** @param {string} title */
function emptyList(title) {
  return h("section", { "aria-label": title }, h("h2"), h("ol", { class: "tasks" }), h("p", { class: "more" }));
}

/** The id of the task that has the focus. */
function focusedTask() {
  const task = document.activeElement?.closest("#main .task");
  return task instanceof HTMLElement ? task.dataset.key : undefined;
}

/** @param {boolean} isFiltered @returns {BoardPart} */
function nothing(isFiltered) {
  const make = () =>
    isFiltered
      ? h(
          "section",
          { class: "nothing", "aria-label": "Tasks" },
          h("h2", {}, "No task is like that"),
          h("p", {}, h("a", { href: "/", "data-way": true }, "Show everything")),
        )
      : h(
          "section",
          { class: "nothing", "aria-label": "Tasks" },
          h("h2", {}, "Nothing has been asked for yet"),
          h("p", {}, "Write one here: New task, or ", h("kbd", {}, "n"), ". Or hand one in from elsewhere:"),
          h(
            "ul",
            {},
            h("li", {}, "drop a Markdown file into ", h("code", {}, "inbox/")),
            h("li", {}, h("code", {}, 'codex-inbox add "Fix the login redirect"')),
            h("li", {}, "commit a file to ", h("code", {}, "inbox/"), " and push it"),
          ),
        );
  return { name: "nothing", of: isFiltered, make };
}
