/** A secret in a text: from `start` to before `end` (UTF-16 units), and of what kind it is. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** For the marker: "aws-access-key". */
  readonly kind: string;
}

/** Returns spans in their order, without overlaps: of two that overlap one is made, with the kind of the longer. */
export function merged(spans: readonly Span[]): readonly Span[] {
  const sorted = spans.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const result: Span[] = [];
  for (const span of sorted) {
    const last = result.at(-1);
    if (last === undefined || span.start >= last.end) {
      result.push(span);
      continue;
    }
    const kind = span.end - span.start > last.end - last.start ? span.kind : last.kind;
    result[result.length - 1] = { start: last.start, end: Math.max(last.end, span.end), kind };
  }
  return result;
}

/** Returns what stands in place of a secret. No rule finds anything in it. */
function markerOf(kind: string): string {
  return `[redacted: ${kind}]`;
}

/** Returns `text` with a marker in place of each span; these are in order and do not overlap. */
export function replaced(text: string, spans: readonly Span[]): string {
  let result = "";
  let at = 0;
  for (const { start, end, kind } of spans) {
    result += text.slice(at, start) + markerOf(kind);
    at = end;
  }
  return result + text.slice(at);
}
