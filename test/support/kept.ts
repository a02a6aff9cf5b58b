import { createKeeper } from "../../src/redact/keeper.ts";
import { createKnownValues } from "../../src/redact/known-values.ts";
import { renderErrorFile as renderError } from "../../src/task/file/error-file.ts";
import { appendRows as append, type LedgerRow } from "../../src/task/ledger/ledger.ts";
import {
  errorFileCommitMessage as errorFileMessage,
  intakeCommitMessage as intakeMessage,
  taskCommitMessage as taskMessage,
} from "../../src/task/records/commit-message.ts";
import { renderTaskFile as render, type TaskRecord } from "../../src/task/records/task-file/task-record.ts";
import type { SessionFact } from "../../src/task/session/session-fact.ts";
import { appendFacts as appendFact } from "../../src/task/session/session-facts.ts";
import { appendEntries as appendEntry } from "../../src/task/session/transcript.ts";
import type { TranscriptEntry } from "../../src/task/session/transcript-entry.ts";
import type { TaskProblem } from "../../src/task/spec/task-spec.ts";
import { asKept, asKeptText, type Keeper, type KeptText } from "../../src/task/text/kept-text.ts";

/** The boundary as it is where nothing is known by value and no rule set is loaded. */
export const PLAIN_KEEPER: Keeper = createKeeper({ find: () => undefined }, createKnownValues({}, undefined));

/** What is assembled from kept text, for texts that a test makes up. */
export function renderTaskFile(record: TaskRecord): KeptText {
  return render(asKept(record));
}

export function renderErrorFile(fileName: string, problems: readonly TaskProblem[]): KeptText {
  return renderError(asKeptText(fileName), asKept(problems));
}

export function taskCommitMessage(record: TaskRecord): KeptText {
  return taskMessage(asKept(record));
}

export function intakeCommitMessage(accepted: readonly { readonly id: string; readonly title: string }[]): KeptText {
  return intakeMessage(asKept(accepted));
}

export function errorFileCommitMessage(fileNames: readonly string[]): KeptText {
  return errorFileMessage(fileNames.map(asKeptText));
}

export function appendRows(current: string | undefined, rows: readonly LedgerRow[]): KeptText | "unchanged" {
  return append(current, asKept(rows));
}

export function appendFacts(
  current: string | undefined,
  facts: readonly SessionFact[],
  compactLength?: number,
): KeptText | "unchanged" {
  return appendFact(current, asKept(facts), compactLength);
}

export function appendEntries(
  current: string | undefined,
  entries: readonly TranscriptEntry[],
): KeptText | "unchanged" {
  return appendEntry(current, asKept(entries));
}
