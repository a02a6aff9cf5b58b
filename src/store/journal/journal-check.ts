import { isOrigin } from "../../task/rights/origin.ts";
import { fold } from "../tasks/open-task.ts";
import type { JournalRecord } from "./journal-record.ts";

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number";
const isList: Check = Array.isArray;
const isObject: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const isSource: Check = (value) =>
  isObject(value) &&
  (["path", "blob", "tracked"] as const).every((key) => isText((value as Record<string, unknown>)[key]));

const isRun: Check = (value) => {
  if (!isObject(value)) return false;
  const { task, run } = value as Record<string, unknown>;
  return isText(task) && isNumber(run);
};
const isRedacted: Check = (value) => isObject(value) && isList((value as Record<string, unknown>).kinds);
const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

/** What each kind of record must hold for the code that reads it; further fields are those of a newer version. */
const FIELDS: { readonly [Kind in JournalRecord["k"]]: Readonly<Record<string, Check>> } = {
  accepted: {
    ...{ v: (value) => value === 1, id: isText, session: isText, path: isText, order: isNumber, atMs: isNumber },
    ...{ text: isText, folderKey: orNull(isText), source: orNull(isSource), clone: isText },
    ...{ droppedBy: orAbsent(isRun), origin: orAbsent(isOrigin), redacted: orAbsent(isRedacted) },
    needsClaim: orAbsent((value) => value === true),
  },
  claim: { by: isText, generation: orAbsent(isNumber), atMs: orAbsent(isNumber), name: orAbsent(isText) },
  replaced: {
    atMs: isNumber,
    text: isText,
    folderKey: orNull(isText),
    source: orNull(isSource),
    alias: orNull(isText),
    droppedBy: orAbsent(isRun),
    redacted: orAbsent(isRedacted),
    origin: orAbsent(isOrigin),
  },
  state: { state: isObject, row: isObject },
  started: {
    run: isNumber,
    attempt: isNumber,
    atMs: isNumber,
    resume: orNull(isText),
    codex: isText,
    before: orAbsent(isObject),
  },
  thread: { run: isNumber, thread: isText },
  run: {
    ...{ run: isNumber, attempt: isNumber, verdict: isObject, startedAtMs: isNumber, endedAtMs: isNumber },
    ...{ entries: isList, facts: isList, changedFiles: isList, usage: orNull(isObject), change: orAbsent(isObject) },
  },
  verify: { run: isNumber, verification: isObject, startedAtMs: isNumber, endedAtMs: isNumber, entries: isList },
  "follow-up": { task: orNull(isText) },
  "drop-gone": { commit: isText },
  "drop-back": {},
  committed: { commit: isText, blob: orNull(isText) },
};

/** Returns what is wrong with the journal of `id` as it was read; `undefined` where it can be worked with. */
export function journalProblem(id: string, records: readonly unknown[]): string | undefined {
  for (const [index, record] of records.entries()) {
    const problem = recordProblem(record);
    if (problem !== undefined) return `record ${index + 1} ${problem}`;
  }
  try {
    const task = fold(records as readonly JournalRecord[]);
    return task.id === id ? undefined : `it is the journal of ${task.id}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function recordProblem(record: unknown): string | undefined {
  if (!isObject(record)) return "is none of ours";
  const fields = new Map(Object.entries(record as object));
  const kind = fields.get("k");
  if (typeof kind !== "string" || !Object.hasOwn(FIELDS, kind))
    return `is of an unknown kind (${JSON.stringify(kind)})`;
  const wrong = Object.entries(FIELDS[kind as JournalRecord["k"]]).find(([key, check]) => !check(fields.get(key)));
  return wrong === undefined ? undefined : `(${kind}) has no valid "${wrong[0]}"`;
}
