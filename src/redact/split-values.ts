import { merged, replaced, type Span } from "./span.ts";

interface Known {
  readonly value: string;
  readonly kind: string;
}

/** Where a text stands in the stream, without the blanks around it: a line end between two parts does not hide a value. */
interface Piece {
  readonly index: number;
  readonly start: number;
  readonly text: string;
  /** Place of `text` in the whole one. */
  readonly skipped: number;
}

/**
 * Returns `texts` without the values that stand split over several of them, one behind the other: each part of such a value becomes a
 * marker. Takes linear time: what is looked through is the stream of all texts, once for each value, with a turn for others in between.
 */
export function* withoutSplitValues(
  texts: readonly string[],
  values: readonly Known[],
): Generator<undefined, readonly string[]> {
  if (values.length === 0 || texts.length < 2) return texts;
  const pieces: Piece[] = [];
  let length = 0;
  for (const [index, whole] of texts.entries()) {
    const text = whole.trim();
    if (text === "") continue;
    pieces.push({ index, start: length, text, skipped: whole.length - whole.trimStart().length });
    length += text.length;
  }
  const stream = pieces.map(({ text }) => text).join("");
  const found = new Map<number, Span[]>();
  for (const { value, kind } of values) {
    for (let at = stream.indexOf(value); at !== -1; at = stream.indexOf(value, at + value.length))
      for (const piece of piecesAt(pieces, at, at + value.length)) {
        const start = Math.max(0, at - piece.start) + piece.skipped;
        const end = Math.min(piece.text.length, at + value.length - piece.start) + piece.skipped;
        found.set(piece.index, [...(found.get(piece.index) ?? []), { start, end, kind }]);
      }
    yield;
  }
  if (found.size === 0) return texts;
  return texts.map((text, index) => replaced(text, merged(found.get(index) ?? [])));
}

/** Returns the pieces that hold something of the stream from `from` to before `to`. */
function piecesAt(pieces: readonly Piece[], from: number, to: number): readonly Piece[] {
  let low = 0;
  let high = pieces.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((pieces[middle]?.start ?? 0) <= from) low = middle;
    else high = middle;
  }
  let last = low;
  while (last < pieces.length && (pieces[last]?.start ?? 0) < to) last += 1;
  return pieces.slice(low, last);
}
