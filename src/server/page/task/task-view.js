/** One task: what was asked, what came of it, what it did, and what can be done about it. */
import { go } from "../address.js";
import { get, post } from "../api.js";
import { sessionWork, workOf } from "../session/work.js";
import { button } from "../show/button.js";
import { h, part, reconcile, say, within } from "../show/dom.js";
import { rendered } from "../show/markdown.js";
import { stateName } from "../show/words.js";
import { block, changedFiles, verification } from "./changes.js";
import { facts, now, problem } from "./facts.js";
import { editForm, followUp } from "./follow-up.js";
import { showLog } from "./log.js";

/** Entries of a log that are shown; more are a command away. */
const ENTRIES = 300;
const OPEN = ["queued", "running", "verifying", "stopping"];
/** So near its end, in pixels, what is read follows what comes. */
const AT_END = 60;

/** A part of the view: it is made anew where `of` is another. @typedef {{ name: string, of: unknown, make: () => HTMLElement }} ViewPart */

export function createTaskView() {
  const place = part("detail");
  /** @type {string | undefined} */
  let shown;
  /** @type {AbortController | undefined} */
  let asking;
  /** The task whose prompt is being changed. @type {string | undefined} */
  let edited;

  const close = () => {
    asking?.abort();
    shown = undefined;
    place.hidden = true;
    place.replaceChildren();
  };

  /** @param {string} id */
  const open = async (id) => {
    const isOther = shown !== id;
    if (isOther) {
      asking?.abort();
      [edited, shown] = [undefined, id];
      place.hidden = false;
      place.replaceChildren(h("p", { class: "quiet" }, "…"));
      place.scrollTop = 0;
    }
    asking = new AbortController();
    const { signal } = asking;
    try {
      const path = /** @type {const} */ (`/tasks/${encodeURIComponent(id)}`);
      const [task, log] = await Promise.all([
        get(path, { signal }),
        get(`${path}/log?last=${ENTRIES}`, { signal }).catch(noLog),
      ]);
      if (shown !== id) return;
      if (task.id !== id) {
        go({ task: task.id }, { replace: true }); // A part of its id was given: events name the whole.
        return;
      }
      const session = await get(`/sessions/${encodeURIComponent(task.sessionKey)}`, { signal }).catch(noLog);
      if (shown !== id) return;
      if (isOther) place.replaceChildren();
      show(task, log, session);
      if (isOther) within(place, "h2")?.focus({ preventScroll: true });
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      if (shown !== id || name === "AbortError") return;
      if (isOther)
        place.replaceChildren(
          h("div", { class: "nothing" }, h("p", { role: "alert" }, message), h("p", {}, closeButton())),
        );
    }
  };

  /** @param {TaskDetails} task @param {LogView | undefined} log @param {SessionView | undefined} session */
  const show = (task, log, session) => {
    const isOpen = OPEN.includes(task.status);
    const isEdited = edited === task.id && task.status === "queued";
    const atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < AT_END;
    const top = [
      { name: "head", of: [task.title, task.status, task.sessionKey], make: () => head(task) },
      { name: "facts", of: { ...task, result: null, progress: null }, make: () => facts(task) },
    ];
    const end = [
      { name: "log", of: null, make: () => block("Log", h("ol", { class: "log" })) },
      { name: "follow-up", of: task.sessionKey, make: () => followUp(task) },
    ];
    const edit_ = { name: "edit", of: task.id, make: () => editForm(task, () => edit(undefined, task.id)) };
    const work = workOf(session);
    const ofSession = { name: "work", of: work, make: () => workBlock(task.id, work) };
    const made = work === undefined ? outcome(task, log) : [...outcome(task, log), ofSession];
    const middle = isEdited ? [...made, edit_] : [...made, ...prompt(task, log)];
    reconcile(place, [...top, ...middle, ...end], {
      key: ({ name }) => name,
      make: ({ make }) => make(),
      signature: ({ of }) => of,
    });
    const section = within(place, "[data-key=log]");
    section.ariaLabel = isOpen ? "Live log" : "Log";
    showLog(section, task, log, isOpen);
    if (isOpen && atEnd && place.scrollTop > 0) place.scrollTop = place.scrollHeight;
  };

  /** @param {string} id @param {ReturnType<typeof workOf>} work */
  const workBlock = (id, work) => block("Work of its session", work && sessionWork(work, () => open(id)));

  /** Has the prompt of task `which` edited, or of none. @param {string | undefined} which @param {string} id */
  const edit = async (which, id) => {
    edited = which;
    await open(id);
    within(place, "#edited")?.focus();
  };

  /** @param {TaskDetails} task */
  const head = (task) => {
    const stop = async () => {
      await post(`/tasks/${task.id}/stop`);
      say("Stop was asked for");
      await open(task.id);
    };
    const retry = async () => go({ task: (await post(`/tasks/${task.id}/retry`)).id });
    const mayStop = OPEN.includes(task.status) && task.status !== "stopping";
    const mayRetry = task.status === "failed" || task.status === "cancelled";
    return h(
      "header",
      { class: `task-head ${task.status}` },
      h("p", { class: "state" }, h("span", { class: "dot", "aria-hidden": "true" }), stateName(task)),
      h("h2", { tabindex: "-1" }, task.title),
      h(
        "p",
        { class: "actions" },
        task.status === "queued" && button("Edit", () => edit(task.id, task.id), { "data-focus": "edit" }),
        mayStop && button("Stop", stop, { "data-focus": "stop" }),
        mayRetry && button("Retry", retry, { class: "primary", "data-focus": "retry" }),
        closeButton(),
      ),
    );
  };

  return { open, close, isOpen: () => shown !== undefined, id: () => shown };
}

function closeButton() {
  const close = () => go({ task: undefined });
  return h(
    "button",
    { type: "button", class: "plain close", onclick: close, "aria-label": "Close the task", "data-focus": "close" },
    "Close",
  );
}

/** What it does now, what is wrong with it, and what has come of it. @param {TaskDetails} task @param {LogView | undefined} log @returns {readonly ViewPart[]} */
function outcome(task, log) {
  const { progress, result, verification: verified, changedFiles: files, changes } = task;
  const trouble = problem(task);
  const { status, hold, holdUntil, holdRemedy, reason, failure, warnings } = task;
  const printed = task.verificationOutput ?? endOf(log);
  /** @type {(ViewPart | false | undefined)[]} */
  const parts = [
    progress !== null && { name: "now", of: progress, make: () => now(progress) },
    trouble && {
      name: "problem",
      of: [status, hold, holdUntil, holdRemedy, reason, failure, warnings],
      make: () => trouble,
    },
    result ? { name: "answer", of: result, make: () => block("Answer", rendered(result)) } : undefined,
    verified !== null && {
      ...{ name: "verification", of: [verified, printed] },
      make: () => verification(verified, printed),
    },
    files.length + changes.length > 0 && { name: "files", of: [files, changes], make: () => changedFiles(task) },
  ];
  return parts.filter((one) => one !== false && one !== undefined);
}

/** What the last verification of a task has printed. @param {LogView | undefined} log */
function endOf(log) {
  const body = log?.entries.findLast((entry) => entry.body.kind === "verify")?.body;
  return body?.kind === "verify" ? body.output : undefined;
}

/** @param {TaskDetails} task @param {LogView | undefined} log @returns {readonly ViewPart[]} */
function prompt(task, log) {
  const body = log?.entries.find((entry) => entry.body.kind === "user")?.body;
  const text = task.prompt ?? (body?.kind === "user" ? body.text : undefined);
  return text ? [{ name: "prompt", of: text, make: () => block("Prompt", rendered(text)) }] : [];
}

/** @param {{ status?: number }} error */
function noLog(error) {
  if (error.status === 404) return undefined;
  throw error;
}
