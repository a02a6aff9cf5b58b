/** Markdown of prompts and answers as elements: no markup of theirs, no scripts, nothing that loads by itself. */

import { Marked } from "../marked.js";
import purify from "../purify.js";
import { h, visible } from "./dom.js";

/** A longer text is shown as it is. */
const CHARACTERS_MAX = 100_000;

/** Deeper nesting than this is shown as it is. */
const NESTED = /^(?:[ \t]*(?:[>*+-]|\d{1,9}[.)])){30}/m;
/** A table with more cells is shown as it is. */
const CELLS_MAX = 20_000;
/**
 * Each sign of a paragraph is looked for in all that follows it there: 100,000 characters of `*a_` took two minutes. A text whose characters
 * are looked at more often than this, on average or together, is shown as it is.
 */
const LOOKS_EACH_MAX = 300;
const LOOKS_MAX = 10_000_000;

const TAGS = "p h3 h4 h5 h6 ul ol li pre code blockquote a strong em del hr br table thead tbody tr th td".split(" ");

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Characters that may still be looked at. */
let looks = 0;

/** @param {string} text what is left of a text or of a part of it @returns {false} as usual */
function look(text) {
  looks -= text.length;
  if (looks < 0) throw new Error("too much to read");
  return false;
}

/** Whether a table that begins here has more cells than can be shown. @param {string} text */
function isHugeTable(text) {
  const [table = ""] = text.split(/\n[ \t]*\n/, 1);
  const [head = ""] = table.split("\n", 1);
  return (head.split("|").length - 1) * (table.split("\n").length - 1) > CELLS_MAX;
}

const marked = new Marked({
  gfm: true,
  // What is looked for first wherever something may begin is a sign behind a backslash.
  tokenizer: { escape: look, table: (text) => (isHugeTable(text) ? undefined : false) },
  renderer: {
    // Markup is text here.
    html: ({ text }) => escaped(text),
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(`image: ${text === "" ? href : text}`)}</a>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    heading({ tokens, depth }) {
      const level = Math.min(6, depth + 3);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
  },
});

purify.addHook("afterSanitizeAttributes", (node) => {
  if (!(node instanceof HTMLAnchorElement)) return;
  const href = node.getAttribute("href");
  if (href === null) return;
  node.setAttribute("rel", "noopener noreferrer nofollow");
  node.setAttribute("target", "_blank");
  node.setAttribute("title", href);
});

/**
 * @param {string} text
 * @returns {HTMLElement}
 */
export function rendered(text) {
  const shown = visible(text);
  if (shown.length > CHARACTERS_MAX || NESTED.test(shown)) return h("pre", { class: "text", tabindex: 0 }, shown);
  const place = h("div", { class: "prose" });
  looks = Math.min(LOOKS_MAX, shown.length * LOOKS_EACH_MAX);
  try {
    const fragment = purify.sanitize(String(marked.parse(shown)), {
      ALLOWED_TAGS: TAGS,
      ALLOWED_ATTR: ["href", "start", "align"],
      ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
      ALLOW_DATA_ATTR: false,
      ALLOW_ARIA_ATTR: false,
      RETURN_DOM_FRAGMENT: true,
    });
    for (const block of fragment.querySelectorAll("pre, table")) block.setAttribute("tabindex", "0"); // They scroll, by keyboard too.
    place.append(fragment);
  } catch {
    place.append(h("pre", { class: "text" }, shown)); // A text that cannot be read as Markdown is still a text.
  }
  return place;
}
