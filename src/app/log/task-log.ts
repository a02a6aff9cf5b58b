import { CoordinatorError } from "../../base/errors.ts";
import type { Branch } from "../../git/branch.ts";
import { archivedFolders } from "../../store/branch/task-text.ts";
import { sessionFolder, TRANSCRIPT } from "../../task/records/workspace-paths.ts";
import { entryKey, parseTranscript } from "../../task/session/transcript.ts";
import type { TranscriptEntry } from "../../task/session/transcript-entry.ts";
import type { LogEntry, LogOptions, LogView } from "../views/log-view.ts";

/** Returns those of `entries` that are asked for, and how many were left out. */
export function lastOf(
  entries: readonly LogEntry[],
  { last = Number.POSITIVE_INFINITY, charactersMax = Number.POSITIVE_INFINITY }: LogOptions,
): Pick<LogView, "entries" | "leftOut"> {
  let leftOut = entries.length;
  for (let left = charactersMax; leftOut > 0 && entries.length - leftOut < last; leftOut -= 1) {
    left -= JSON.stringify(entries[leftOut - 1]).length;
    if (left < 0) break;
  }
  return { entries: entries.slice(leftOut), leftOut };
}

/** Which entries of a session's transcript are wanted. */
interface Wanted {
  readonly task?: string;
  /** More may be returned. */
  readonly last?: number;
}

/** Returns what the branch holds of a session's transcript, in order of time. One file of 64 KB after the other is looked at. */
export async function committedEntries(
  branch: Pick<Branch, "readText" | "listFolder">,
  sessionKey: string,
  { task = "", last = Number.POSITIVE_INFINITY }: Wanted,
): Promise<readonly TranscriptEntry[]> {
  const entries = new Map<string, TranscriptEntry>();
  for await (const path of transcripts(branch, sessionKey)) {
    const lines = ((await branch.readText(path)) ?? "").split("\n").filter((line) => line.includes(task));
    for (const entry of parseTranscript(lines.join("\n")))
      if (task === "" || entry.task === task) entries.set(entryKey(entry), entry);
    if (entries.size >= last) break;
  }
  return [...entries.values()].sort((one, other) => (one.time < other.time ? -1 : Number(one.time > other.time)));
}

async function* transcripts(branch: Pick<Branch, "listFolder">, sessionKey: string): AsyncGenerator<string> {
  for (const folder of [sessionFolder(sessionKey), ...(await archivedFolders(branch, sessionKey))]) {
    yield `${folder}/${TRANSCRIPT}`;
    const closed = (await branch.listFolder(`${folder}/transcript`)).map(({ name }) => name).sort(bySequence);
    for (const name of closed) yield `${folder}/transcript/${name}`;
  }
}

/** The newest of each clone first. */
function bySequence(one: string, other: string): number {
  const of = (name: string): number => Number(/-(\d+)\.jsonl$/.exec(name)?.[1] ?? 0);
  return of(other) - of(one);
}

/** The same words with and without a coordinator. */
export function noSuchLog(part: string): CoordinatorError {
  const message = `there is no task and no session "${part}"; codex-inbox ls and codex-inbox sessions list them`;
  return new CoordinatorError("NOT_FOUND", message);
}
