import { isOwnSessionKey } from "../names/session-key.ts";
import { describeOrigin, requestedBy } from "../rights/origin.ts";
import type { Verification } from "../state/verification.ts";
import { durationText } from "../text/duration-text.ts";
import { asKeptText, type Kept, type KeptText } from "../text/kept-text.ts";
import { oneLine, printable, shorten } from "../text/one-line.ts";
import { inertText } from "./inert-text.ts";
import type { TaskRecord } from "./task-record.ts";

/** All of these count characters but the last. A subject stays readable in `git log --oneline`. */
const SUBJECT_MAX = 100;
const SESSION_MAX = 32;
const REASON_MAX = 40;
const BODY_LINE_MAX = 200;
const BODY_MAX = 1_000;
const TRAILER_MAX = 400;
const BODY_LINES_MAX = 10;

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
    ...(record.verification === undefined ? [] : [verificationTrailer(record.verification)]),
    ...(record.followUpTask === undefined ? [] : [trailer("Follow-Up", record.followUpTask)]),
  ];
  return joined(taskSubject(record), quietBody(record.lastMessage), trailers);
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
  const body = quietBody(fileNames.map((name) => oneLine(name, BODY_LINE_MAX)).join("\n"));
  return joined(`inbox: ${fileNames.length} files are not valid tasks`, body, []);
}

/** Returns the message of the commit that removes files of inbox/ that are done with. */
export function removedFilesCommitMessage(paths: readonly string[]): KeptText {
  const [first = ""] = paths;
  return joined(`inbox: removed ${paths.length === 1 ? first : `${paths.length} files that are done with`}`, "", []);
}

/** `Verified` stands only where the verification has passed. */
function verificationTrailer({ command, outcome, what }: Verification): string {
  const value = inertLine(outcome === "passed" ? command : `${command} (${what})`, TRAILER_MAX);
  return trailer(outcome === "passed" ? "Verified" : "Not-Verified", value);
}

function taskSubject({ sessionKey, spec, status, reason, failure, durationMs }: TaskRecord): string {
  const session = isOwnSessionKey(sessionKey) ? "task" : oneLine(sessionKey, SESSION_MAX);
  const outcome = status === "succeeded" ? "" : `${status}: `;
  const note =
    status === "failed"
      ? inertLine(failure === "verification" ? failure : (reason ?? ""), REASON_MAX)
      : status === "succeeded" && durationMs !== undefined
        ? durationText(durationMs)
        : "";
  const end = note === "" ? "" : ` (${note})`;
  const start = `${session}: ${outcome}`;
  const title = inertLine(spec.title, SUBJECT_MAX - start.length - [...end].length);
  return `${start}${title}${end}`;
}

function inertLine(text: string, charactersMax: number): string {
  return shorten(inertText(oneLine(text, charactersMax)), charactersMax);
}

/** The first lines of a text, such that neither git nor a host reads anything into them. */
function quietBody(text: string): string {
  const lines = printable(text.slice(0, BODY_MAX * 4))
    .replaceAll("\t", "  ")
    .split("\n")
    .map((line) => shorten(inertText(shorten(line.trimEnd(), BODY_LINE_MAX)), BODY_LINE_MAX));
  const first = lines
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .replace(/^\n+/, "")
    .split("\n");
  const kept = first.slice(0, BODY_LINES_MAX);
  const isCut = first.length > kept.length || text.length > BODY_MAX * 4;
  const body = shorten(kept.join("\n").trimEnd(), BODY_MAX);
  const quiet = body.split("\n").map((line) => (MEANS_SOMETHING.test(line) ? ` ${line}` : line));
  return `${quiet.join("\n")}${isCut && body !== "" && !body.endsWith("…") ? "\n…" : ""}`;
}

function trailer(key: string, value: string): string {
  return `${key}: ${oneLine(value, TRAILER_MAX)}`;
}

function joined(subject: string, body: string, trailers: readonly string[]): KeptText {
  const paragraphs = [inertLine(subject, SUBJECT_MAX), body, trailers.join("\n")].filter(
    (paragraph) => paragraph !== "",
  );
  return asKeptText(`${paragraphs.join("\n\n")}\n`);
}
