/** Durations, times and amounts for people. */
import { h } from "./dom.js";

/** @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "";
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${Math.floor(hours / 24)} days`;
}

/** An element that shows how long ago, or for how long, and goes on doing so. @param {string} since @param {"ago" | "for"} way */
export function clock(since, way) {
  const element = h("time", { datetime: since, title: localTime(since), class: "clock", "data-way": way });
  tick(element, Date.now());
  return element;
}

/** @param {HTMLTimeElement} element @param {number} nowMs */
function tick(element, nowMs) {
  const ms = nowMs - Date.parse(element.dateTime);
  const text = element.dataset.way === "for" ? duration(ms) : ago(ms);
  if (element.textContent !== text) element.textContent = text;
}

/** @param {number} ms */
function ago(ms) {
  if (ms < 0) return `in ${duration(-ms)}`;
  if (ms < 60_000) return "just now";
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 36 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}

setInterval(() => {
  const nowMs = Date.now();
  /** @type {NodeListOf<HTMLTimeElement>} */
  const clocks = document.querySelectorAll("time.clock");
  for (const element of clocks) tick(element, nowMs);
}, 1_000);

/** @param {string | null | undefined} time */
export function localTime(time) {
  if (time === null || time === undefined) return "";
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** A time to come, without its day where that is today. @param {string} time */
export function timeToCome(time) {
  const at = new Date(time);
  const isToday = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(undefined, { ...(!isToday && { dateStyle: "medium" }), timeStyle: "short" });
}

/** @param {{ inputTokens: number, outputTokens: number } | null | undefined} usage */
export function tokens(usage) {
  if (usage === null || usage === undefined) return "";
  const all = usage.inputTokens + usage.outputTokens;
  if (all < 1_000) return `${all} tokens`;
  return all < 999_500 ? `${Math.round(all / 1_000)} k tokens` : `${(all / 1_000_000).toFixed(1)} M tokens`;
}
