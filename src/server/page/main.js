/** The page: one board, one task beside it, and what both are told by the coordinator. */
import { go, goTo, readAddress } from "./address.js";
import { follow, post } from "./api.js";
import { createBoard } from "./board.js";
import { clock, h, reconcile, say } from "./dom.js";
import { createForm } from "./form.js";
import { createTaskView } from "./task.js";
import { failed } from "./words.js";

/** Between two looks at what has changed; a burst of events is one look. */
const REST_MS = 400;
const REST_FACTOR = 10;
const SEARCH_REST_MS = 200;

const board = createBoard();
const task = createTaskView();
const form = createForm();
const columns = document.getElementById("columns");
const search = document.getElementById("search");
const titles = new Map();
let paused = false;
let signedOut = false;

/** Runs `work` now, not twice at the same time, and again only after a rest: ten times what it took, at least `REST_MS`. */
function rested(work) {
  let isAsked = false;
  let isBusy = false;
  const run = async () => {
    if (isBusy || signedOut) {
      isAsked = !signedOut;
      return;
    }
    [isBusy, isAsked] = [true, false];
    const beganMs = performance.now();
    await work().catch(failed);
    const restMs = Math.max(REST_MS, (performance.now() - beganMs) * REST_FACTOR);
    setTimeout(() => {
      isBusy = false;
      if (isAsked) void run();
    }, restMs);
  };
  return run;
}

async function lookAtBoard() {
  const told = await board.refresh();
  if (told === undefined) return;
  showStatus(told);
  for (const { id, title } of told.running) titles.set(id, title);
}

const refreshBoard = rested(lookAtBoard);
const refreshTask = rested(async () => {
  if (task.isOpen()) await task.open(task.id());
});

function refreshAll() {
  board.ended();
  void refreshBoard();
  void refreshTask();
}

function showAddress() {
  const { task: id, q = "" } = readAddress();
  if (document.activeElement !== search) search.value = q;
  columns.classList.toggle("with-task", id !== undefined);
  if (id === undefined) {
    const was = task.id();
    task.close();
    if (was !== undefined)
      document.querySelector(`.task[data-key="${CSS.escape(was)}"] a`)?.focus({ preventScroll: true });
  } else void task.open(id);
  lookAtBoard().catch(failed);
}

function showStatus({ workspace, branch, health, paused: pauses, server }) {
  const name = workspace.split("/").filter(Boolean).at(-1) ?? workspace;
  document.title = `${name} · codex-inbox`;
  const where = document.getElementById("where");
  where.textContent = `${name} · ${branch}`;
  where.title = `${workspace}, process ${server?.pid ?? ""}`;
  paused = pauses.queue !== null;
  const button = document.getElementById("pause");
  button.textContent = paused ? "Resume" : "Pause";
  const notices = [
    pauses.queue && {
      name: "paused",
      what: "The queue is paused",
      since: pauses.queue.since,
      why: pauses.queue.reason,
      todo: "What runs goes on; nothing else is started until you resume.",
    },
    health?.codex && {
      name: "codex",
      what: "No task is started",
      since: health.codex.since,
      why: health.codex.reason,
      until: health.codex.until,
      act: ["Try now", () => post("/resume", { now: true })],
    },
    health?.sandbox && {
      name: "sandbox",
      what: "Tasks that need codex's sandbox wait",
      since: health.sandbox.since,
      why: health.sandbox.reason,
    },
    health?.full && { name: "full", what: "The queue is full", since: health.full.since, why: health.full.reason },
    health?.world && {
      name: "world",
      what: "The machine stands in the way",
      since: health.world.since,
      why: health.world.reason,
      todo: "It goes on by itself.",
    },
    health?.committer && {
      name: "committer",
      what: "Results are not committed now",
      since: health.committer.since,
      why: health.committer.reason,
    },
    health?.configProblem && {
      name: "config",
      what: "The settings cannot be read; the last good ones are in force",
      why: health.configProblem,
    },
    health?.draining && { name: "draining", what: "The coordinator is ending: no task is started any more" },
    ...(health?.newAuthors ?? []).map((author) => ({
      name: `author ${author}`,
      what: `Tasks of ${author} wait until you allow that author`,
      todo: `codex-inbox policy allow-author '${author.replaceAll("'", "'\\''")}'`, // Somebody copies it into a shell.
    })),
    ...(health?.broken ?? []).slice(0, 5).map((path) => ({
      name: path,
      what: `${path} cannot become a task`,
      todo: `See ${path.replace(/\.md$/i, ".error.md")} beside it.`,
    })),
    ...(health?.damaged ?? [])
      .slice(0, 3)
      .map((path) => ({ name: path, what: `A journal could not be read and was set aside: ${path}` })),
  ].filter(Boolean);
  const place = document.getElementById("notices");
  const errors = [...place.querySelectorAll(".error")];
  reconcile(place, notices, { key: ({ name: key }) => key, make: notice, signature: ({ act, ...said }) => said });
  place.append(...errors);
}

function notice({ what, since, why, until, todo, act }) {
  return h(
    "p",
    { class: "notice" },
    h(
      "span",
      {},
      h("strong", {}, what),
      why && `: ${why}`,
      since && h("span", { class: "quiet" }, " since ", clock(since, "ago")),
      until && ` · until ${new Date(until).toLocaleString()}`,
      todo && h("span", { class: "todo" }, todo),
    ),
    act && h("button", { type: "button", class: "small", onclick: () => act[1]().then(refreshAll, failed) }, act[0]),
  );
}

/** Has what is shown looked at again: events only say that something has happened. */
function onEvent(event) {
  const { kind, task: id } = event;
  if (kind === "accepted") titles.set(id, event.title);
  if (kind === "state") announce(event);
  if (kind !== "item") board.ended();
  void refreshBoard();
  if (id === undefined || id === task.id()) void refreshTask();
}

function announce({ task: id, status }) {
  if (!["succeeded", "failed", "cancelled"].includes(status)) return;
  say(`${titles.get(id) ?? id}: ${status}`);
  titles.delete(id);
}

const STATES = { live: "live", polling: "every 2 s", lost: "no connection" };

function onState(state) {
  const place = document.getElementById("connection");
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  document.getElementById("connection-text").textContent = STATES[state];
  if (state === "lost") say("The connection to the coordinator is lost; what is shown may be old.");
}

function showHelp() {
  const keys = [
    ["j, k", "next and previous task"],
    ["Enter", "open it"],
    ["Esc", "close the task or the form"],
    ["n", "new task"],
    ["/", "search"],
    ["?", "this"],
    ["Ctrl+Enter", "hand in, send"],
  ];
  const dialog = h(
    "dialog",
    { "aria-labelledby": "keys-title", class: "keys-help" },
    h("h2", { id: "keys-title" }, "Keys"),
    h("dl", {}, ...keys.map(([key, text]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)))),
    h("p", { class: "actions" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function move(step) {
  const ways = [...document.querySelectorAll("#main a.way")];
  if (ways.length === 0) return;
  const focused = ways.indexOf(document.activeElement);
  const from = focused === -1 ? ways.findIndex((way) => way.hasAttribute("aria-current")) : focused;
  const next = ways[Math.min(ways.length - 1, Math.max(0, from === -1 ? 0 : from + step))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const isTyping = target.closest("input, textarea, select, dialog") !== null;
  if (key === "Escape" && target === search) {
    search.value = "";
    search.blur();
    go({ q: undefined }, { replace: true });
    return;
  }
  if (isTyping) return;
  if (key === "Escape" && task.isOpen()) go({ task: undefined });
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "n") void form.open(readAddress().session);
  else if (key === "/") search.focus();
  else if (key === "?") showHelp();
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const way = event.target.closest("a[data-way]");
  if (way === null || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  goTo(way.getAttribute("href"));
});

let searching;
search.addEventListener("input", () => {
  clearTimeout(searching);
  searching = setTimeout(() => go({ q: search.value.trim() || undefined }, { replace: true }), SEARCH_REST_MS);
});

document.getElementById("new").addEventListener("click", () => void form.open(readAddress().session));
document.getElementById("help").addEventListener("click", showHelp);
document
  .getElementById("pause")
  .addEventListener("click", () => post(paused ? "/resume" : "/pause", {}).then(refreshAll, failed));
document
  .getElementById("sign-out")
  .addEventListener("click", () => post("/sign-out").then(() => location.reload(), failed));
document.addEventListener("address", showAddress);
addEventListener("popstate", showAddress);
document.addEventListener("signed-out", () => {
  if (signedOut) return;
  signedOut = true;
  const dialog = h(
    "dialog",
    { "aria-labelledby": "out-title", class: "keys-help" },
    h("h2", { id: "out-title" }, "This browser is not signed in any more"),
    h("p", {}, "In a terminal, in the folder of the workspace: ", h("code", {}, "codex-inbox open")),
  );
  document.body.append(dialog);
  dialog.showModal();
});

const wide = matchMedia("(min-width: 760px)");
const fold = () => document.getElementById("sessions").toggleAttribute("open", wide.matches);
wide.addEventListener("change", fold);
fold();
showAddress();
follow({ onEvent, onPoll: refreshAll, onState });
