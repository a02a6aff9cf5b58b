/** What was said and done in a task, also while it runs. */
import { commandLine, h, reconcile, within } from "../show/dom.js";
import { rendered } from "../show/markdown.js";
import { duration, localTime } from "../show/times.js";
import { fileList, output } from "./changes.js";

/** Brings `section` to what `log` says. @param {HTMLElement} section @param {TaskView} task @param {LogView | undefined} log @param {boolean} isOpen the task goes on */
export function showLog(section, task, log, isOpen) {
  within(section, "h3").textContent = isOpen ? "Live log" : "Log";
  const entries = (log?.entries ?? []).filter(({ body }) => body.kind !== "user" && body.kind !== "context");
  section.hidden = entries.length === 0 && !isOpen;
  const list = within(section, "ol");
  reconcile(list, entries, {
    key: ({ run, line, body, thread }) => `${run}-${line}-${body.kind}-${thread}`,
    make: (entry) => h("li", { class: `entry ${entry.body.kind}` }, timeOf(entry), ...entryParts(entry, isOpen)),
    signature: (entry) => [entry, isOpen],
  });
  for (const note of section.querySelectorAll(".note")) note.remove();
  list.before(...notes(task, log, isOpen && entries.length === 0));
}

/** @param {TaskView} task @param {LogView | undefined} log @param {boolean} isEmpty */
function notes({ id, status }, log, isEmpty) {
  const all = [];
  if (log !== undefined && log.leftOut > 0)
    all.push(
      h("p", { class: "quiet note" }, `${log.leftOut} earlier entries: `, h("code", {}, `codex-inbox log ${id}`)),
    );
  if (isEmpty) all.push(h("p", { class: "quiet note" }, status === "queued" ? "It has not begun." : "Nothing yet."));
  return all;
}

/** @param {LogEntry} entry */
function timeOf({ time }) {
  if (time === null) return undefined;
  return h("time", { class: "at", datetime: time, title: localTime(time) }, new Date(time).toLocaleTimeString());
}

/** What one entry of a transcript looks like. @param {LogEntry} entry @param {boolean} isOpen @returns {readonly import("../show/dom.js").Child[]} */
function entryParts({ body, durationMs }, isOpen) {
  switch (body.kind) {
    case "assistant":
      return [rendered(body.text)];
    case "reasoning":
      return [h("div", { class: "quiet" }, rendered(body.text))];
    case "command": {
      const isOver = !isOpen || body.exitCode !== null || !["in_progress", "unfinished"].includes(body.status);
      const outcome = body.exitCode === null ? body.status : `exit code ${body.exitCode}`;
      const words = isOver ? [outcome, duration(durationMs)].filter(Boolean).join(" · ") : "runs";
      const line = [commandLine(body.command), h("span", { class: body.exitCode ? "bad" : "quiet" }, ` ${words}`)];
      return [body.output ? h("details", {}, h("summary", {}, ...line), output(body.output)) : h("p", {}, ...line)];
    }
    case "files":
      return [fileList(body.changes)];
    case "tool":
      return [
        h("p", {}, h("code", {}, body.name), " ", h("span", { class: "quiet" }, `${body.status} ${body.detail}`)),
      ];
    case "verify":
      return [
        h("p", {}, commandLine(body.command), " ", h("span", { class: "quiet" }, `verification ${body.what}`)),
        body.output && h("details", {}, h("summary", {}, "Output"), output(body.output)),
      ];
    case "error":
      return [h("p", { class: "bad" }, body.message)];
    case "end":
      return [h("p", { class: "quiet" }, `run ${body.outcome}${body.reason ? `: ${body.reason}` : ""}`)];
    default:
      return [h("p", { class: "quiet" }, body.kind)];
  }
}
