import { sessionKeyProblem } from "../names/session-key.ts";
import { isTaskId, taskIdDate } from "../names/task-id.ts";
import { asKept, asKeptText, type Kept, type KeptText } from "../text/kept-text.ts";
import { isConflictMarker } from "../text/one-line.ts";
import { escapeCell, escapeLinkText, splitTableRow, unescapeCell } from "./table-cell.ts";

/** In rank order: of two rows of one run the later in this list wins. */
export const TASK_STATUSES = [
  "queued",
  "running",
  "verifying",
  "stopping",
  "cancelled",
  "failed",
  "succeeded",
] as const;

export type TaskStatus = (typeof TASK_STATUSES)[number];

export type FinalStatus = "cancelled" | "failed" | "succeeded";

/** One change of state of one task. `time` is UTC, ISO 8601 with "Z". `run` counts from 1. */
export interface LedgerRow {
  readonly time: string;
  readonly task: string;
  readonly session: string;
  readonly run: number;
  readonly status: TaskStatus;
  /** What a row that ends a task links. */
  readonly result?: TaskLink | undefined;
  readonly detail: string;
}

/** The file of a task: what is shown, and where it lies in the workspace. */
export interface TaskLink {
  readonly title: string;
  readonly path: string;
}

/** A ledger without its closed rows, and these rows by the date of their task ("2026-11-20"), each once, in their order. */
export interface LedgerRotation {
  readonly ledger: KeptText;
  readonly closed: ReadonlyMap<string, readonly Kept<LedgerRow>[]>;
}

/** A ledger is rotated when its closed rows take more than this: every commit stores the whole file. */
export const LEDGER_ROTATE_BYTES = 65_536;

/** The newest version that this code knows; its number stands in the comment that a ledger begins with. */
export const LEDGER_VERSION = 2;

/** Always the same lines, in tasks.md and in every file it rotates into, so that two clones that made them merge. */
const HEADER_LINES = [
  "<!-- codex-inbox ledger v2: one row per change of state, added at the end. Order and repeated rows do not matter. -->",
  "",
  "# Tasks",
  "",
  "| time | task | session | run | result | status | detail |",
  "| --- | --- | --- | ---: | --- | --- | --- |",
] as const;
const HEADER = `${HEADER_LINES.join("\n")}\n`;

const RANK: ReadonlyMap<string, number> = new Map(TASK_STATUSES.map((status, rank) => [status, rank]));
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const RUN = /^[1-9]\d{0,8}$/;
/** No part of the path begins with a dot. */
const LINK = /^\[((?:[^\\[\]]|\\.)*)\]\((?:\.\.\/)*((?:sessions|archive)(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)+\.md)\)$/;

/** Tells whether a task with this status will never change by itself again. */
export function isFinal(status: TaskStatus): status is FinalStatus {
  return status === "cancelled" || status === "failed" || status === "succeeded";
}

/**
 * Returns the row as one line of the table, without a line end. `parseLedger` gives back exactly the row.
 *
 * @param up from the folder of the ledger to the workspace: "", or "../../"
 */
function formatRow(row: LedgerRow, up = ""): string {
  const { time, task, session, run, status, result, detail } = row;
  const link = result === undefined ? "" : `[${escapeLinkText(result.title)}](${up}${result.path})`;
  const where = [time, task, session, String(run)].map(escapeCell);
  return `| ${[...where, link, status, escapeCell(detail)].join(" | ")} |`;
}

/**
 * Returns the rows of a ledger in the order of the text. Whatever is no complete row of ours (headers, prose, conflict
 * markers, a torn last line) is passed over: a half-merged ledger must still be readable. The ids and keys of a row are
 * well-formed and so safe as parts of a path, also in a ledger that was written by hand.
 */
export function parseLedger(text: string): readonly LedgerRow[] {
  const parseRow = createRowParser();
  const rows: LedgerRow[] = [];
  for (const line of text.split("\n")) {
    const row = parseRow(line);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

/**
 * Returns the state of every task: per task the greatest row by (run, rank of the status, text of the row). This is a join
 * (associative, commutative, idempotent), so rows may come in any order, repeated, and from any number of files.
 */
export function foldLedger(rows: Iterable<LedgerRow>): ReadonlyMap<string, LedgerRow> {
  const greatest = new Map<string, LedgerRow>();
  for (const row of rows) {
    const known = greatest.get(row.task);
    if (known === undefined || isGreater(row, known)) greatest.set(row.task, row);
  }
  return greatest;
}

/** Returns the greatest version that a ledger says it is of, since a merge may have put two together; 1 where it says nothing. */
export function ledgerVersion(text: string): number {
  const versions = Array.from(text.matchAll(/^<!-- codex-inbox ledger v([1-9]\d{0,8}):/gm), ([, version]) =>
    Number(version),
  );
  return Math.max(1, ...versions);
}

/** Returns a ledger without rows, as a new workspace has it. */
export function emptyLedger(): KeptText {
  return asKeptText(HEADER);
}

/**
 * Returns the ledger with those of `rows` at its end that it does not hold yet. A missing header is made; a torn last line stays a line of its own.
 * Where it holds the final row of a task, it has had those before as well, and has been compacted since.
 *
 * @param up from the folder of this ledger to the workspace: "", or "../../"
 */
export function appendRows(
  current: string | undefined,
  rows: readonly Kept<LedgerRow>[],
  up = "",
): KeptText | "unchanged" {
  const lines = new Set((current ?? "").split("\n").map(withoutLineEnd));
  const added: string[] = [];
  const ended = foldLedger(rows.filter((row) => isFinal(row.status) && lines.has(formatRow(row, up))));
  for (const row of rows) {
    const line = formatRow(row, up);
    const last = ended.get(row.task);
    if ((last !== undefined && !isGreater(row, last)) || lines.has(line)) continue;
    lines.add(line);
    added.push(`${line}\n`);
  }
  if (added.length === 0) return "unchanged";
  const head = lines.has(HEADER_LINES[0]) ? "" : HEADER;
  const body = current === undefined || current === "" || current.endsWith("\n") ? (current ?? "") : `${current}\n`;
  return asKeptText(head + body + added.join(""));
}

/**
 * Takes the rows of tasks that are not open out of the ledger, once these rows take more than `limitBytes` of UTF-8. All rows
 * of open tasks stay. So does what is no row of ours (prose, rows of a later version), but for conflict markers and repeated headers.
 *
 * @returns `undefined` when there is nothing to do
 */
export function rotateLedger(
  text: string,
  isOpen: (task: string) => boolean,
  limitBytes: number,
): LedgerRotation | undefined {
  if (utf8Bytes(text) <= limitBytes) return undefined;
  const parseRow = createRowParser();
  const kept: string[] = [];
  const closed = new Map<string, Kept<LedgerRow>>();
  let closedBytes = 0;
  for (const line of text.split("\n").map(withoutLineEnd)) {
    if (isChaff(line)) continue;
    // This runs at every commit, and most rows may be open: these are told by one cell, without parsing.
    const row = isOpen(line.split("|", 3)[2]?.trim() ?? "") ? undefined : parseRow(line);
    if (row === undefined) {
      kept.push(`${line}\n`);
    } else {
      closedBytes += utf8Bytes(line) + 1;
      closed.set(formatRow(row), asKept(row));
    }
  }
  if (closedBytes <= limitBytes) return undefined;
  return {
    ledger: asKeptText(HEADER + kept.join("")),
    closed: Map.groupBy(closed.values(), (row) => taskIdDate(row.task)),
  };
}

/**
 * Returns the ledger without `rows`, wherever they stand. A rotation is planned from one tip of the branch and applied to
 * another: only the rows that went into a closed file may be taken out there.
 */
export function withoutRows(current: string, rows: Iterable<LedgerRow>): KeptText | "unchanged" {
  const removed = new Set(Array.from(rows, (row) => formatRow(row)));
  const parseRow = createRowParser();
  const kept = current.split("\n").filter((line) => {
    const row = parseRow(line);
    return row === undefined || !removed.has(formatRow(row));
  });
  const text = kept.join("\n");
  return text === current ? "unchanged" : asKeptText(text);
}

/**
 * Returns the ledger with the greatest row of each task alone. What each task has come to stays the same, whatever rows stand in other
 * files, and so does what is no row of ours.
 */
export function latestRows(text: string): KeptText | "unchanged" {
  const left = new Map([...foldLedger(parseLedger(text))].map(([task, row]) => [task, formatRow(row)]));
  return editedRows(text, (row, line) => {
    const isLatest = left.get(row.task) === formatRow(row);
    if (isLatest) left.delete(row.task); // Repeated, it stands once.
    return isLatest ? line : undefined;
  });
}

/** Returns the ledger whose links to files below the folder `from` lead to the same below `to`. */
export function movedLinks(text: string, from: string, to: string, up = ""): KeptText | "unchanged" {
  return editedRows(text, (row, line) => {
    const { result } = row;
    if (result?.path.startsWith(`${from}/`) !== true) return line;
    return formatRow({ ...row, result: { ...result, path: to + result.path.slice(from.length) } }, up);
  });
}

function editedRows(text: string, edit: (row: LedgerRow, line: string) => string | undefined): KeptText | "unchanged" {
  const parseRow = createRowParser();
  const lines = text.split("\n").flatMap((line) => {
    const row = parseRow(line);
    return row === undefined ? [line] : (edit(row, line) ?? []);
  });
  const edited = lines.join("\n");
  return edited === text ? "unchanged" : asKeptText(edited);
}

function utf8Bytes(line: string): number {
  return new TextEncoder().encode(line).byteLength;
}

/** Returns a parser for many rows: tasks and sessions come again and again, and are checked once. */
function createRowParser(): (line: string) => LedgerRow | undefined {
  const isTask = rememberingAnswers(isTaskId);
  const isSession = rememberingAnswers((key) => sessionKeyProblem(key) === undefined);
  return (line) => {
    const cells = splitTableRow(line);
    if (cells?.length !== 7 && cells?.length !== 6) return undefined;
    const link = cells.length === 7 ? cells[4] : undefined; // Version 1 had none; a torn row has no status in its place.
    const [time = "", task = "", session = "", run = ""] = cells.slice(0, 4).map(unescapeCell);
    const [status = "", detail = ""] = cells.slice(-2).map(unescapeCell);
    if (!TIME.test(time) || Number.isNaN(Date.parse(time)) || !RUN.test(run) || !isStatus(status)) return undefined;
    if (!isTask(task) || !isSession(session)) return undefined;
    const result = link === undefined || link === "" ? undefined : parseLink(link);
    return { time, task, session, run: Number(run), status, ...(result !== undefined && { result }), detail };
  };
}

function parseLink(cell: string): TaskLink | undefined {
  const [, title, path] = LINK.exec(cell) ?? [];
  return title === undefined || path === undefined ? undefined : { title: unescapeCell(title), path };
}

function rememberingAnswers(question: (text: string) => boolean): (text: string) => boolean {
  const answers = new Map<string, boolean>();
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    const answer = question(text);
    answers.set(text, answer);
    return answer;
  };
}

function isStatus(text: string): text is TaskStatus {
  return RANK.has(text);
}

function isGreater(row: LedgerRow, than: LedgerRow): boolean {
  if (row.run !== than.run) return row.run > than.run;
  if (row.status !== than.status) return (RANK.get(row.status) ?? 0) > (RANK.get(than.status) ?? 0);
  return formatRow(row) > formatRow(than);
}

/** What a rotation leaves out: it writes the header anew. */
function isChaff(line: string): boolean {
  return line === "" || isConflictMarker(line) || HEADER_LINES.some((header) => header === line);
}

function withoutLineEnd(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
