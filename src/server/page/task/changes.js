/** What a task has left: its verification, and the files that it has changed. */
import { get } from "../api.js";
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

/** The files, and on request how they were changed: text of others, shown as text. @param {Pick<TaskView, "id" | "changedFiles" | "changes">} task */
export function changedFiles({ id, changedFiles: changed, changes }) {
  const more = changed.length - FILES_MAX;
  const place = h("div", { class: "diff" });
  const show = async () => {
    try {
      /** @type {TaskDiff} */
      const { changes: runs } = await get(`/tasks/${encodeURIComponent(id)}/diff`);
      place.replaceChildren(...runs.flatMap(runDiff));
    } catch (error) {
      place.replaceChildren(h("p", { class: "quiet" }, error instanceof Error ? error.message : String(error)));
    }
  };
  const button = h("button", { type: "button", class: "plain", onclick: show, "data-focus": "diff" }, "Show the diff");
  const said = changes.flatMap(({ problem, leftOut, held }) => [
    ...(problem === null ? [] : [`Not recorded: ${problem}`]),
    ...(held === null ? [] : [`Held because of what looks like a secret: git show ${held.ref}`]),
    ...leftOut.map(({ path, why }) => `Not in the commit: ${path} (${why})`),
  ]);
  return block(
    `Changed files (${changed.length})`,
    fileList(changed.slice(0, FILES_MAX)),
    more > 0 && h("p", { class: "quiet" }, `${more} more: `, h("code", {}, `codex-inbox show ${id}`)),
    ...said.map((words) => h("p", { class: "quiet" }, words)),
    ...(changes.some(({ commit }) => commit !== null) ? [button, place] : []),
  );
}

/** @param {TaskDiff["changes"][number]} change @returns {HTMLElement[]} */
function runDiff({ run, commit, diff, isCut, missing }) {
  const end = isCut ? "\n… cut: codex-inbox diff shows more" : "";
  const name = `Run ${run}${commit === null ? "" : ` · ${commit.slice(0, 12)}`}`;
  return [h("p", { class: "quiet" }, name), diff === null ? h("p", {}, missing ?? "") : output(`${diff}${end}`)];
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
        h(
          "span",
          {},
          h("code", {}, path),
          by === "other" && h("span", { class: "quiet" }, " not by a patch of the agent"),
        ),
      );
    }),
  );
}

/** @param {string} text */
export function output(text) {
  return h("pre", { class: "output", tabindex: "0" }, text);
}
