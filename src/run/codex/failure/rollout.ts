import { type Dirent, existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode } from "../../../base/errors.ts";
import { asNumber, asObject, asText, type JsonObject, parseObject } from "../../../base/json-shape.ts";
import { readTail } from "../../worker/bounded-file.ts";

/** The end of a turn is the last line; it repeats the agent's last message, which can be long. */
const TAIL_BYTES = 512 * 1024;
/** A thread's file lies in the folder of its first day; elsewhere (it was copied here) it is looked for in so many folders, the newest first. */
const FOLDERS_MAX = 1_000;
/** Threads whose file is remembered, or that there is none. */
const KNOWN_MAX = 200;
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
export async function readErrorInfo(
  rollouts: Rollouts,
  threadId: string,
  sinceMs: number,
): Promise<CodexErrorInfo | undefined> {
  const path = await rollouts.find(threadId);
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

/** Where codex keeps the files of its threads. */
export interface Rollouts {
  /** Returns the file of a thread, where there is one. */
  find(threadId: string): Promise<string | undefined>;
}

/** @param codexHome without it there are none */
export function createRollouts(codexHome: string | undefined): Rollouts {
  const known = new Map<string, string | undefined>();
  return {
    async find(threadId) {
      if (codexHome === undefined) return undefined;
      const sessionsDir = join(codexHome, "sessions");
      // A file that was not there a run ago may be by now, where codex puts it: only the walk is not made again.
      const path =
        known.get(threadId) ??
        (await findByDay(sessionsDir, threadId)) ??
        (known.has(threadId) ? undefined : await findAnywhere(sessionsDir, threadId));
      known.delete(threadId);
      known.set(threadId, path);
      const [oldest] = known.keys();
      if (known.size > KNOWN_MAX && oldest !== undefined) known.delete(oldest);
      return path;
    },
  };
}

async function findByDay(sessionsDir: string, threadId: string): Promise<string | undefined> {
  for (const day of likelyDays(threadId)) {
    const folder = join(sessionsDir, day);
    const found = (await entriesOf(folder)).find(({ name }) => name.endsWith(endingOf(threadId)));
    if (found !== undefined) return join(folder, found.name);
  }
  return undefined;
}

async function findAnywhere(sessionsDir: string, threadId: string): Promise<string | undefined> {
  const folders = [sessionsDir];
  for (let looks = 0; looks < FOLDERS_MAX; looks += 1) {
    const folder = folders.pop();
    if (folder === undefined) return undefined;
    const entries = (await entriesOf(folder)).toSorted((one, other) => (one.name < other.name ? -1 : 1));
    const found = entries.find((entry) => !entry.isDirectory() && entry.name.endsWith(endingOf(threadId)));
    if (found !== undefined) return join(folder, found.name);
    folders.push(...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name)));
  }
  return undefined;
}

function endingOf(threadId: string): string {
  return `-${threadId}.jsonl`;
}

/** A thread id begins with its time of birth (UUIDv7); its folder is named after that day in codex's time zone. */
function likelyDays(threadId: string): readonly string[] {
  const bornAtMs = Number.parseInt(threadId.replaceAll("-", "").slice(0, 12), 16);
  if (!(bornAtMs < 8e15)) return [];
  return [0, -DAY_MS, DAY_MS].map((offset) =>
    new Date(bornAtMs + offset).toISOString().slice(0, 10).replaceAll("-", "/"),
  );
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  if (!existsSync(folder)) return []; // A tenth of what it costs to be refused.
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return []; // Not there, or not ours to read: the text of the failure has to do.
  }
}
