/** What is known of a task: session, times, tokens, where it lies; and what stands in its way. */
import { addressWith } from "../address.js";
import { commandLine, h } from "../show/dom.js";
import { whatToDo } from "../show/hints.js";
import { clock, duration, localTime, tokens } from "../show/times.js";

/** @typedef {import("../show/dom.js").Child} Child */

/** Characters of a commit's id. */
const COMMIT_SHOWN = 10;

/** It stays as it is while what it shows changes, and for the next task. */
let showsDetails = false;

/** @param {TaskDetails} task */
export function facts(task) {
  const isOver = task.endedAt !== null;
  const took = isOver
    ? duration(task.totalDurationMs ?? task.durationMs)
    : task.status !== "queued" && task.startedAt && clock(task.startedAt, "for");
  const session = { session: task.sessionKey, status: undefined, q: undefined };
  /** @type {readonly [string, Child][]} */
  const brief = [
    ["Session", h("a", { href: addressWith(session), "data-way": true }, task.sessionKey)],
    [isOver ? "Took" : "Runs for", took],
    ["Tokens", tokens(task.totalUsage ?? task.usage)],
    [isOver ? "Ended" : "Accepted", clock(task.endedAt ?? task.acceptedAt ?? new Date().toISOString(), "ago")],
    ["Model", task.model],
    ["Commit", task.commit && h("code", { title: task.commit }, task.commit.slice(0, COMMIT_SHOWN))],
    ["Attempts", task.attempts > 1 && String(task.attempts)],
    ["Parent", link(task.parent)],
    ["Goes on in", link(task.followUpTask)],
  ];
  /** @type {readonly [string, Child][]} */
  const rest = [
    ["Id", h("code", {}, task.id)],
    ["Accepted", time(task.acceptedAt)],
    ["Ended", time(task.endedAt)],
    ["From", [task.origin, task.requestedBy].filter(Boolean).join(", ")],
    ["Edited by", task.editedBy],
    ["Works in", workplace(task)],
    ["Thread", task.thread && h("code", {}, task.thread)],
    ["Whole commit", task.commit && h("code", {}, task.commit)],
    [task.committed ? "In the branch" : "Will be", h("code", {}, task.path)],
  ];
  const noteDetails = (/** @type {{ target: HTMLDetailsElement }} */ { target }) => {
    showsDetails = target.open;
  };
  return h(
    "div",
    { class: "about-task" },
    list(brief),
    h(
      "details",
      { class: "more-facts", open: showsDetails, ontoggle: noteDetails },
      h("summary", {}, "Details"),
      list(rest),
    ),
  );
}

/** @param {TaskDetails} task */
function workplace({ workplace: place }) {
  if (place === null) return null;
  if (place.kind === "shared") return "the shared checkout";
  return h("span", {}, "a worktree of its session ", h("code", {}, place.branch ?? ""), ` ${place.dir ?? ""}`);
}

/** @param {readonly (readonly [string, Child])[]} rows */
function list(rows) {
  return h(
    "dl",
    { class: "facts" },
    ...rows.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** @param {string | null} id */
function link(id) {
  return id && h("a", { href: addressWith({ task: id }), "data-way": true }, id);
}

/** @param {string | null} value */
function time(value) {
  return value && h("time", { datetime: value, title: localTime(value) }, localTime(value));
}

/** What its run does at this moment. @param {NonNullable<TaskView["progress"]>} progress */
export function now({ command, commandSince, last, lastEventAt, commands, usage }) {
  const since = command ? commandSince : lastEventAt;
  const counts = [commands > 0 && `${commands} commands`, tokens(usage)].filter(Boolean).join(" · ");
  return h(
    "p",
    { class: "now" },
    command ? commandLine(command) : last,
    h("span", { class: "quiet" }, " ", since && clock(since, command ? "for" : "ago"), counts && ` · ${counts}`),
  );
}

/** Why it waits, or has failed, and what to do; nothing where nothing is wrong. @param {TaskDetails} task */
export function problem(task) {
  const parts = [];
  if (task.status === "queued" && task.hold)
    parts.push(
      h("p", {}, h("strong", {}, "Waits: "), task.hold, task.holdUntil && `, until ${localTime(task.holdUntil)}`),
    );
  if (task.holdRemedy) parts.push(h("p", { class: "todo" }, task.holdRemedy));
  if (task.reason && task.status !== "succeeded" && task.reason !== task.hold)
    parts.push(h("p", {}, h("strong", {}, task.status === "queued" ? "Last run: " : ""), task.reason));
  const todo = whatToDo(task);
  if (todo !== undefined) parts.push(h("p", { class: "todo" }, todo));
  for (const warning of task.warnings) parts.push(h("p", { class: "quiet" }, warning));
  return parts.length === 0 ? undefined : h("div", { class: `problem ${task.status}` }, ...parts);
}
