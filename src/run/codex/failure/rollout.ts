import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../../base/errors.ts";
import { asNumber, asObject, asText, type JsonObject, parseObject } from "../../../base/json-shape.ts";
import { readTail } from "../../worker/file-tail.ts";

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
  /** The account's limits as the model's server told them in that turn; none where it told nothing. */
  readonly limits: readonly LimitWindow[];
}

/** One limit of an account: so much within a few hours, or a week. */
export interface LimitWindow {
  readonly usedPercent: number;
  /** Unix ms. */
  readonly resetsAtMs: number;
}

/**
 * Returns the class of the error that ended a thread's last turn, if that began after `sinceMs`: only the thread's own file has it,
 * the events carry text alone (codex 0.169.0). `undefined` where there is no such file, or nothing of the kind in it.
 */
export function readErrorInfo(codexHome: string, threadId: string, sinceMs: number): CodexErrorInfo | undefined {
  const path = findRollout(join(codexHome, "sessions"), threadId);
  if (path === undefined) return undefined;
  const lines = readTail(path, TAIL_BYTES).split("\n");
  const end = lines.findLastIndex((line) => payloadOf(line, "task_complete") !== undefined);
  const last = lines[end];
  if (last === undefined) return undefined;
  const writtenAtMs = Date.parse(asText(parseObject(last)?.timestamp) ?? "");
  // An earlier turn's, where this one left nothing; a time that cannot be read says nothing.
  if (writtenAtMs < sinceMs - CLOCK_TOLERANCE_MS) return undefined;
  const info = asObject(payloadOf(last, "task_complete")?.error)?.codex_error_info;
  const name = asText(info) ?? Object.keys(asObject(info) ?? {})[0];
  if (name === undefined) return undefined;
  // `"other"`, or `{"http_connection_failed": {"http_status_code": 401}}`.
  const httpStatus = asNumber(asObject(asObject(info)?.[name])?.http_status_code);
  return { name, httpStatus, limits: limitsBefore(lines, end) };
}

/** Returns the limits that were noted last in the turn that ends with line `end`. */
function limitsBefore(lines: readonly string[], end: number): readonly LimitWindow[] {
  for (const line of lines.slice(0, end).toReversed()) {
    if (payloadOf(line, "task_started") !== undefined) break;
    const limits = asObject(payloadOf(line, "token_count")?.rate_limits);
    if (limits === undefined) continue;
    return [limits.primary, limits.secondary].flatMap((value) => {
      const window = asObject(value);
      const [usedPercent, resetsAt] = [asNumber(window?.used_percent), asNumber(window?.resets_at)];
      return usedPercent === undefined || resetsAt === undefined ? [] : [{ usedPercent, resetsAtMs: resetsAt * 1_000 }];
    });
  }
  return [];
}

function payloadOf(line: string, type: string): JsonObject | undefined {
  const payload = line.includes(`"${type}"`) ? asObject(parseObject(line)?.payload) : undefined;
  return payload?.type === type ? payload : undefined;
}

/** Returns the file of a thread, where codex has it. */
export function findRollout(sessionsDir: string, threadId: string): string | undefined {
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
