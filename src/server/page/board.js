/** The list of tasks: what runs, what waits and why, what failed and what to do; or what a filter finds. */
import { addressWith, go, readAddress } from "./address.js";
import { get, post } from "./api.js";
import { clock, commandLine, duration, h, reconcile, say, tokens } from "./dom.js";
import { whatToDo } from "./hints.js";
import { createLookUps } from "./look-ups.js";
import { failed, stateName } from "./words.js";

const PAGE = 100;
/** Of those that wait and those that are over, so many are shown before somebody asks for more. */
const SHORT = 20;
const FAILED = 6;
/** The coordinator looks through so many finished tasks at a time for a text; it is asked so often before somebody is. */
const SEARCHES = 4;

const STATES = [
  [undefined, "Everything"],
  ["running", "Running"],
  ["queued", "Waiting"],
  ["failed", "Failed"],
  ["succeeded", "Succeeded"],
  ["cancelled", "Cancelled"],
];

/** What is asked for anew only once something has ended, or a session has changed: it may be looked for in the history. */
const SESSIONS = "/sessions";

export function createBoard() {
  const place = document.getElementById("main");
  const sessionList = document.getElementById("session-list");
  let pages = 1;
  let filter = "";
  let status;
  let asked = 0;
  const lookUps = createLookUps(() => again());

  const refresh = async () => {
    const { status: state, session, q } = readAddress();
    const wanted = JSON.stringify([state, session, q]);
    if (wanted !== filter) [pages, filter] = [1, wanted];
    const mine = ++asked;
    const isFiltered = state !== undefined || session !== undefined || q !== undefined;
    const [told, sessions, sections] = await Promise.all([
      get("/status"),
      lookUps.get(SESSIONS).then((known = []) => known),
      isFiltered ? found({ state, session, q }) : overview(),
    ]);
    if (mine !== asked) return status;
    status = told;
    showSessions(sessions, session);
    showStates(told, state);
    const all = [
      ...(isFiltered ? [] : [running(told)]),
      ...sections.filter(({ tasks, isKept }) => tasks.length > 0 || isKept),
    ];
    const shown = all.filter(({ tasks, isKept }) => tasks.length > 0 || isKept);
    const focused = document.activeElement?.closest("#main .task")?.dataset.key;
    reconcile(place, [...heads(sessions, session), ...(shown.length === 0 ? [nothing(isFiltered)] : shown)], {
      key: ({ name }) => name,
      make: (part) =>
        part.make?.() ??
        h("section", { "aria-label": part.title }, h("h2", {}), h("ol", { class: "tasks" }), h("p", { class: "more" })),
      signature: ({ title, fixed }) => [title, fixed],
    });
    for (const part of shown) fill(part, place.querySelector(`:scope > [data-key="${part.name}"]`));
    if (focused !== undefined && document.activeElement === document.body)
      place.querySelector(`.task[data-key="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true }); // It has moved to another list.
    return told;
  };

  /** Where a session is chosen, it stands above its tasks. */
  const heads = (sessions, key) => {
    if (key === undefined) return [];
    const session = sessions.find((one) => one.key === key);
    return [{ name: "head", fixed: [key, session], make: () => sessionHead(key, session, changed) }];
  };
  const again = () => refresh().catch(failed);
  const changed = () => {
    lookUps.forget();
    return again();
  };

  const running = ({ running: tasks }) => ({ name: "running", title: "Running", tasks, count: tasks.length });

  const overview = async () => {
    const lists = [
      { name: "failed", title: "Failed", query: "status=failed", limit: FAILED },
      { name: "queued", title: "Waiting", query: "status=queued", limit: SHORT },
      { name: "succeeded", title: "Done", query: "status=succeeded", limit: SHORT },
    ];
    return Promise.all(
      lists.map(async ({ query, limit, ...list }) => {
        const path = `/tasks?${query}&limit=${limit}`;
        const { tasks = [], nextCursor = null } =
          (await (list.name === "queued" ? get(path) : lookUps.get(path))) ?? {};
        return { ...list, tasks, more: nextCursor === null ? undefined : { status: list.name } };
      }),
    );
  };

  const found = async ({ state, session, q }) => {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (state !== undefined && state !== "running") query.set("status", state);
    if (session !== undefined) {
      query.set("session", session);
      query.set("archived", "true");
    }
    if (q !== undefined) query.set("text", q);
    if (state === "running") {
      const { running: tasks } = await get("/status");
      const text = (q ?? "").toLowerCase();
      const shown = tasks.filter(
        (task) =>
          (session ?? task.sessionKey) === task.sessionKey && `${task.title} ${task.id}`.toLowerCase().includes(text),
      );
      return [{ name: "found", title: "Running", tasks: shown }];
    }
    const tasks = [];
    let cursor = null;
    const rounds = q === undefined ? pages : pages * SEARCHES;
    for (let round = 0; round < rounds && tasks.length < pages * PAGE; round += 1) {
      if (cursor !== null) query.set("cursor", cursor);
      const answer = await get(`/tasks?${query}`);
      tasks.push(...answer.tasks);
      cursor = answer.nextCursor;
      if (cursor === null) break;
    }
    const title = STATES.find(([name]) => name === state)?.[1] ?? "Tasks";
    const each = [...new Map(tasks.map((task) => [task.id, task])).values()]; // One that ended while pages were turned comes twice.
    return [
      {
        name: "found",
        title: state === undefined ? "Tasks" : title,
        tasks: each,
        isMore: cursor !== null,
        isKept: cursor !== null,
      },
    ];
  };

  const fill = ({ title, tasks, count, more, isMore }, section) => {
    const [heading, list, foot] = section.children;
    const number = count ?? `${tasks.length}${more !== undefined || isMore ? "+" : ""}`;
    reconcile(heading, [[title, number]], {
      key: () => "title",
      make: () => h("span", {}, title, " ", h("span", { class: "count" }, number)),
    });
    reconcile(list, tasks, {
      key: ({ id }) => id,
      make: (task) => row(task, again),
      signature: (task) => [
        task.status,
        task.title,
        task.hold,
        task.reason,
        task.endedAt,
        task.totalUsage,
        task.progress,
        addressWith({ task: task.id }),
      ],
    });
    const open = readAddress().task;
    for (const item of list.children) item.classList.toggle("chosen", item.dataset.key === open);
    for (const item of list.querySelectorAll("a.way")) mark(item, item.parentElement.dataset.key === open);
    reconcile(foot, more !== undefined || isMore ? [[more, isMore]] : [], {
      key: () => "more",
      make: () =>
        more === undefined
          ? h("button", { type: "button", class: "plain", onclick: showMore, "data-focus": "more" }, "Show more")
          : h("a", { href: addressWith({ ...more, task: undefined }), "data-way": true }, "Show all"),
    });
  };

  const showMore = () => {
    pages += 1;
    refresh().catch(failed);
  };

  const showStates = (told, chosen) => {
    const counts = { running: told.tasks.running, queued: told.tasks.queued };
    const items = STATES.map(([name, title]) => ({ name, title, count: counts[name] || "", chosen: chosen === name }));
    reconcile(document.getElementById("states"), items, {
      key: ({ title }) => title,
      make: ({ name, title, count, chosen: isChosen }) => {
        const now = isChosen ? "page" : undefined;
        const href = addressWith({ status: name, task: undefined });
        return h(
          "li",
          {},
          h(
            "a",
            { href, "data-way": true, "data-focus": "state", "aria-current": now },
            title,
            h("span", { class: "count" }, String(count)),
          ),
        );
      },
      signature: (item) => [item, addressWith({ status: item.name, task: undefined })],
    });
  };

  const showSessions = (sessions, chosen) => {
    const items = [{ key: undefined, tasks: undefined }, ...sessions.slice(0, 200)];
    reconcile(sessionList, items, {
      key: ({ key }) => key ?? "",
      make: ({ key, tasks, paused, archived, state }) => {
        const open = tasks === undefined ? 0 : tasks.queued + tasks.running;
        const href = addressWith({ session: key, task: undefined });
        const marks = [
          state === "DIED" && "died",
          tasks?.running > 0 && "running",
          paused && "paused",
          archived && "archived",
        ]
          .filter(Boolean)
          .join(" ");
        return h(
          "li",
          { class: marks },
          h(
            "a",
            { href, "data-way": true, "data-focus": "session", "aria-current": key === chosen ? "true" : undefined },
            h("span", { class: "name" }, key ?? "All sessions"),
            (paused || state === "DIED") && h("span", { class: "mark" }, paused ? "paused" : "died"),
            h("span", { class: "count" }, open > 0 ? String(open) : ""),
          ),
        );
      },
      signature: ({ key, tasks, paused, archived, state }) => [
        state,
        tasks,
        paused,
        archived,
        key === chosen,
        addressWith({ session: key, task: undefined }),
      ],
    });
  };

  return { refresh, ended: lookUps.forget };
}

function mark(way, isOpen) {
  if (isOpen) way.setAttribute("aria-current", "true");
  else way.removeAttribute("aria-current");
}

/** One task of the list. */
function row(task, again) {
  const { id, title, status, sessionKey } = task;
  const retry = async () => {
    const made = await post(`/tasks/${id}/retry`).catch(failed);
    if (made === undefined) return;
    say(`Retried: ${title}`);
    await again();
  };
  return h(
    "li",
    { class: `task ${status}` },
    h(
      "a",
      { href: addressWith({ task: id }), class: "way", "data-way": true, "data-focus": "task" },
      h("span", { class: "dot", "aria-hidden": "true" }),
      h("span", { class: "title" }, title),
      h("span", { class: "state" }, stateName(task)),
      h("span", { class: "about" }, ...about(task)),
      h("span", { class: "session" }, sessionName(sessionKey)),
      h("span", { class: "when" }, when(task)),
    ),
    status === "failed" &&
      h(
        "button",
        { type: "button", class: "small", onclick: retry, "data-focus": "retry", "aria-label": `Retry: ${title}` },
        "Retry",
      ),
  );
}

/** What is to be known of it at a glance. */
function about(task) {
  switch (task.status) {
    case "queued":
      return [task.hold ?? "next, as soon as a worker is free", task.holdRemedy && ` · ${task.holdRemedy}`];
    case "running":
    case "verifying":
    case "stopping": {
      const { command, last, lastEventAt, usage } = task.progress ?? {};
      return [
        command ? commandLine(command) : (last ?? ""),
        lastEventAt && h("span", { class: "last" }, " · ", clock(lastEventAt, "ago")),
        usage && h("span", { class: "last" }, ` · ${tokens(usage)}`),
      ];
    }
    case "failed":
      return [task.reason ?? "failed", h("span", { class: "todo" }, whatToDo(task))];
    default:
      return [firstLine(task.result) || task.reason || ""];
  }
}

function when(task) {
  if (task.endedAt !== null) return clock(task.endedAt, "ago");
  if (task.status !== "queued" && task.startedAt !== null) return clock(task.startedAt, "for");
  return task.acceptedAt === null ? "" : clock(task.acceptedAt, "ago");
}

function firstLine(text) {
  return (text ?? "")
    .trim()
    .split("\n", 1)[0]
    .replace(/^[#>*\s-]+|[`*]/g, "")
    .slice(0, 200);
}

/** A session that was made for one task needs no name. */
function sessionName(key) {
  return /^\d{4}-?\d{2}-?\d{2}\//.test(key) ? "" : key;
}

function sessionHead(key, session, again) {
  const pause = async () => {
    await post(session?.paused ? "/resume" : "/pause", { session: key }).catch(failed);
    await again();
  };
  const archive = async () => {
    await post(`/sessions/${encodeURIComponent(key)}/archive`, { undo: session.archived }).catch(failed);
    await again();
  };
  const { tasks, usage, durationMs, thread } = session ?? {};
  const facts =
    session === undefined
      ? []
      : [
          [tasks.succeeded, "succeeded"],
          [tasks.failed, "failed"],
          [tasks.cancelled, "cancelled"],
          [tasks.queued, "waiting"],
          [tasks.running, "running"],
        ]
          .filter(([count]) => count > 0)
          .map(([count, word]) => `${count} ${word}`);
  if (durationMs > 0) facts.push(duration(durationMs));
  if (usage) facts.push(tokens(usage));
  return h(
    "header",
    { class: "session-head" },
    h("h2", {}, key),
    h("p", {}, facts.join(" · "), thread && h("span", { class: "thread", title: "codex's thread" }, thread)),
    h(
      "p",
      { class: "actions" },
      h(
        "button",
        { type: "button", onclick: pause, "data-focus": "pause" },
        session?.paused ? "Resume session" : "Pause session",
      ),
      session !== undefined &&
        tasks.queued + tasks.running === 0 &&
        h(
          "button",
          { type: "button", onclick: archive, "data-focus": "archive" },
          session.archived ? "Take out of the archive" : "Archive",
        ),
      h("button", { type: "button", onclick: () => go({ session: undefined }), "data-focus": "all" }, "All sessions"),
    ),
  );
}

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
          h("p", {}, "Press ", h("kbd", {}, "n"), " to write a task, or hand one in from elsewhere:"),
          h(
            "ul",
            {},
            h("li", {}, "drop a Markdown file into ", h("code", {}, "inbox/")),
            h("li", {}, h("code", {}, 'codex-inbox add "Fix the login redirect"')),
            h("li", {}, "commit a file to ", h("code", {}, "inbox/"), " and push it"),
          ),
        );
  return { name: "nothing", fixed: isFiltered, make, tasks: [] };
}
