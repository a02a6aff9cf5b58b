import { renderFrontMatter, renderLines } from "../../file/front-matter.ts";
import { isFinal, type TaskStatus } from "../../ledger/ledger.ts";
import { describeOrigin, editedBy, type Origin, requestedBy } from "../../rights/origin.ts";
import type { TaskSpec } from "../../spec/task-spec.ts";
import type { FailureKind } from "../../state/failure.ts";
import type { ChangedFile, Usage } from "../../state/run.ts";
import type { Verification } from "../../state/verification.ts";
import { durationText } from "../../text/duration-text.ts";
import { asKeptText, type Kept, type KeptText } from "../../text/kept-text.ts";
import { plainMarkdown } from "../../text/markdown.ts";
import { oneLine } from "../../text/one-line.ts";
import { quotedBelow } from "../../text/quoted-text.ts";
import { changeLines, type TaskChange } from "./change-section.ts";
import { accountValues, type TaskAccount } from "./task-account.ts";
import {
  ACCOUNT_END,
  ACCOUNT_START,
  OUR_KEYS,
  PROMPT_HEADING,
  RESULT_HEADING,
  TASK_FILE_FORMAT,
} from "./task-file-layout.ts";
import { boundedMessage, WARNINGS_HEADING } from "./task-result.ts";
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
  /** Who edited it last while it was queued; `undefined` where nobody has. */
  readonly editor: Origin | undefined;
  readonly acceptedAt: string;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** Of the last run of the agent. */
  readonly durationMs: number | undefined;
  /** Of all its runs and verifications. */
  readonly workedMs: number | undefined;
  /** Why it failed or was cancelled. */
  readonly reason: string | undefined;
  /** The name of that reason, where it is one of docs/spec-failures.md. */
  readonly failure: FailureKind | undefined;
  /** The agent's final answer; empty when there is none. */
  readonly lastMessage: string;
  readonly changedFiles: readonly ChangedFile[];
  /** What its runs have changed, in their order. */
  readonly changes: readonly TaskChange[];
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

const REASON_CHARACTERS_MAX = 500;
const WARNING_CHARACTERS_MAX = 500;

/**
 * Returns the file that is committed for a task: the user's front matter and what a reader needs of what became of it, the prompt,
 * once the task has ended the result, and an account of the runs. Prompt and answer are quotes. `parseTaskFile` reads it and gives
 * both back byte for byte.
 */
export function renderTaskFile(record: Kept<TaskRecord>): KeptText {
  const prompt = quotedBelow(record.prompt);
  const hasResult = isFinal(record.status);
  const message = quotedBelow(hasResult ? boundedMessage(record.lastMessage) : "");
  const account = [
    ...accountOfRecord(record),
    ["promptHeadingsDown", prompt.down === 0 ? undefined : prompt.down] as const,
    ["answerHeadingsDown", message.down === 0 ? undefined : message.down] as const,
  ];
  return asKeptText(
    [
      renderFrontMatter([...userValues(record), ...ourValues(record)]),
      `${PROMPT_HEADING}\n\n${prompt.block}\n`,
      ...(hasResult ? [renderResult(record, message.block)] : []),
      `${ACCOUNT_START}${renderLines(account)}${ACCOUNT_END}`,
    ].join("\n"),
  );
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

/** What a reader needs; all else is in the account. */
function ourValues(record: Kept<TaskRecord>): readonly (readonly [string, unknown])[] {
  const { frontMatter } = record.spec;
  const hasTitle = Object.hasOwn(frontMatter, "title") && !isOurs("title", frontMatter.title);
  return [
    ["format", TASK_FILE_FORMAT],
    ["id", record.id],
    ["sessionKey", record.sessionKey],
    ["title", hasTitle ? undefined : record.spec.title],
    ["status", record.status],
    ["reason", record.reason && oneLine(record.reason, REASON_CHARACTERS_MAX)],
    ["followUpTask", record.followUpTask],
    ["endedAt", record.endedAt],
  ];
}

function accountOfRecord(record: Kept<TaskRecord>): readonly (readonly [string, unknown])[] {
  return [
    ["origin", describeOrigin(record.origin)],
    ["requestedBy", oneLine(requestedBy(record.origin), REASON_CHARACTERS_MAX)],
    ["editedBy", record.editor && oneLine(editedBy(record.editor), REASON_CHARACTERS_MAX)],
    ["source", record.source],
    ["parentRun", record.parentRun],
    ["acceptedBy", record.acceptedBy],
    ["acceptedAt", record.acceptedAt],
    ["startedAt", record.startedAt],
    ["attempts", record.attempts],
    ["run", record.run],
    ["failure", record.failure],
    ["thread", record.thread],
    ["model", record.model],
    ["codexVersion", record.codexVersion],
    ["durationMs", record.durationMs],
    ...accountValues(record.usage, record.account),
    ["changes", record.changes.length === 0 ? undefined : record.changes],
    ["verification", record.verification && verificationFacts(record.verification)],
  ];
}

function renderResult(record: Kept<TaskRecord>, message: string): string {
  const lines = [RESULT_HEADING, "", outcomeLine(record), "", ...(message === "" ? [] : [message, ""])];
  lines.push(...changeLines(record.id, record.run, record.changedFiles, record.changes));
  if (record.warnings.length > 0) {
    const warnings = record.warnings.map((warning) => `- ${plainMarkdown(warning, WARNING_CHARACTERS_MAX)}`);
    lines.push(WARNINGS_HEADING, "", ...warnings, "");
  }
  if (record.verification !== undefined) lines.push(...verificationLines(record.verification));
  return lines.join("\n");
}

function outcomeLine({ status, reason, workedMs, attempts }: TaskRecord): string {
  const time = workedMs === undefined ? "" : ` after ${durationText(workedMs)}`;
  const why = reason === undefined ? "" : `: ${plainMarkdown(reason, REASON_CHARACTERS_MAX)}`;
  return `**${status}**${time} (${attempts} ${attempts === 1 ? "attempt" : "attempts"})${why}`;
}
