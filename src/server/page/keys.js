/** What the keyboard does. */
import { go } from "./address.js";
import { h } from "./show/dom.js";

const KEYS = [
  ["j, k", "next and previous task"],
  ["Enter", "open it"],
  ["Esc", "close the task or the form"],
  ["n", "new task"],
  ["/", "search"],
  ["?", "this"],
  ["Ctrl+Enter", "hand in, send"],
];

export function showHelp() {
  /** @type {HTMLDialogElement} */
  const dialog = h(
    "dialog",
    { "aria-labelledby": "keys-title", class: "keys-help" },
    h("h2", { id: "keys-title" }, "Keys"),
    h("dl", {}, ...KEYS.map(([key, text]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)))),
    h("p", { class: "actions" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {number} step */
function move(step) {
  /** @type {HTMLElement[]} */
  const ways = [...document.querySelectorAll("#main a.way")].filter((way) => way instanceof HTMLElement);
  const focused = document.activeElement instanceof HTMLElement ? ways.indexOf(document.activeElement) : -1;
  const from = focused === -1 ? ways.findIndex((way) => way.hasAttribute("aria-current")) : focused;
  const next = ways[Math.min(ways.length - 1, Math.max(0, from === -1 ? 0 : from + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** @param {{ search: HTMLInputElement, newTask: () => void, isTaskOpen: () => boolean }} page */
export function listenToKeys({ search, newTask, isTaskOpen }) {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (key === "Escape" && target === search) {
      search.value = "";
      search.blur();
      go({ q: undefined }, { replace: true });
      return;
    }
    if (target instanceof Element && target.closest("input, textarea, select, dialog") !== null) return;
    if (key === "Escape" && isTaskOpen()) go({ task: undefined });
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "n") newTask();
    else if (key === "/") search.focus();
    else if (key === "?") showHelp();
    else return;
    event.preventDefault();
  });
}
