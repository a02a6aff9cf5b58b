import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import { asNumber, asObject, asText, parseObject } from "../base/json-shape.ts";
import { readTail } from "../worker/file-tail.ts";

/** The end of a turn is the last line; it repeats the agent's last message, which can be long. */
const TAIL_BYTES = 512 * 1024;
/** A thread's file lies in the folder of its first day; elsewhere (it was copied here) it is looked for in so many folders. */
const FOLDERS_MAX = 4_000;
const DAY_MS = 86_400_000;
/** Codex writes times in milliseconds, and a file's time of change may be rounded. */
const CLOCK_TOLERANCE_MS = 2_000;

/** What codex noted of a failed turn: its class (`usage_limit_exceeded`), and the HTTP status where one is part of that. */
export interface CodexErrorInfo {
  readonly name: string;
  readonly httpStatus: number | undefined;
}

/**
 * Returns the class of the error that ended a thread's last turn, if that began after `sinceMs`: only the thread's own file has it,
 * the events carry text alone (codex 0.169.0). `undefined` where there is no such file, or nothing of the kind in it.
 */
export function readErrorInfo(codexHome: string, threadId: string, sinceMs: number): CodexErrorInfo | undefined {
  const path = findRollout(join(codexHome, "sessions"), threadId);
  if (path === undefined) return undefined;
  for (const line of readTail(path, TAIL_BYTES).split("\n").toReversed()) {
    const payload = line.includes('"task_complete"') ? asObject(parseObject(line)?.payload) : undefined;
    if (payload?.type !== "task_complete") continue;
    const writtenAtMs = Date.parse(asText(parseObject(line)?.timestamp) ?? "");
    // An earlier turn's, where this one left nothing; a time that cannot be read says nothing.
    if (writtenAtMs < sinceMs - CLOCK_TOLERANCE_MS) return undefined;
    return errorInfo(asObject(payload.error)?.codex_error_info);
  }
  return undefined;
}

/** `"other"`, or `{"http_connection_failed": {"http_status_code": 401}}`. */
function errorInfo(value: unknown): CodexErrorInfo | undefined {
  const name = asText(value) ?? Object.keys(asObject(value) ?? {})[0];
  if (name === undefined) return undefined;
  return { name, httpStatus: asNumber(asObject(asObject(value)?.[name])?.http_status_code) };
}

function findRollout(sessionsDir: string, threadId: string): string | undefined {
  const ending = `-${threadId}.jsonl`;
  for (const day of likelyDays(threadId)) {
    const folder = join(sessionsDir, day);
    const found = entriesOf(folder).find(({ name }) => name.endsWith(ending));
    if (found !== undefined) return join(folder, found.name);
  }
  const folders = [sessionsDir];
  for (let index = 0; index < folders.length && index < FOLDERS_MAX; index += 1) {
    const folder = folders[index] ?? sessionsDir;
    for (const entry of entriesOf(folder)) {
      if (entry.isDirectory()) folders.push(join(folder, entry.name));
      else if (entry.name.endsWith(ending)) return join(folder, entry.name);
    }
  }
  return undefined;
}

/** A thread id begins with its time of birth (UUIDv7); its folder is named after that day in codex's time zone. */
function likelyDays(threadId: string): readonly string[] {
  const bornAtMs = Number.parseInt(threadId.replaceAll("-", "").slice(0, 12), 16);
  if (!(bornAtMs < 8e15)) return [];
  return [0, -DAY_MS, DAY_MS].map((offset) =>
    new Date(bornAtMs + offset).toISOString().slice(0, 10).replaceAll("-", "/"),
  );
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return []; // Not there, or not ours to read: the text of the failure has to do.
  }
}
