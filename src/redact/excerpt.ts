import { replaced, type Span } from "./span.ts";

/** What is read beside a part of a text that is kept, so that a secret at its edge is seen whole. */
const MARGIN = 8_192;

/** Head and tail of a text, of which no cut goes through a secret. Only what is near them is looked at. */
export function* excerptOf(
  text: string,
  limitBytes: number,
  find: (text: string) => Generator<undefined, readonly Span[]>,
): Generator<undefined, string> {
  const bytes = Buffer.byteLength(text);
  const half = Math.floor(limitBytes / 2);
  const near = half + MARGIN;
  // Both parts at once where they meet: a secret between them would be in neither.
  const whole = text.length <= near * 2 ? yield* find(text) : undefined;
  const headText = text.slice(0, near);
  const tailFrom = Math.max(0, text.length - near);
  const tailSpans = (whole ?? (yield* find(text.slice(tailFrom)))).map((span) =>
    whole === undefined ? { ...span, start: span.start + tailFrom, end: span.end + tailFrom } : span,
  );
  const head = cutHead(text, whole ?? (yield* find(headText)), half);
  const tail = cutTail(text, tailSpans, half);
  const left = Math.max(0, bytes - head.bytes - tail.bytes);
  return `${head.text}\n[… ${left} bytes left out …]\n${tail.text}`.toWellFormed();
}

/** The first characters of at most `bytesMax` bytes; a secret that begins in them is a marker, whole. `bytes`: of what it stands for. */
function cutHead(
  text: string,
  spans: readonly Span[],
  bytesMax: number,
): { readonly text: string; readonly bytes: number } {
  let end = unitsOf(text, bytesMax);
  const last = spans.find((span) => span.start < end && span.end > end);
  if (last !== undefined) end = last.end;
  const inside = spans.filter((span) => span.end <= end);
  const kept = text.slice(0, end);
  return { text: replaced(kept, inside), bytes: Buffer.byteLength(kept) };
}

function cutTail(
  text: string,
  spans: readonly Span[],
  bytesMax: number,
): { readonly text: string; readonly bytes: number } {
  let start = text.length - unitsFromEnd(text, bytesMax);
  const first = spans.find((span) => span.start < start && span.end > start);
  if (first !== undefined) start = first.start;
  const inside = spans
    .filter((span) => span.start >= start)
    .map((span) => ({ ...span, start: span.start - start, end: span.end - start }));
  const kept = text.slice(start);
  return { text: replaced(kept, inside), bytes: Buffer.byteLength(kept) };
}

/** How many units at the beginning of `text` are whole characters of at most `bytes` bytes together. */
function unitsOf(text: string, bytes: number): number {
  const { read } = new TextEncoder().encodeInto(text.slice(0, bytes), new Uint8Array(bytes));
  return read;
}

function unitsFromEnd(text: string, bytes: number): number {
  let used = 0;
  let units = 0;
  while (units < text.length) {
    const code = text.charCodeAt(text.length - 1 - units);
    const isLow = code >= 0xdc00 && code <= 0xdfff && units + 1 < text.length;
    const size = isLow ? 4 : code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    if (used + size > bytes) break;
    used += size;
    units += isLow ? 2 : 1;
  }
  return units;
}
