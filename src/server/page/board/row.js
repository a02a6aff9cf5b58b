/** One task of a list. */
import { addressWith } from "../address.js";
import { post } from "../api.js";
import { button } from "../show/button.js";
import { commandLine, h, say, visible } from "../show/dom.js";
import { whatToDo } from "../show/hints.js";
import { clock, tokens } from "../show/times.js";
import { stateName } from "../show/words.js";

const FIRST_LINE_MAX = 200;

/** @param {TaskView} task @param {TaskView | undefined} next the one that goes on from it @param {() => Promise<unknown>} again */
export function row(task, next, again) {
  const { id, title, status, sessionKey } = task;
  const retry = async () => {
    await post(`/tasks/${id}/retry`);
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
      h("span", { class: "about" }, ...about(task, next)),
      h("span", { class: "session" }, sessionName(sessionKey)),
      h("span", { class: "when" }, when(task)),
    ),
    status === "failed" &&
      next === undefined &&
      button("Retry", retry, { class: "small", "data-focus": "retry", "aria-label": `Retry: ${visible(title)}` }),
  );
}

/** What is to be known of it at a glance. @param {TaskView} task @param {TaskView | undefined} next @returns {readonly import("../show/dom.js").Child[]} */
function about(task, next) {
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
      return [
        h("span", { class: "reason" }, task.reason ?? "failed"),
        h("span", { class: "todo" }, next === undefined ? whatToDo(task) : goesOn(next)),
      ];
    default:
      return [firstLine(task.result) || task.reason || ""];
  }
}

/** @param {TaskView} next */
function goesOn(next) {
  return `Goes on in ${next.title} (${stateName(next)}).`;
}

/** @param {TaskView} task */
function when(task) {
  if (task.endedAt !== null) return clock(task.endedAt, "ago");
  if (task.status !== "queued" && task.startedAt !== null) return clock(task.startedAt, "for");
  return task.acceptedAt === null ? "" : clock(task.acceptedAt, "ago");
}

/** @param {string | null} text */
function firstLine(text) {
  const [line = ""] = (text ?? "").trim().split("\n", 1);
  return line.replace(/^[#>*\s-]+|[`*]/g, "").slice(0, FIRST_LINE_MAX);
}

/** A session that was made for one task needs no name. @param {string} key */
function sessionName(key) {
  return /^\d{4}-?\d{2}-?\d{2}\//.test(key) ? "" : key;
}
