/** Where tasks are dropped. All paths here are relative to the workspace, with "/" between their parts. */
export const INBOX = "inbox";
/** Where sessions and their tasks are kept. */
export const SESSIONS = "sessions";
/** The ledger of state changes. */
export const LEDGER = "tasks.md";
/** Where closed parts of the ledger go. */
export const ROTATED_LEDGERS = "tasks";

/** Returns the folder of a session. */
export function sessionFolder(key: string): string {
  return `${SESSIONS}/${key}`;
}

/**
 * Returns the name of the `sequence`-th folder (from 1) of a day: "2026-11-20", then "2026-11-20-2". A day has several
 * so that no folder grows large: git writes a folder whole whenever an entry of it changes.
 */
export function datedFolder(date: string, sequence: number): string {
  return sequence === 1 ? date : `${date}-${sequence}`;
}

/** Returns the path of a task's committed file. */
export function taskFilePath(key: string, folder: string, id: string): string {
  return `${sessionFolder(key)}/${folder}/${id}.md`;
}

/** Returns the path of the facts about a session. */
export function sessionFactsPath(key: string): string {
  return `${sessionFolder(key)}/session.jsonl`;
}

/** Returns the path of the transcript that a session's entries are appended to. */
export function transcriptPath(key: string): string {
  return `${sessionFolder(key)}/transcript.jsonl`;
}

/** Returns the path of the `sequence`-th closed transcript (from 1); the clone's id keeps two clones' files apart. */
export function rotatedTranscriptPath(key: string, cloneId: string, sequence: number): string {
  return `${sessionFolder(key)}/transcript/${numbered(cloneId, sequence)}.jsonl`;
}

/** Returns the path of the `sequence`-th closed ledger (from 1) of a day. */
export function rotatedLedgerPath(date: string, cloneId: string, sequence: number): string {
  return `${ROTATED_LEDGERS}/${date}/${numbered(cloneId, sequence)}.md`;
}

function numbered(cloneId: string, sequence: number): string {
  return `${cloneId}-${String(sequence).padStart(4, "0")}`;
}
