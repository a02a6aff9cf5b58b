import { createHash } from "node:crypto";
import { createSlices } from "../base/slices.ts";
import { asKept, asKeptText, type Keeper, type Kept } from "../task/text/kept-text.ts";
import type { CredentialRules } from "./credential-rules.ts";
import { excerptOf } from "./excerpt.ts";
import type { KnownValues } from "./known-values.ts";
import { isWrappedAt, plainView } from "./plain-view.ts";
import { findPrivateKeys, findShapes } from "./shapes.ts";
import { merged, replaced, type Span } from "./span.ts";
import { withoutSplitValues } from "./split-values.ts";

/** So much of a text is looked at in a row, a few milliseconds even where it was made to be slow. It ends at the end of a line. */
const WINDOW = 16_384;
/** Where there is no line end, windows overlap by so much: no credential that is known by its format is longer. */
const OVERLAP = 5_120;
/** A longer value is looked at without its key. */
const KEYED_MAX = 16_384;
const ROUNDS_MAX = 4;
const LONG_TEXTS_MAX = 4;
/** Names of keys, ids and states pass again and again. */
const SHORT = 128;
const SHORT_TEXTS_MAX = 2_000;
const NAME_DIGITS = 8;
const LEVELS_MAX = 200;

/** Tells where secrets are, and never which. */
export interface SecretFinder {
  /** Returns the line (from 1) and kind of each. In slices. */
  placesIn(text: string): Promise<readonly { readonly line: number; readonly kind: string }[]>;
}

/** Returns the redaction boundary. @param rules credentials by their formats; what this process knows by value is found besides */
export function createKeeper(rules: CredentialRules, known: KnownValues): Keeper & SecretFinder {
  /** What was returned by `keep`, by identity. */
  const passed = new WeakSet<object>();
  /** The long texts that passed last: a prompt passes at each station of its way. A value that is news makes them pass again. */
  const longTexts = new Set<string>();
  /** Short texts that passed as they are; the same goes for them. */
  const shortTexts = new Set<string>();
  let knownThen = known.values;
  const remember = (text: string): void => {
    longTexts.add(text);
    for (const oldest of longTexts) if (longTexts.size > LONG_TEXTS_MAX) longTexts.delete(oldest);
  };
  const rememberShort = (text: string): void => {
    if (shortTexts.size >= SHORT_TEXTS_MAX) shortTexts.clear();
    shortTexts.add(text);
  };
  const refresh = (): void => {
    known.refresh();
    if (known.values === knownThen) return;
    knownThen = known.values;
    longTexts.clear();
    shortTexts.clear();
  };

  const findIn = (text: string): readonly Span[] => {
    const found: Span[] = [];
    rules.find(text, found);
    findShapes(text, found);
    known.find(text, found);
    return found;
  };

  const secretsIn = function* (text: string): Generator<undefined, readonly Span[]> {
    const found: Span[] = [];
    for (const { content, offset, isCutBefore, isCutAfter } of windowsOf(text)) {
      const add = (start: number, end: number, kind: string): void => {
        if ((isCutBefore && start === 0) || (isCutAfter && end === content.length)) return;
        found.push({ start: offset + start, end: offset + end, kind });
      };
      for (const { start, end, kind } of findIn(content)) add(start, end, kind);
      yield;
      const view = plainView(content);
      if (view !== undefined)
        for (const { start, end, kind } of findIn(view.text)) add(view.start(start), view.end(end), kind);
      yield;
    }
    // What takes several lines may begin in one window and end in another.
    findPrivateKeys(text, found);
    known.findLines(text, found);
    return outsideMarkers(text, merged(found));
  };

  const keepText = function* (text: string): Generator<undefined, string> {
    if (text.length < SECRET_MIN) return text;
    if (text.length <= SHORT ? shortTexts.has(text) : longTexts.has(text)) return text;
    let kept = text;
    // A marker may lay bare what was hidden by its neighbour: two secrets without anything between them.
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const spans = yield* secretsIn(kept);
      if (spans.length === 0) break;
      kept = replaced(kept, spans);
    }
    if (kept.length > WINDOW) remember(kept);
    else if (kept === text && text.length <= SHORT) rememberShort(text);
    return kept;
  };

  const keepBounded = function* (text: string, limitBytes: number): Generator<undefined, string> {
    if (Buffer.byteLength(text) <= limitBytes) return yield* keepText(text.toWellFormed());
    return yield* keepText(yield* excerptOf(text, limitBytes, secretsIn));
  };

  /** Two keys stay two: one would take the value of the other. @param taken keys of the same mapping, to which this one is added */
  const keepKey = function* (key: string, taken: Set<string>): Generator<undefined, string> {
    const kept = yield* keepText(key);
    let own = kept;
    for (let number = 2; taken.has(own); number += 1) own = `${kept} (${number})`;
    taken.add(own);
    return own;
  };

  /** The value of a key, which may be what tells that it is a secret: `authorization`. */
  const keepOf = function* (key: string, value: string): Generator<undefined, string> {
    const head = `${key}: `;
    if (value.length > KEYED_MAX) return yield* keepText(value);
    const both = yield* keepText(head + value);
    return both.startsWith(head) ? both.slice(head.length) : yield* keepText(value);
  };

  const keepValue = function* (value: unknown, level: number): Generator<undefined, unknown> {
    if (typeof value === "string") return yield* keepText(value);
    if (typeof value !== "object" || value === null || passed.has(value)) return value;
    if (level > LEVELS_MAX) return "(nested too deeply to be kept)";
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const item of value) items.push(yield* keepValue(item, level + 1));
      passed.add(items);
      return items;
    }
    const entries: [string, unknown][] = [];
    const keys = new Set<string>();
    for (const [key, inner] of Object.entries(value))
      entries.push([
        yield* keepKey(key, keys),
        yield* typeof inner === "string" ? keepOf(key, inner) : keepValue(inner, level + 1),
      ]);
    const result = Object.fromEntries(entries);
    passed.add(result);
    return result;
  };

  const atOnce = <Result>(steps: Generator<undefined, Result>): Result => {
    for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
  };

  const inSlices = async <Result>(steps: Generator<undefined, Result>): Promise<Result> => {
    const slices = createSlices();
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      await slices.next();
    }
  };

  const keep = <T>(value: T): Kept<T> => {
    refresh();
    return asKept(atOnce(keepValue(value, 0)) as T);
  };

  return {
    keep,
    async keepInSlices(value) {
      refresh();
      return asKept((await inSlices(keepValue(value, 0))) as typeof value);
    },
    kindsIn: (text) => [...new Set(atOnce(secretsIn(text)).map(({ kind }) => kind))],
    async placesIn(text) {
      refresh();
      let [line, at] = [1, 0];
      return (await inSlices(secretsIn(text))).map(({ start, kind }) => {
        for (let end = text.indexOf("\n", at); end !== -1 && end < start; end = text.indexOf("\n", at)) {
          line += 1;
          at = end + 1;
        }
        return { line, kind };
      });
    },
    keepName(text) {
      refresh();
      const spans = atOnce(secretsIn(text));
      return asKept(spans.length === 0 ? text : renamed(text, spans));
    },
    async keepExcerpt(text, limitBytes) {
      refresh();
      return asKeptText(await inSlices(keepBounded(text, limitBytes)));
    },
    keepSplit: async (texts) => (await inSlices(withoutSplitValues(texts, known.values))).map(asKeptText),
  };
}

/** No secret that is looked for is shorter. */
const SECRET_MIN = 8;
const MARKER = /\[redacted: [a-z0-9-]{1,64}\]/g;

/**
 * What has passed once is left alone: a marker is no secret, and what stands around one is none because of it. `spans` are in order and
 * do not overlap; each is looked at once, and each marker.
 */
function outsideMarkers(text: string, spans: readonly Span[]): readonly Span[] {
  if (spans.length === 0 || !text.includes("[redacted: ")) return spans;
  const markers = Array.from(text.matchAll(MARKER), ({ 0: { length }, index }) => ({
    start: index,
    end: index + length,
  }));
  const result: Span[] = [];
  let next = 0;
  for (const span of spans) {
    while ((markers[next]?.end ?? Number.POSITIVE_INFINITY) <= span.start) next += 1;
    let from = span.start;
    for (let at = next; (markers[at]?.start ?? Number.POSITIVE_INFINITY) < span.end; at += 1) {
      const { start, end } = markers[at] ?? span;
      if (start - from >= SECRET_MIN) result.push({ ...span, start: from, end: start });
      from = end;
    }
    if (from === span.start || span.end - from >= SECRET_MIN) result.push({ ...span, start: from });
  }
  return result;
}

/** A part of a text. At an edge that was not the end of a line, what touches it stands whole in the neighbour. */
interface Window {
  readonly content: string;
  readonly offset: number;
  readonly isCutBefore: boolean;
  readonly isCutAfter: boolean;
}

function* windowsOf(text: string): Generator<Window> {
  let isCutBefore = false;
  for (let offset = 0; offset < text.length; ) {
    if (text.length - offset <= WINDOW) {
      yield { content: offset === 0 ? text : text.slice(offset), offset, isCutBefore, isCutAfter: false };
      return;
    }
    const content = text.slice(offset, offset + WINDOW);
    const lineEnd = lastLineEnd(content);
    const isCutAfter = lineEnd < WINDOW / 2;
    yield { content: isCutAfter ? content : content.slice(0, lineEnd + 1), offset, isCutBefore, isCutAfter };
    offset += isCutAfter ? WINDOW - OVERLAP : lineEnd + 1;
    isCutBefore = isCutAfter;
  }
}

/** The last line end that no base64 goes on behind: what was encoded in one piece is looked at in one. */
function lastLineEnd(content: string): number {
  let end = content.lastIndexOf("\n");
  while (end >= WINDOW / 2 && isWrappedAt(content, end)) end = content.lastIndexOf("\n", end - 1);
  return end;
}

function renamed(name: string, spans: readonly Span[]): string {
  let at = 0;
  return name
    .split("/")
    .map((part) => {
      const [start, end] = [at, at + part.length];
      at = end + 1;
      const span = spans.find((one) => one.start < end && one.end > start);
      if (span === undefined) return part;
      const digits = createHash("sha256").update(part).digest("hex").slice(0, NAME_DIGITS);
      const [ending = ""] = /(?:\.error)?\.md$/i.exec(part) ?? [];
      return `redacted-${span.kind}-${digits}${ending}`;
    })
    .join("/");
}
