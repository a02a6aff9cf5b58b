/** What stands above the tasks of a session that was chosen. */
import { go } from "../address.js";
import { post } from "../api.js";
import { button } from "../show/button.js";
import { h } from "../show/dom.js";
import { duration, tokens } from "../show/times.js";
import { sessionWork, workOf } from "./work.js";

/** @param {string} key @param {SessionView | undefined} session @param {boolean} isPaused by name: not because the whole queue is @param {() => Promise<unknown>} again */
export function sessionHead(key, session, isPaused, again) {
  const pause = () => post(isPaused ? "/resume" : "/pause", { session: key }).finally(again);
  const archive = () =>
    post(`/sessions/${encodeURIComponent(key)}/archive`, { undo: session?.archived }).finally(again);
  const work = workOf(session);
  const isIdle = session !== undefined && session.tasks.queued + session.tasks.running === 0;
  return h(
    "header",
    { class: "session-head" },
    h("h2", {}, key),
    h(
      "p",
      {},
      facts(session).join(" · "),
      session?.thread && h("span", { class: "thread", title: "codex's thread" }, session.thread),
    ),
    h(
      "p",
      { class: "actions" },
      session?.takenBy == null &&
        button(isPaused ? "Resume session" : "Pause session", pause, { "data-focus": "pause" }),
      isIdle && button(session.archived ? "Take out of the archive" : "Archive", archive, { "data-focus": "archive" }),
      h("button", { type: "button", onclick: () => go({ session: undefined }), "data-focus": "all" }, "All sessions"),
    ),
    work && sessionWork(work, again),
  );
}

/** @param {SessionView | undefined} session */
function facts(session) {
  if (session === undefined) return [];
  const { succeeded, failed: failures, cancelled, queued, running } = session.tasks;
  return [
    succeeded > 0 && `${succeeded} succeeded`,
    failures > 0 && `${failures} failed`,
    cancelled > 0 && `${cancelled} cancelled`,
    queued > 0 && `${queued} waiting`,
    running > 0 && `${running} running`,
    session.durationMs > 0 && duration(session.durationMs),
    tokens(session.usage),
  ].filter(Boolean);
}
