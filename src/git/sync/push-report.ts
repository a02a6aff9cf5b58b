import { oneLine } from "../../task/text/one-line.ts";

/** What became of a ref that was pushed. */
export type PushOutcome =
  /** The remote's ref is as it was to be, now or before. */
  | { readonly kind: "accepted" }
  /** It was not where it was expected to be, or holds what we do not: fetch, and look again. */
  | { readonly kind: "stale" }
  /** The remote does not want it: a hook, a protected branch, no room, no right to write. */
  | { readonly kind: "refused"; readonly reason: string };

const REASON_CHARACTERS_MAX = 200;
/** Somebody else was faster: seen by us before, or by the remote while it moved the ref. */
const STALE =
  /^\[rejected\] \((stale info|fetch first|non-fast-forward|needs force|already exists|remote ref updated since checkout)\)|\((failed to update ref|failed to lock|cannot lock ref|incorrect old value provided|reference already exists|reference does not exist)/;

/** Reads what `git push --porcelain` prints: of each ref "<flag>\t<from>:<to>\t<summary> (<reason>)". Returns the outcomes by full name. */
export function parsePushReport(text: string): ReadonlyMap<string, PushOutcome> {
  const outcomes = new Map<string, PushOutcome>();
  for (const line of text.split("\n")) {
    const [, flag, ref, summary = ""] = /^([ +\-*!=])\t[^\t]*:([^\t:]+)\t(.*)$/.exec(line) ?? [];
    if (ref !== undefined) outcomes.set(ref, flag === "!" ? refusalOf(summary) : { kind: "accepted" });
  }
  return outcomes;
}

function refusalOf(summary: string): PushOutcome {
  if (STALE.test(summary)) return { kind: "stale" };
  return { kind: "refused", reason: oneLine(summary.replace(/^\[[^\]]*\] /, ""), REASON_CHARACTERS_MAX) };
}
