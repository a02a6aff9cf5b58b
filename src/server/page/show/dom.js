/** What turns text of others into what is seen: by textContent alone, so that nothing in it acts. */

/** Codes that are not seen, and those that turn the writing direction: shown as what they are. */
const UNSEEN =
  /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** What an element can be given as children. @typedef {Node | string | number | false | null | undefined} Child */

/** @param {unknown} value */
export function visible(value) {
  return String(value ?? "")
    .replaceAll("\r\n", "\n")
    .replace(UNSEEN, (code) => (code === "\n" || code === "\t" ? code : escapeOf(code)));
}

/** @param {string} code */
function escapeOf(code) {
  const units = [...Array(code.length).keys()].map((at) => code.charCodeAt(at).toString(16).padStart(4, "0"));
  return units.map((unit) => `\\u${unit}`).join("");
}

/**
 * Makes an element. A property that begins with `on` is a listener, all others are attributes; children are elements or texts.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, string | number | boolean | null | undefined | ((event: any) => unknown)>>} [properties]
 * @param {...(Child | readonly Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...texts(children));
  return element;
}

/** @param {readonly (Child | readonly Child[])[]} children @returns {(Node | string)[]} */
function texts(children) {
  return children
    .flat()
    .filter((child) => child !== undefined && child !== null && child !== false)
    .map((child) => (child instanceof Node ? child : visible(child)));
}

/** The element of the page that has this id. @param {string} id @returns {HTMLElement} */
export function part(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** What `selector` finds in an element that has it. @param {ParentNode} place @param {string} selector @returns {HTMLElement} */
export function within(place, selector) {
  return /** @type {HTMLElement} */ (place.querySelector(selector));
}

/** What an element of a list shows, as JSON. @type {WeakMap<Element, string>} */
const shownBy = new WeakMap();

/**
 * Makes the children of `list` those of `items`, by key. What shows the same as before is not touched: focus and selection stay.
 *
 * @template Item
 * @param {Element} list
 * @param {readonly Item[]} items
 * @param {{ key: (item: Item) => string, make: (item: Item) => HTMLElement, signature?: (item: Item) => unknown }} how
 */
export function reconcile(list, items, { key, make, signature = (item) => item }) {
  const wanted = new Set(items.map(key));
  const before = new Map(childrenOf(list).map((child) => [child.dataset.key, child]));
  for (const child of childrenOf(list)) {
    const name = child.dataset.key ?? "";
    if (!wanted.has(name) || before.get(name) !== child) child.remove(); // First: what stays is not moved for it.
  }
  let at = list.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const shown = JSON.stringify(signature(item));
    let element = before.get(name);
    before.delete(name);
    if (element === undefined || shownBy.get(element) !== shown) {
      const made = make(item);
      made.dataset.key = name;
      shownBy.set(made, shown);
      const focused = element?.contains(document.activeElement) ? document.activeElement : undefined;
      if (element === undefined) list.insertBefore(made, at);
      else {
        if (at === element) at = made;
        element.replaceWith(made);
      }
      element = made;
      const name_ = focused instanceof HTMLElement ? focused.dataset.focus : undefined;
      if (name_ !== undefined) within(made, `[data-focus="${name_}"]`)?.focus({ preventScroll: true });
    }
    if (element === at) at = element.nextElementSibling;
    else list.insertBefore(element, at);
  }
}

/** @param {Element} list */
function childrenOf(list) {
  return /** @type {HTMLElement[]} */ ([...list.children]);
}

/** Codex hands what it runs to a shell: that is left out, where nothing in the line is quoted for it. @param {string} text */
export function commandLine(text) {
  const [, , inner] = /^\/(?:usr\/)?bin\/(?:ba|z)?sh -l?c (["'])([^"'\\]*)\1$/.exec(text) ?? [];
  return h("code", { class: "command", title: inner === undefined ? undefined : visible(text) }, `$ ${inner ?? text}`);
}

/** Says something to those who do not see it. @param {string} text */
export function say(text) {
  part("said").textContent = visible(text);
}
