/** Words for people, and what is said when something does not work. */
import { h, part, say } from "./dom.js";

/** A status that has another name here. @type {ReadonlyMap<string, string>} */
const NAMES = new Map([["queued", "waiting"]]);

/** @param {{ status: string }} task */
export function stateName({ status }) {
  return NAMES.get(status) ?? status;
}

/** Shows why something could not be asked, until that is closed; of a connection that is lost its state tells. @param {unknown} error */
export function failed(error) {
  if (/** @type {{ status?: number }} */ (error).status !== 0) refused(error);
  return undefined;
}

/** Shows why something that the user wanted was not done, until that is closed. @param {unknown} error */
export function refused(error) {
  const { name, message, status } = /** @type {Error & { status?: number }} */ (error);
  if (name !== "AbortError" && status !== 401) showError(message);
}

/** @param {string} message */
function showError(message) {
  const place = part("notices");
  place.querySelector(".error")?.remove();
  /** @type {HTMLElement} */
  const close = h("button", { type: "button", class: "plain", onclick: () => notice.remove() }, "Close");
  const notice = h("p", { class: "notice error", role: "alert" }, h("span", {}, message), close);
  place.append(notice);
  say(message);
}
