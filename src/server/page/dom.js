/** What turns text of others into what is seen: by textContent alone, so that nothing in it acts. */

/** Codes that are not seen, and those that turn the writing direction: shown as what they are. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;

/** @param {unknown} value */
export function visible(value) {
  return String(value ?? "")
    .replaceAll("\r\n", "\n")
    .replace(UNSEEN, (code) => `\\u${code.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Makes an element. A property with a hyphen, `for`, `role`, `href` and `class` is an attribute; `on…` a listener; children are elements or texts.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string | number | null | undefined | false)} children
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...texts(children));
  return element;
}

function texts(children) {
  return children
    .flat()
    .filter((child) => child !== undefined && child !== null && child !== false)
    .map((child) => (child instanceof Node ? child : visible(child)));
}

/**
 * Makes the children of `list` those of `items`, by key. What shows the same as before is not touched: focus and selection stay.
 *
 * @param {Element} list
 * @param {readonly unknown[]} items
 * @param {{ key: (item: any) => string, make: (item: any) => Element, signature?: (item: any) => unknown }} how
 */
export function reconcile(list, items, { key, make, signature = (item) => item }) {
  const wanted = new Set(items.map(key));
  for (const child of [...list.children]) if (!wanted.has(child.dataset.key)) child.remove(); // First: what stays is not moved for it.
  const before = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let at = list.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const shown = JSON.stringify(signature(item));
    let element = before.get(name);
    before.delete(name);
    if (element === undefined || element.shown !== shown) {
      const made = make(item);
      made.dataset.key = name;
      made.shown = shown;
      const focused = element?.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
      if (element === undefined) list.insertBefore(made, at);
      else {
        if (at === element) at = made;
        element.replaceWith(made);
      }
      element = made;
      if (focused !== undefined) made.querySelector(`[data-focus="${focused}"]`)?.focus({ preventScroll: true });
    }
    if (element === at) at = at.nextElementSibling;
    else list.insertBefore(element, at);
  }
}

/** Codex hands what it runs to a shell: that is left out, where nothing in the line is quoted for it. @param {string} text */
export function commandLine(text) {
  const [, , inner] = /^\/(?:usr\/)?bin\/(?:ba|z)?sh -l?c (["'])([^"'\\]*)\1$/.exec(text) ?? [];
  return h("code", { class: "command", title: inner === undefined ? undefined : visible(text) }, `$ ${inner ?? text}`);
}

/** Says something to those who do not see it. @param {string} text */
export function say(text) {
  const place = document.getElementById("said");
  place.textContent = visible(text);
}

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
  tickOne(element, Date.now());
  return element;
}

function tickOne(element, nowMs) {
  const ms = nowMs - Date.parse(element.dateTime);
  const text = element.dataset.way === "for" ? duration(ms) : ago(ms);
  if (element.textContent !== text) element.textContent = text;
}

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
  for (const element of document.querySelectorAll("time.clock")) tickOne(element, nowMs);
}, 1_000);

/** @param {string | null | undefined} time */
export function localTime(time) {
  if (time === null || time === undefined) return "";
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** @param {{ inputTokens: number, outputTokens: number } | null | undefined} usage */
export function tokens(usage) {
  if (usage === null || usage === undefined) return "";
  const all = usage.inputTokens + usage.outputTokens;
  if (all < 1_000) return `${all} tokens`;
  return all < 999_500 ? `${Math.round(all / 1_000)} k tokens` : `${(all / 1_000_000).toFixed(1)} M tokens`;
}
