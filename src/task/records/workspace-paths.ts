import { asKeptText, type KeptText } from "../text/kept-text.ts";

/** Where tasks are dropped. All paths here are relative to the workspace, with "/" between their parts. */
export const INBOX = "inbox";
/** Where sessions and their tasks are kept. */
export const SESSIONS = "sessions";
/** Where the files of archived sessions go, by the day on which that was done. */
export const ARCHIVE = "archive";
/** The ledger of state changes. */
export const LEDGER = "tasks.md";
/** Where closed parts of the ledger go. */
export const ROTATED_LEDGERS = "tasks";

/** A path of ours is kept text where its parts are: then it may stand in a commit. */
type PathOf<Part extends string> = Part extends KeptText ? KeptText : string;

/** Returns the folder of a session. */
export function sessionFolder<Part extends string>(key: Part): PathOf<Part> {
  return `${SESSIONS}/${key}` as PathOf<Part>;
}

/**
 * Returns the name of the `sequence`-th folder (from 1) of a day: "2026-11-20", then "2026-11-20-2". A day has several
 * so that no folder grows large: git writes a folder whole whenever an entry of it changes.
 */
export function datedFolder(date: string, sequence: number): string {
  return sequence === 1 ? date : `${date}-${sequence}`;
}

/**
 * Returns the path of a task's committed file.
 *
 * @param folder the dated one; `undefined` for the task that a session was made for, which lies in the session's folder
 * @param name "141530-fix-login-k3f9x2"
 */
export function taskFilePath<Part extends string>(key: Part, folder: Part | undefined, name: Part): PathOf<Part> {
  return `${sessionFolder(key)}${folder === undefined ? "" : `/${folder}`}/${name}.md` as PathOf<Part>;
}

/** Returns the path of the facts about a session. */
export function sessionFactsPath<Part extends string>(key: Part): PathOf<Part> {
  return `${sessionFolder(key)}/session.jsonl` as PathOf<Part>;
}

/** The transcript in the folder of a session. */
export const TRANSCRIPT = "transcript.jsonl";

/** Returns the path of the transcript that a session's entries are appended to. */
export function transcriptPath<Part extends string>(key: Part): PathOf<Part> {
  return `${sessionFolder(key)}/${TRANSCRIPT}` as PathOf<Part>;
}

/** Returns the path of the `sequence`-th closed transcript (from 1); the clone's id keeps two clones' files apart. */
export function rotatedTranscriptPath<Part extends string>(key: Part, cloneId: string, sequence: number): PathOf<Part> {
  return `${sessionFolder(key)}/transcript/${numbered(cloneId, sequence)}.jsonl` as PathOf<Part>;
}

/** Returns the folder of a session that was archived on `date`. */
export function archivedSessionFolder<Part extends string>(date: Part, key: Part): PathOf<Part> {
  return `${ARCHIVE}/${date}/${key}` as PathOf<Part>;
}

/** Returns the path of the `sequence`-th closed ledger (from 1) of a day. */
export function rotatedLedgerPath(date: string, cloneId: string, sequence: number): KeptText {
  return asKeptText(`${ROTATED_LEDGERS}/${date}/${numbered(cloneId, sequence)}.md`);
}

function numbered(cloneId: string, sequence: number): string {
  return `${cloneId}-${String(sequence).padStart(4, "0")}`;
}
