/**
 * What the text of a commit makes a host do, and where a space stops it while the words stay readable. Each is looked for in any case.
 * Which host reads what, and where that is written: docs/decisions/0041-commit-messages-that-do-nothing.md.
 */
const ORDERS: readonly (readonly [order: RegExp, inert: string])[] = [
  /** A mention, of a person or team. An address is none. */
  [/(?<!\w)@(?=\w)/g, "@ "],
  /** A number or command of an issue (`#3`, `owner/name#3`, `#close`), and GitLab's of a merge request. */
  [/#(?=\w)/g, "# "],
  [/!(?=\d)/g, "! "],
  [/\bG[HL]-(?=\d)/gi, "$& "],
  [/\[(?=(?:issue|work_item|epic|merge_request):)/gi, "[ "],
  [/\/(?:issues|pull|merge_requests|work_items|epics)\/(?=\d)/gi, "$& "],
  /** A key of another tracker behind a word that closes it. */
  [
    /(?:[Cc]los(?:e[sd]?|ing)|[Ff]ix(?:e[sd]|ing)?|[Rr]esolv(?:e[sd]?|ing)|[Ii]mplement(?:s|ed|ing)?|[Cc]omplet(?:e[sd]?|ing)):?(?=[ \t]+(?:issues?[ \t]+)?[A-Z][A-Z0-9_]{0,40}-\d)/g,
    "$& -",
  ],
  /** Words that keep checks from running. */
  [/\[(?=(?:[\w-][\w -]{0,40})?(?:skip|no[ _-]?ci))/gi, "[ "],
  [/\*\*\*(?=no_ci)/gi, "*** "],
  [/--(?=skip|ci-skip|no-ci)/gi, "-- "],
  [/skip-checks(?=:)/gi, "$& "],
  /** What makes a release tool publish a major version. */
  [/^[ \t|*]*breaking(?=[ -]change(?:[\s:]|$))/gim, "$& -"],
  /** Credit and consent (`Co-authored-by`, `Signed-off-by`, `Reviewed-by` and others). */
  [/-(?:by|to)(?=:)/gi, "$& "],
];

/** Returns `text` such that a host finds no order in it: it mentions nobody, closes and names no issue, skips no check, gives no credit. Done twice, nothing more changes. */
export function inertText(text: string): string {
  let inert = text;
  for (const [order, replacement] of ORDERS) inert = inert.replace(order, replacement);
  return inert;
}
