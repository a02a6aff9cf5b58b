import { shorten } from "../task/text/one-line.ts";
import type { Span } from "./terminal.ts";

export interface Column {
  readonly title: string;
  /** Numbers and durations stand to the right. */
  readonly isRight?: boolean;
  /** It may be cut where a line is too long for the terminal, down to this many characters. */
  readonly shrinksTo?: number;
}

const GAP = "  ";

/**
 * Returns the lines of a table for people, a header first, that is no wider than `width` where its columns can be cut. A cell is one
 * span or several, which are cut together, the last first.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly (readonly Span[])[])[],
  width: number,
): readonly (readonly Span[])[] {
  const header = columns.map(({ title }): readonly Span[] => [{ text: title, style: "dim" }]);
  const lines = [header, ...rows];
  const widths = columns.map((_, at) => Math.max(...lines.map((cells) => cellWidth(cells[at] ?? []))));
  let excess = widths.reduce((sum, one) => sum + one, 0) + GAP.length * (columns.length - 1) - width;
  while (excess > 0) {
    const [widest] = columns
      .map(({ shrinksTo = Number.POSITIVE_INFINITY }, at) => ({ at, spare: (widths[at] ?? 0) - shrinksTo }))
      .sort((a, b) => b.spare - a.spare);
    if (widest === undefined || widest.spare <= 0) break;
    widths[widest.at] = (widths[widest.at] ?? 0) - 1;
    excess -= 1;
  }
  return lines.map((cells) =>
    columns.flatMap(({ isRight = false }, at) => {
      const cut = cutTo(cells[at] ?? [], widths[at] ?? 0);
      const blank = { text: " ".repeat(Math.max(0, (widths[at] ?? 0) - cellWidth(cut))) };
      const gap = at === 0 ? [] : [{ text: GAP }];
      return [...gap, ...(isRight ? [blank, ...cut] : [...cut, blank])];
    }),
  );
}

function cutTo(cell: readonly Span[], width: number): readonly Span[] {
  let left = width;
  return cell.flatMap((span) => {
    const text = left <= 0 ? "" : shorten(span.text, left);
    left -= textWidth(text);
    return text === "" ? [] : [{ ...span, text }];
  });
}

function cellWidth(cell: readonly Span[]): number {
  return cell.reduce((sum, { text }) => sum + textWidth(text), 0);
}

function textWidth(text: string): number {
  return [...text].length;
}
