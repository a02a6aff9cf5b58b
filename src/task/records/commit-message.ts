import { isOwnSessionKey } from "../names/session-key.ts";
import { describeOrigin, editedBy, requestedBy } from "../rights/origin.ts";
import type { ChangedFile } from "../state/run.ts";
import type { Verification } from "../state/verification.ts";
import { durationText } from "../text/duration-text.ts";
import { asKeptText, type Kept, type KeptText } from "../text/kept-text.ts";
import { oneLine, printable, shorten } from "../text/one-line.ts";
import { inertText } from "./inert-text.ts";
import type { TaskChange } from "./task-file/change-section.ts";
import type { TaskRecord } from "./task-file/task-record.ts";

/** All of these count characters but the last three. A subject stays readable in `git log --oneline`. */
const SUBJECT_MAX = 72;
const SESSION_MAX = 24;
const REASON_MAX = 40;
/** Left for the title, whatever session and reason take. */
const TITLE_MIN = 24;
const LINE_MAX = 72;
const BODY_MAX = 1_000;
const TRAILER_MAX = 400;
const PATH_MAX = 200;
const BODY_LINES_MAX = 14;
const FILES_MAX = 10;

/**
 * What a line of free text may not begin with: a trailer, comment or cut line (`#`), the divider before a patch (`---`),
 * a patch or mail, or the lines git itself adds. git looks for these at the very beginning of a line.
 */
const MEANS_SOMETHING = /^(?:[A-Za-z0-9-]+[ \t]*:|#|---|diff |From |\(cherry picked from commit )/;

/** Returns the message of the commit of a task that has ended. No text of the agent becomes a trailer. */
export function taskCommitMessage(record: Kept<TaskRecord>): KeptText {
  const trailers = [
    trailer("Task-Id", record.id),
    trailer("Session-Key", record.sessionKey),
    ...(record.thread === undefined ? [] : [trailer("Codex-Thread", record.thread)]),
    trailer("Task-Status", record.status),
    trailer("Attempts", String(record.attempts)),
    trailer("Requested-By", inertLine(requestedBy(record.origin), TRAILER_MAX)),
    trailer("Origin", inertLine(describeOrigin(record.origin), TRAILER_MAX)),
    ...(record.editor === undefined ? [] : [trailer("Edited-By", inertLine(editedBy(record.editor), TRAILER_MAX))]),
    ...(record.verification === undefined ? [] : [verificationTrailer(record.verification)]),
    ...record.changes.flatMap(changeTrailers),
    ...(record.followUpTask === undefined ? [] : [trailer("Follow-Up", record.followUpTask)]),
  ];
  return joined(taskSubject(record), quietBody(record.lastMessage), trailers, changedFiles(record.changedFiles));
}

/**
 * Returns the message of the commit that keeps what a clone has done for a task that another one had taken over. Its trailer is not
 * `Task-Id`: the task's end is the other one's to tell.
 */
export function supersededCommitMessage(
  record: Kept<TaskRecord>,
  by: { readonly name: KeptText; readonly generation: number },
): KeptText {
  const { sessionKey, spec, thread } = record;
  const session = isOwnSessionKey(sessionKey) ? "task" : oneLine(sessionKey, SESSION_MAX);
  const start = `${session}: superseded: `;
  const trailers = [
    trailer("Superseded-Task-Id", record.id),
    trailer("Superseded-By", `${inertLine(by.name, TRAILER_MAX)} (generation ${by.generation})`),
    trailer("Session-Key", sessionKey),
    ...(thread === undefined ? [] : [trailer("Codex-Thread", thread)]),
    ...record.changes.flatMap(changeTrailers),
  ];
  const subject = `${start}${atWord(inertLine(spec.title, BODY_MAX), SUBJECT_MAX - start.length)}`;
  return joined(subject, quietBody(record.lastMessage), trailers, changedFiles(record.changedFiles));
}

/** A change that is held is not named by its commit: nobody else can have it. */
function changeTrailers({ commit, held }: TaskChange): readonly string[] {
  if (held !== null) return [trailer("Change-Held", held.ref)];
  return commit === null ? [] : [trailer("Change", commit)];
}

/** Returns the message of the commit that takes accepted drops out of inbox/. Its trailer is not `Task-Id`: that counts finished tasks. */
export function intakeCommitMessage(
  accepted: readonly { readonly id: KeptText; readonly title: KeptText }[],
): KeptText {
  const titles = accepted.map(({ title }) => title).join("; ");
  const trailers = accepted.map(({ id }) => trailer("Accepted-Task-Id", id));
  return joined(`inbox: accepted ${accepted.length}: ${titles}`, "", trailers);
}

/** Returns the message of the commit that says what is wrong with dropped files. */
export function errorFileCommitMessage(fileNames: readonly KeptText[]): KeptText {
  const [first = ""] = fileNames;
  if (fileNames.length === 1) return joined(`inbox: ${first} is not a valid task`, "", []);
  const body = quietBody(fileNames.map((name) => oneLine(name, PATH_MAX)).join("\n"));
  return joined(`inbox: ${fileNames.length} files are not valid tasks`, body, []);
}

/** Returns the message of the commit that removes files of inbox/ that are done with. */
export function removedFilesCommitMessage(paths: readonly string[]): KeptText {
  const [first = ""] = paths;
  return joined(`inbox: removed ${paths.length === 1 ? first : `${paths.length} files that are done with`}`, "", []);
}

/** Returns the message of the commit that archives a session, or takes it out again. */
export function archiveCommitMessage(sessionKey: KeptText, archived: boolean): KeptText {
  const key = trailer("Session-Key", sessionKey);
  return joined(`${sessionKey}: ${archived ? "archived" : "taken out of the archive"}`, "", [key]);
}

/** Returns the message of the commit that leaves the latest row of each task alone. */
export function compactedCommitMessage(): KeptText {
  return joined("codex-inbox: the ledger has the latest row of each task alone", "", []);
}

/** `Verified` stands only where the verification has passed. */
function verificationTrailer({ command, outcome, what }: Verification): string {
  const value = inertLine(outcome === "passed" ? command : `${command} (${what})`, TRAILER_MAX);
  return trailer(outcome === "passed" ? "Verified" : "Not-Verified", value);
}

function taskSubject({ sessionKey, spec, status, reason, failure, workedMs }: TaskRecord): string {
  const session = isOwnSessionKey(sessionKey) ? "task" : oneLine(sessionKey, SESSION_MAX);
  const start = `${session}: ${status === "succeeded" ? "" : `${status}: `}`;
  const noteMax = Math.min(REASON_MAX, SUBJECT_MAX - start.length - TITLE_MIN - " ()".length);
  const note =
    status === "failed"
      ? atWord(inertLine(failure === "verification" ? failure : (reason ?? ""), BODY_MAX), noteMax)
      : status === "succeeded" && workedMs !== undefined
        ? durationText(workedMs)
        : "";
  const end = note === "" ? "" : ` (${note})`;
  return `${start}${atWord(inertLine(spec.title, BODY_MAX), SUBJECT_MAX - start.length - [...end].length)}${end}`;
}

/** Cut where a word ends, unless that would leave less than half of it. */
function atWord(text: string, charactersMax: number): string {
  const cut = shorten(text, charactersMax);
  if (cut === text) return text;
  const isBetween = /\s/.test(text[cut.length - 1] ?? "");
  const end = isBetween ? -1 : cut.lastIndexOf(" ");
  return end > cut.length / 2 ? `${cut.slice(0, end).trimEnd()}…` : cut;
}

function inertLine(text: string, charactersMax: number): string {
  return shorten(inertText(oneLine(text, charactersMax)), charactersMax);
}

/** The first lines of a text, wrapped, such that neither git nor a host reads anything into them. */
function quietBody(text: string): string {
  const lines = printable(text.slice(0, BODY_MAX * 4))
    .replaceAll("\t", "  ")
    .split("\n")
    .flatMap((line) => wrapped(shorten(inertText(shorten(line.trimEnd(), BODY_MAX)), BODY_MAX)));
  const first = lines
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .replace(/^\n+/, "")
    .split("\n");
  const kept = first.slice(0, BODY_LINES_MAX);
  const isCut = first.length > kept.length || text.length > BODY_MAX * 4;
  const body = shorten(kept.join("\n").trimEnd(), BODY_MAX);
  const quiet = body.split("\n").map(quietLine);
  return `${quiet.join("\n")}${isCut && body !== "" && !body.endsWith("…") ? "\n…" : ""}`;
}

/** What was harmless in the middle of a line may not be at the beginning of one. */
function quietLine(line: string): string {
  const inert = inertText(line);
  return MEANS_SOMETHING.test(inert) ? ` ${inert}` : inert;
}

/** The lines that one line of text takes; what follows stands as far in as it did. A longer word stays whole, as in addresses. */
function wrapped(line: string): readonly string[] {
  if (line.length <= LINE_MAX) return [line];
  const [start = ""] = /^ *(?:[-*+] |\d{1,3}[.)] )?/.exec(line) ?? [];
  const lines: string[] = [];
  let current = start;
  let isFirst = true;
  for (const word of line.slice(start.length).split(" ")) {
    if (!isFirst && current.length + 1 + word.length > LINE_MAX) {
      lines.push(current);
      current = " ".repeat(start.length) + word;
    } else current += isFirst ? word : ` ${word}`;
    isFirst = false;
  }
  return [...lines, current];
}

/** The files of a change, by name, some of them. */
function changedFiles(files: readonly ChangedFile[]): string {
  if (files.length === 0) return "";
  const named = files.slice(0, FILES_MAX).map(({ path, change }) => `- ${inertLine(`${change} ${path}`, PATH_MAX)}`);
  const more = files.length > FILES_MAX ? [`- and ${files.length - FILES_MAX} more`] : [];
  return ["Changed files", ...named, ...more].join("\n");
}

function trailer(key: string, value: string): string {
  return `${key}: ${oneLine(value, TRAILER_MAX)}`;
}

function joined(subject: string, body: string, trailers: readonly string[], files = ""): KeptText {
  const paragraphs = [atWord(inertLine(subject, BODY_MAX), SUBJECT_MAX), body, files, trailers.join("\n")];
  return asKeptText(`${paragraphs.filter((paragraph) => paragraph !== "").join("\n\n")}\n`);
}
