/** The page: one board, one task beside it, and what both are told by the coordinator. */
import { go, goTo, readAddress } from "./address.js";
import { post } from "./api.js";
import { createBoard } from "./board/board.js";
import { createForm } from "./form.js";
import { listenToKeys, showHelp } from "./keys.js";
import { follow } from "./live.js";
import { showNotices } from "./notices.js";
import { once } from "./show/button.js";
import { h, part, say, within } from "./show/dom.js";
import { failed, refused } from "./show/words.js";
import { createTaskView } from "./task/task-view.js";

/** Between two looks at what has changed; a burst of events is one look. */
const REST_MS = 400;
const REST_FACTOR = 10;
/** So old is what is shown at most, however slow the coordinator is. */
const REST_MS_MAX = 5_000;
const SEARCH_REST_MS = 200;

const board = createBoard();
const task = createTaskView();
const form = createForm();
const columns = part("columns");
const search = /** @type {HTMLInputElement} */ (part("search"));
/** Of tasks that go on. @type {Map<string, string>} */
const titles = new Map();
let paused = false;
let signedOut = false;

/** Runs `work` now, not twice at the same time, and again only after a rest: ten times what it took, within bounds. @param {() => Promise<void>} work */
function rested(work) {
  let isAsked = false;
  let isBusy = false;
  const run = async () => {
    if (isBusy || signedOut || document.hidden) {
      isAsked = !signedOut; // What is not seen is not asked for: see "visibilitychange".
      return;
    }
    [isBusy, isAsked] = [true, false];
    const beganMs = performance.now();
    await work().catch(failed);
    const restMs = Math.min(REST_MS_MAX, Math.max(REST_MS, (performance.now() - beganMs) * REST_FACTOR));
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
  const id = task.id();
  if (id !== undefined) await task.open(id);
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
    if (was !== undefined) within(document, `.task[data-key="${CSS.escape(was)}"] a`)?.focus({ preventScroll: true });
  } else void task.open(id);
  lookAtBoard().catch(failed);
}

/** @param {StatusView} told */
function showStatus(told) {
  const { workspace, branch, server } = told;
  const name = workspace.split("/").filter(Boolean).at(-1) ?? workspace;
  document.title = `${name} · codex-inbox`;
  part("where").replaceChildren(String(name), h("span", { class: "branch" }, ` · ${branch}`));
  part("where").title = `${workspace}, process ${server?.pid ?? ""}`;
  paused = told.paused.queue !== null;
  part("pause").textContent = paused ? "Resume" : "Pause";
  showNotices(told, refreshAll);
}

/** Has what is shown looked at again: events only say that something has happened. @param {LiveEvent} event */
function onEvent(event) {
  const id = "task" in event ? event.task : undefined;
  if (event.kind === "accepted") titles.set(event.task, event.title);
  if (event.kind === "state") announce(event.task, event.status);
  if (event.kind === "land") say(landed(event));
  if (event.kind !== "item") board.ended();
  void refreshBoard();
  if (id === undefined || id === task.id()) void refreshTask();
}

/** @param {LiveEvent & { kind: "land" }} event */
function landed({ session, target, state }) {
  if (state === "landed") return `${session} is landed on ${target}`;
  return state === "conflict"
    ? `${session} does not merge into ${target}`
    : `${session}: the merge into ${target} is made`;
}

/** @param {string} id @param {string} status */
function announce(id, status) {
  if (!["succeeded", "failed", "cancelled"].includes(status)) return;
  say(`${titles.get(id) ?? id}: ${status}`);
  titles.delete(id);
}

const STATES = { live: "live", polling: "every 2 s", lost: "no connection" };

/** @param {import("./live.js").Connection} state */
function onState(state) {
  const place = part("connection");
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  part("connection-text").textContent = STATES[state];
  if (state === "lost") say("The connection to the coordinator is lost; what is shown may be old.");
}

const newTask = () => void form.open(readAddress().session);
listenToKeys({ search, newTask, isTaskOpen: task.isOpen });

document.addEventListener("click", (event) => {
  const way = event.target instanceof Element ? event.target.closest("a[data-way]") : null;
  if (way === null || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  goTo(way.getAttribute("href") ?? "/");
});

/** @type {number | undefined} */
let searching;
search.addEventListener("input", () => {
  clearTimeout(searching);
  searching = window.setTimeout(() => go({ q: search.value.trim() || undefined }, { replace: true }), SEARCH_REST_MS);
});

part("new").addEventListener("click", newTask);
part("help").addEventListener("click", showHelp);
part("pause").addEventListener(
  "click",
  // Who has done something sees it, whatever rest is due.
  once(() => post(paused ? "/resume" : "/pause", {}).then(lookAtBoard)),
);
part("sign-out").addEventListener("click", () => post("/sign-out").then(() => location.reload(), refused));
document.addEventListener("address", showAddress);
addEventListener("popstate", showAddress);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refreshAll();
});
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
const fold = () => part("sessions").toggleAttribute("open", wide.matches);
wide.addEventListener("change", fold);
fold();
showAddress();
follow({ onEvent, onPoll: refreshAll, onState });
