/** Buttons that ask the coordinator for something: once at a time, and what comes of it is said. */
import { h } from "./dom.js";
import { refused } from "./words.js";

/**
 * Makes a button that runs `work`; while that goes on, it does nothing: a task that is retried twice is two tasks.
 *
 * @param {string} text
 * @param {() => Promise<unknown>} work
 * @param {Readonly<Record<string, string | boolean>>} [properties]
 */
export function button(text, work, properties = {}) {
  /** @type {HTMLButtonElement} */
  const made = h(
    "button",
    { type: "button", onclick: once(work, (isBusy) => busy(made, isBusy)), ...properties },
    text,
  );
  return made;
}

/**
 * Returns a listener that runs `work` unless it is still running, and shows what was refused.
 *
 * @param {() => Promise<unknown>} work
 * @param {(isBusy: boolean) => void} [show]
 */
export function once(work, show = () => undefined) {
  let isBusy = false;
  return async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    show(true);
    await work().catch(refused);
    isBusy = false;
    show(false);
  };
}

/** Not `disabled`: that would take the focus away. @param {Element} element @param {boolean} isBusy */
function busy(element, isBusy) {
  if (isBusy) element.setAttribute("aria-disabled", "true");
  else element.removeAttribute("aria-disabled");
}
