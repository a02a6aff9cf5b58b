import { type FrontMatterLimits, readFrontMatter, renderFrontMatter } from "../file/front-matter.ts";
import { TITLE_CHARACTERS_MAX, titleOf } from "../file/task-title.ts";
import { isFinal, type TaskStatus } from "../ledger/ledger.ts";
import { describeOrigin, type Origin, requestedBy } from "../rights/origin.ts";
import type { TaskSpec } from "../spec/task-spec.ts";
import type { FailureKind } from "../state/failure.ts";
import type { ChangedFile, Usage } from "../state/run.ts";
import type { Verification } from "../state/verification.ts";
import { durationText } from "../text/duration-text.ts";
import { asKeptText, type Kept, type KeptText } from "../text/kept-text.ts";
import { inlineCode, plainMarkdown } from "../text/markdown.ts";
import { oneLine } from "../text/one-line.ts";
import { fencedBlockEnd, quotedText, readQuotedText } from "../text/quoted-text.ts";
import { cutUtf8, utf8Length } from "../text/utf8.ts";
import { ACCOUNT_KEYS, accountValues, type TaskAccount } from "./task-account.ts";
import {
  boundedMessage,
  CHANGED_BY,
  CHANGED_FILES_HEADING,
  parseResult,
  type TaskResult,
  WARNINGS_HEADING,
} from "./task-result.ts";
import { verificationFacts, verificationLines } from "./verification-section.ts";

/** All that is kept of a task. Times are UTC, ISO 8601. */
export interface TaskRecord {
  readonly id: string;
  readonly sessionKey: string;
  readonly spec: TaskSpec;
  readonly prompt: string;
  readonly warnings: readonly string[];
  readonly status: TaskStatus;
  /** Attempts used. */
  readonly attempts: number;
  /** The last run. */
  readonly run: number;
  readonly thread: string | undefined;
  /** The path it was dropped at; `undefined` for a task that came another way. */
  readonly source: string | undefined;
  /** The run of its parent that left it in inbox/; `undefined` where nothing says that one did. */
  readonly parentRun: number | undefined;
  readonly origin: Origin;
  readonly acceptedAt: string;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  readonly durationMs: number | undefined;
  /** Why it failed or was cancelled. */
  readonly reason: string | undefined;
  /** The name of that reason, where it is one of docs/spec-failures.md. */
  readonly failure: FailureKind | undefined;
  /** The agent's final answer; empty when there is none. */
  readonly lastMessage: string;
  readonly changedFiles: readonly ChangedFile[];
  /** Tokens of the last attempt alone. */
  readonly usage: Usage | undefined;
  readonly account: TaskAccount | undefined;
  readonly codexVersion: string | undefined;
  /** The one that was used, as far as that is known. */
  readonly model: string | undefined;
  /** The last one. */
  readonly verification: Verification | undefined;
  /** The task that goes on where this one has failed. */
  readonly followUpTask: string | undefined;
  /** The clone that accepted it. */
  readonly acceptedBy: string;
}

/** A task as its committed file tells it. */
export interface ParsedTaskFile {
  readonly id: string;
  readonly sessionKey: string;
  readonly status: TaskStatus;
  readonly title: string;
  readonly prompt: string;
  /** `undefined` until the task has ended. */
  readonly result: TaskResult | undefined;
  /** All keys, the user's and ours, by canonical name. */
  readonly frontMatter: Readonly<Record<string, unknown>>;
}

/** Format 1 had prompt and answer as they are; since 2 they are quoted, so that nothing in them acts where the file is viewed. */
const TASK_FILE_FORMAT = 2;
const UNQUOTED_FORMAT = 1;

/** Between prompt and result. Where the result begins is told by `promptBytes`; the line is for people and other programs. */
const RESULT_MARKER = "<!-- codex-inbox:result -->";
const RESULT_HEADING = "## Result";
const RESULT_START = `\n${RESULT_MARKER}\n\n${RESULT_HEADING}\n\n`;

const REASON_CHARACTERS_MAX = 500;
const WARNING_CHARACTERS_MAX = 500;
const CHANGED_FILES_SHOWN_MAX = 200;

/**
 * A file of ours repeats what the user wrote, each key on one line but more lines than that, and adds to it. Where two clones have
 * run the same task, `git merge` has put both files into one.
 */
const COMMITTED: FrontMatterLimits = {
  bytes: 1_048_576,
  lines: 2_000,
  nesting: 64,
  tokens: 10_000,
  repeatedKeys: true,
};

const STATUSES: Readonly<Record<TaskStatus, TaskStatus>> = {
  queued: "queued",
  running: "running",
  verifying: "verifying",
  stopping: "stopping",
  cancelled: "cancelled",
  failed: "failed",
  succeeded: "succeeded",
};

/** Keys of ours that a user's unknown key may not pose as; it goes below `extra`. */
const OUR_KEYS: ReadonlySet<string> = new Set([
  "format",
  "status",
  "reason",
  "failure",
  "attempts",
  "run",
  "thread",
  "source",
  "parentRun",
  "origin",
  "requestedBy",
  "acceptedAt",
  "startedAt",
  "endedAt",
  "durationMs",
  "codexVersion",
  ...ACCOUNT_KEYS,
  "verification",
  "followUpTask",
  "acceptedBy",
  "promptBytes",
  "messageBytes",
  "extra",
]);

/**
 * Returns the file that is committed for a task: the user's front matter and what became of the task, the prompt, and once the task
 * has ended, the result; prompt and answer as quotes. `parseTaskFile` reads it and gives both back byte for byte.
 */
export function renderTaskFile(record: Kept<TaskRecord>): KeptText {
  const prompt = `${quotedText(record.prompt)}\n`;
  const message = quotedText(boundedMessage(record.lastMessage));
  const hasResult = isFinal(record.status);
  const frontMatter = renderFrontMatter([
    ...userValues(record),
    ...ourValues(record),
    // Of the text as it stands here: secrets are out of it.
    ["promptBytes", utf8Length(prompt)],
    ["messageBytes", hasResult ? utf8Length(message) : undefined],
  ]);
  return asKeptText(`${frontMatter}${prompt}${hasResult ? renderResult(record, message) : ""}`);
}

function userValues({ spec }: Kept<TaskRecord>): readonly (readonly [string, unknown])[] {
  const colliding = Object.entries(spec.frontMatter).filter(([key]) => OUR_KEYS.has(key));
  return [
    ...Object.entries(spec.frontMatter).filter(([key, value]) => !OUR_KEYS.has(key) && !isOurs(key, value)),
    ["extra", colliding.length === 0 ? undefined : Object.fromEntries(colliding)],
  ];
}

/** A key that both sides have: ours says the same, and stands where the user left the value open. */
function isOurs(key: string, value: unknown): boolean {
  if (key === "id" || key === "sessionKey") return true;
  return (key === "title" || key === "model") && (value === null || value === "");
}

function ourValues(record: Kept<TaskRecord>): readonly (readonly [string, unknown])[] {
  const { frontMatter } = record.spec;
  const isOpen = (key: string): boolean => !Object.hasOwn(frontMatter, key) || isOurs(key, frontMatter[key]);
  return [
    ["format", TASK_FILE_FORMAT],
    ["id", record.id],
    ["sessionKey", record.sessionKey],
    ["title", isOpen("title") ? record.spec.title : undefined],
    ["status", record.status],
    ["reason", record.reason && oneLine(record.reason, REASON_CHARACTERS_MAX)],
    ["failure", record.failure],
    ["attempts", record.attempts],
    ["run", record.run],
    ["thread", record.thread],
    ["source", record.source],
    ["parentRun", record.parentRun],
    ["origin", describeOrigin(record.origin)],
    ["requestedBy", oneLine(requestedBy(record.origin), REASON_CHARACTERS_MAX)],
    ["acceptedAt", record.acceptedAt],
    ["startedAt", record.startedAt],
    ["endedAt", record.endedAt],
    ["durationMs", record.durationMs],
    ["model", isOpen("model") ? record.model : undefined],
    ["codexVersion", record.codexVersion],
    ...accountValues(record.usage, record.account),
    ["verification", record.verification && verificationFacts(record.verification)],
    ["followUpTask", record.followUpTask],
    ["acceptedBy", record.acceptedBy],
  ];
}

/** Nothing of varying length stands before the message but the one line that says how it went. */
function renderResult(record: Kept<TaskRecord>, message: string): string {
  const lines = [RESULT_START + outcomeLine(record), "", message, ""];
  if (record.changedFiles.length > 0) lines.push(...changedFileLines(record.changedFiles));
  if (record.warnings.length > 0) {
    const warnings = record.warnings.map((warning) => `- ${plainMarkdown(warning, WARNING_CHARACTERS_MAX)}`);
    lines.push(WARNINGS_HEADING, "", ...warnings, "");
  }
  if (record.verification !== undefined) lines.push(...verificationLines(record.verification));
  return lines.join("\n");
}

function changedFileLines(files: readonly ChangedFile[]): readonly string[] {
  const of = (by: ChangedFile["by"]): readonly ChangedFile[] => files.filter((file) => file.by === by);
  const ordered = [...of(undefined), ...of("patch"), ...of("other")];
  const lines: string[] = [CHANGED_FILES_HEADING, ""];
  let author: ChangedFile["by"];
  for (const { path, change, by } of ordered.slice(0, CHANGED_FILES_SHOWN_MAX)) {
    if (by !== undefined && by !== author) lines.push(...(lines.length > 2 ? [""] : []), CHANGED_BY[by], "");
    author = by;
    lines.push(`- ${plainMarkdown(change, 40) || "changed"} ${inlineCode(path)}`);
  }
  const more = ordered.length - CHANGED_FILES_SHOWN_MAX;
  return [...lines, ...(more > 0 ? [`- and ${more} more`] : []), ""];
}

function outcomeLine({ status, reason, durationMs, attempts }: TaskRecord): string {
  const time = durationMs === undefined ? "" : ` after ${durationText(durationMs)}`;
  const why = reason === undefined ? "" : `: ${plainMarkdown(reason, REASON_CHARACTERS_MAX)}`;
  return `**${status}**${time} (${attempts} ${attempts === 1 ? "attempt" : "attempts"})${why}`;
}

/**
 * Reads a committed task file; `undefined` where it is none of ours, or of a later format. A file that was edited by hand
 * (so that the byte counts no longer fit) is read by its headings. Of a file that was merged from two, the one that has ended is
 * read, or else the first; its text shows both.
 */
export function parseTaskFile(text: string): ParsedTaskFile | undefined {
  const { entries, body, problems } = readFrontMatter(text, COMMITTED);
  const frontMatter = oneOfEach(entries.map(({ key, value }) => [key, value.plain]));
  const { format, id, sessionKey, title } = frontMatter;
  const status = statusOf(frontMatter.status);
  const isQuoted = format === TASK_FILE_FORMAT;
  if (problems.length > 0 || !(isQuoted || format === UNQUOTED_FORMAT) || status === undefined) return undefined;
  if (typeof id !== "string" || typeof sessionKey !== "string") return undefined;
  const { head, tail } = splitBody(body, frontMatter.promptBytes, isQuoted);
  const prompt = isQuoted ? readQuotedText(head.replace(/\r?\n\r?$/, "")) : head;
  const found =
    tail === ""
      ? undefined
      : parseResult(tail, { messageBytes: frontMatter.messageBytes, reason: textOf(frontMatter.reason), isQuoted });
  const result = isQuoted && found !== undefined ? { ...found, lastMessage: readQuotedText(found.lastMessage) } : found;
  const shownTitle = oneLine(textOf(title) ?? "", TITLE_CHARACTERS_MAX) || titleOf(prompt);
  return { id, sessionKey, status, title: shownTitle, prompt, result, frontMatter };
}

/** Of keys that a merge has left twice, takes the values of one side. They stand in the same order throughout: ours, then theirs. */
function oneOfEach(pairs: readonly (readonly [key: string, value: unknown])[]): Readonly<Record<string, unknown>> {
  const values = Map.groupBy(pairs, ([key]) => key);
  const ended = (values.get("status") ?? []).findIndex(([, status]) => isFinal(statusOf(status) ?? "queued"));
  const side = Math.max(ended, 0);
  return Object.fromEntries(Array.from(values, ([key, sides]) => [key, sides[Math.min(side, sides.length - 1)]?.[1]]));
}

/** Returns what the user had asked for in a task file: its keys without those that we add. */
export function userFrontMatter({ frontMatter }: ParsedTaskFile): Readonly<Record<string, unknown>> {
  const entries = Object.entries(frontMatter);
  const format = entries.findIndex(([key]) => key === "format"); // The first key of ours.
  const isOurs = (key: string, at: number): boolean => OUR_KEYS.has(key) || (key === "model" && at > format);
  const theirs = entries.filter(([key], at) => !isOurs(key, at)); // Behind it stands the model that was used, not one asked for.
  const { extra } = frontMatter;
  return { ...Object.fromEntries(theirs), ...(typeof extra === "object" && extra !== null ? extra : {}) };
}

function statusOf(value: unknown): TaskStatus | undefined {
  return Object.values(STATUSES).find((status) => status === value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

function splitBody(body: string, promptBytes: unknown, isQuoted: boolean): { head: string; tail: string } {
  const cut = typeof promptBytes === "number" ? cutUtf8(body, promptBytes) : undefined;
  if (cut !== undefined && (cut.tail === "" || cut.tail.startsWith(RESULT_START))) return cut;
  const marker = `\n${RESULT_MARKER}`; // In a quoted answer none stands alone, in another one any may.
  const start = isQuoted ? body.indexOf(marker, fencedBlockEnd(body)) : body.lastIndexOf(marker);
  return start === -1 ? { head: body, tail: "" } : { head: body.slice(0, start), tail: body.slice(start) };
}
