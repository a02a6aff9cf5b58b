/** One task of a list. */
import { addressWith } from "../address.js";
import { post } from "../api.js";
import { commandLine, h, say } from "../show/dom.js";
import { whatToDo } from "../show/hints.js";
import { clock, tokens } from "../show/times.js";
import { failed, stateName } from "../show/words.js";

const FIRST_LINE_MAX = 200;

/** @param {TaskView} task @param {() => Promise<unknown>} again */
export function row(task, again) {
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

/** What is to be known of it at a glance. @param {TaskView} task @returns {readonly import("../show/dom.js").Child[]} */
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
