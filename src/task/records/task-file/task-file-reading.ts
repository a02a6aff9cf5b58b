import type { FrontMatter, FrontMatterLimits } from "../../file/plain-front-matter.ts";
import { TITLE_CHARACTERS_MAX, titleOf } from "../../file/task-title.ts";
import { isFinal, type TaskStatus } from "../../ledger/ledger.ts";
import { oneLine } from "../../text/one-line.ts";
import { fencedBlockEnd, readQuotedText } from "../../text/quoted-text.ts";
import {
  ACCOUNT_END,
  ACCOUNT_START,
  OUR_KEYS,
  PROMPT_HEADING,
  RESULT_HEADING,
  TASK_FILE_FORMAT,
} from "./task-file-layout.ts";
import { parseResult, type TaskResult, withoutLineFeeds } from "./task-result.ts";

/** A task as its committed file tells it. */
export interface ParsedTaskFile {
  readonly id: string;
  readonly sessionKey: string;
  readonly status: TaskStatus;
  readonly title: string;
  readonly prompt: string;
  /** `undefined` until the task has ended. */
  readonly result: TaskResult | undefined;
  /** All keys, the user's, ours and those of the account, by canonical name. */
  readonly frontMatter: Readonly<Record<string, unknown>>;
  /** What the user had asked for: the keys of the front matter without those that we add. */
  readonly asked: Readonly<Record<string, unknown>>;
}

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

/** Reads front matter; `undefined` where that takes a parser that this reader does without. */
export type FrontMatterReader = (text: string, limits: FrontMatterLimits) => FrontMatter | undefined;

/**
 * Reads a committed task file; `undefined` where it is none of ours, or of another format, or takes another reader. Of a file that was
 * merged from two, the one that has ended is read, or else the first; its text shows both. One that somebody has edited is read by its
 * headings.
 */
export function parseTaskFileBy(readFrontMatter: FrontMatterReader, text: string): ParsedTaskFile | undefined {
  const isCrlf = text.startsWith("---\r\n"); // Somebody's editor has written it so.
  const parts = readFrontMatter(isCrlf ? text.replaceAll("\r\n", "\n") : text, COMMITTED);
  if (parts === undefined || parts.problems.length > 0) return undefined;
  const { entries, body } = parts;
  const statuses = entries.flatMap(({ key, value }) => (key === "status" ? [value.plain] : []));
  const side = Math.max(
    0,
    statuses.findIndex((one) => isFinal(statusOf(one) ?? "queued")),
  );
  const own = oneOfEach(entries, side);
  const { format, id, sessionKey, title } = own;
  const status = statusOf(own.status);
  if (format !== TASK_FILE_FORMAT || status === undefined) return undefined;
  if (typeof id !== "string" || typeof sessionKey !== "string") return undefined;
  const accounts = accountEntries(readFrontMatter, body, statuses.length > 1);
  if (accounts === undefined) return undefined;
  const account = oneOfEach(accounts, side);
  const { head, tail } = splitBody(body);
  const prompt = readQuotedText(head, levels(account.promptHeadingsDown));
  const found = tail === "" ? undefined : parseResult(tail, textOf(own.reason));
  const result = found && {
    ...found,
    lastMessage: readQuotedText(found.lastMessage, levels(account.answerHeadingsDown)),
  };
  const shownTitle = oneLine(textOf(title) ?? "", TITLE_CHARACTERS_MAX) || titleOf(prompt);
  return {
    id,
    sessionKey,
    status,
    title: shownTitle,
    prompt,
    result,
    frontMatter: { ...own, ...account },
    asked: askedIn(own),
  };
}

type Entries = FrontMatter["entries"];

/** Of keys that a merge has left twice, takes the values of one side. They stand in the same order throughout: ours, then theirs. */
function oneOfEach(entries: Entries, side: number): Readonly<Record<string, unknown>> {
  const values = Map.groupBy(entries, ({ key }) => key);
  return Object.fromEntries(
    Array.from(values, ([key, sides]) => [key, sides[Math.min(side, sides.length - 1)]?.value.plain]),
  );
}

/** The account is what stands last: nothing an agent or a command has printed does. A merge may have left two of them. */
function accountEntries(read: FrontMatterReader, body: string, isMerged: boolean): Entries | undefined {
  const entries: Entries[number][] = [];
  let at = isMerged ? body.indexOf(ACCOUNT_START) : body.lastIndexOf(ACCOUNT_START);
  while (at !== -1) {
    const end = body.indexOf(`\n${ACCOUNT_END.trimEnd()}`, at);
    const lines = body.slice(at + ACCOUNT_START.length, end === -1 ? body.length : end + 1);
    const found = read(`---\n${lines}---\n`, COMMITTED);
    if (found === undefined) return undefined;
    entries.push(...found.entries);
    at = body.indexOf(ACCOUNT_START, at + 1);
  }
  return entries;
}

function askedIn(own: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { extra } = own;
  const theirs = Object.entries(own).filter(([key]) => !OUR_KEYS.has(key));
  return { ...Object.fromEntries(theirs), ...(typeof extra === "object" && extra !== null ? extra : {}) };
}

function levels(value: unknown): number {
  return typeof value === "number" && value > 0 && value < 6 ? value : 0;
}

function statusOf(value: unknown): TaskStatus | undefined {
  return Object.values(STATUSES).find((status) => status === value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

/** In a quote no line can pass for a heading of ours, and what stands in a fenced block is passed over. */
function splitBody(body: string): { readonly head: string; readonly tail: string } {
  const heading = `\n${body}`.indexOf(`\n${PROMPT_HEADING}\n`);
  const asked = heading === -1 ? body : body.slice(heading + PROMPT_HEADING.length).replace(/^\n+/, "");
  const from = fencedBlockEnd(asked);
  const result = `${asked}\n`.indexOf(`\n${RESULT_HEADING}\n`, from);
  const ends = [result, asked.indexOf(`\n${ACCOUNT_START}`, from)].filter((end) => end !== -1);
  const head = withoutLineFeeds(asked.slice(0, Math.min(...ends, asked.length)));
  return { head, tail: result === -1 ? "" : asked.slice(result) };
}
