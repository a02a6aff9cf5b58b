/** Words for people, and what is said when something does not work. */
import { h, say } from "./dom.js";

const NAMES = {
  queued: "waiting",
  running: "running",
  verifying: "verifying",
  stopping: "stopping",
  cancelled: "cancelled",
  failed: "failed",
  succeeded: "succeeded",
};

/** @param {{ status: string }} task */
export function stateName({ status }) {
  return NAMES[status] ?? status;
}

/** Shows what was refused, until it is closed. @param {Error & { status?: number }} error */
export function failed(error) {
  if (error.name === "AbortError" || error.status === 401) return undefined;
  if (error.status === 0) return undefined; // The connection's state tells.
  const place = document.getElementById("notices");
  place.querySelector(".error")?.remove();
  const close = h("button", { type: "button", class: "plain", onclick: () => notice.remove() }, "Close");
  const notice = h("p", { class: "notice error", role: "alert" }, h("span", {}, error.message), close);
  place.append(notice);
  say(error.message);
  return undefined;
}
