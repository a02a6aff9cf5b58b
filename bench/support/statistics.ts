/** Returns the value below which `share` (0 to 1) of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Returns the middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Returns the arithmetic mean. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** One row of figures, a value per column. */
export interface FigureRow {
  readonly name: string;
  readonly values: readonly number[];
  readonly digits: number;
}

/** Returns a Markdown table with a column per size and one more per size after the first: its ratio to the first. */
export function figureTable(sizes: readonly number[], rows: readonly FigureRow[]): string {
  const [first = 0, ...others] = sizes.map((size) => size.toLocaleString("en"));
  const head = ["", String(first), ...others, ...others.map((size) => `${size} : ${first}`)];
  const body = rows.map(({ name, values, digits }) => {
    const [base = Number.NaN, ...rest] = values;
    return [name, ...values.map((value) => value.toFixed(digits)), ...rest.map((value) => (value / base).toFixed(2))];
  });
  return markdownTable(head, body);
}

/** Returns a Markdown table: the first column is text, the others are figures. */
export function markdownTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, column) => (column === 0 ? "---" : "---:")), ...body];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
