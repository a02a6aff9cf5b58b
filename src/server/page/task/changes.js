/** What a task has left: its verification, and the files that it has changed. */
import { commandLine, h } from "../show/dom.js";
import { duration } from "../show/times.js";

/** Changed files that are listed. */
const FILES_MAX = 200;

/** @type {ReadonlyMap<string, string>} */
const LETTERS = new Map([
  ["add", "A"],
  ["added", "A"],
  ["update", "M"],
  ["modified", "M"],
  ["delete", "D"],
  ["deleted", "D"],
  ["rename", "R"],
  ["renamed", "R"],
]);

/** @param {string} title @param {...import("../show/dom.js").Child} content */
export function block(title, ...content) {
  return h("section", { class: "block", "aria-label": title }, h("h3", {}, title), ...content);
}

/** @param {TaskView["verification"] & {}} facts @param {string | null | undefined} printed the end of what it has printed */
export function verification({ command, outcome, exitCode, durationMs }, printed) {
  const words = [
    outcome,
    typeof exitCode === "number" && `exit code ${exitCode}`,
    typeof durationMs === "number" && duration(durationMs),
  ];
  return block(
    "Verification",
    h(
      "p",
      {},
      commandLine(String(command ?? "")),
      " ",
      h("span", { class: "quiet" }, words.filter(Boolean).join(" · ")),
    ),
    printed && output(printed),
  );
}

/** @param {TaskView} task */
export function changedFiles({ id, changedFiles: changed }) {
  const more = changed.length - FILES_MAX;
  return block(
    `Changed files (${changed.length})`,
    fileList(changed.slice(0, FILES_MAX)),
    more > 0 && h("p", { class: "quiet" }, `${more} more: `, h("code", {}, `codex-inbox show ${id}`)),
  );
}

/** @param {readonly { readonly path: string, readonly change: string, readonly by?: string | null }[]} files */
export function fileList(files) {
  return h(
    "ul",
    { class: "files" },
    ...files.map(({ path, change, by }) => {
      const letter = LETTERS.get(change);
      return h(
        "li",
        {},
        h("abbr", { title: change, class: `change ${letter ?? ""}` }, letter ?? change),
        h("code", {}, path),
        by === "other" && h("span", { class: "quiet" }, " not by a patch of the agent"),
      );
    }),
  );
}

/** @param {string} text */
export function output(text) {
  return h("pre", { class: "output", tabindex: "0" }, text);
}
