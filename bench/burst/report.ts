import { markdownTable } from "../support/statistics.ts";

/** One line of the report. */
export interface Row {
  readonly name: string;
  readonly digits: number;
  /** Text where there is no figure, and why. */
  readonly figure: number | string | undefined;
  /** The same beside tasks that are queued and cannot run. */
  readonly beside?: number | string | undefined;
  /** Of `beside` to `figure`, unless the name says otherwise. */
  readonly ratio?: number | undefined;
}

/** What one part of the benchmark found. */
export interface Findings {
  readonly rows: readonly Row[];
  /** What was wrong: then the figures are worth nothing. */
  readonly problems: readonly string[];
}

/** Returns a Markdown table; a cell is empty where a row has no such figure. */
export function reportTable(rows: readonly Row[], held: number): string {
  const body = rows.map(({ name, digits, figure, beside, ratio }) => [
    name,
    cell(figure, digits),
    cell(beside, digits),
    cell(ratio, 2),
  ]);
  return markdownTable(["", "figure", `beside ${held.toLocaleString("en")} held`, "ratio"], body);
}

/** Returns the ratio where both are figures, and there is one. */
export function ratio(value: number | string | undefined, to: number | string | undefined): number | undefined {
  return typeof value === "number" && typeof to === "number" && to !== 0 ? value / to : undefined;
}

function cell(value: number | string | undefined, digits: number): string {
  return typeof value === "number" ? value.toFixed(digits) : (value ?? "");
}
