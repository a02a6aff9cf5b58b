import type { FollowOptions } from "../app/log/follow-events.ts";
import type { ListOptions } from "../app/queries/queries.ts";
import type { DiffOptions } from "../app/views/diff-view.ts";
import type { LogOptions } from "../app/views/log-view.ts";
import { CoordinatorError } from "../base/errors.ts";
import { TASK_STATUSES } from "../task/ledger/ledger.ts";
import { nearest } from "../task/text/near-miss.ts";

/** Tasks in one answer. */
const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;

type Given = Readonly<Record<string, readonly string[]>>;

/**
 * Returns what `GET /tasks` asks for.
 *
 * @throws CoordinatorError `USAGE` for a name or a value that it does not know
 */
export function listOptions(given: Given): ListOptions {
  const { status: statuses = [], ...others } = given;
  const unknownStatus = statuses.find((word) => !TASK_STATUSES.some((known) => known === word));
  if (unknownStatus !== undefined) throw unknown("status", unknownStatus, TASK_STATUSES);
  const { session, text, limit, finished, cursor, archived } = knownQuery(others, {
    status: "text",
    ...{
      session: "text",
      text: "text",
      limit: "number",
      finished: "number",
      cursor: "text",
      archived: ["true", "false"],
    },
  });
  const count = wholeNumber(limit) ?? LIMIT_DEFAULT;
  if (count < 1 || count > LIMIT_MAX)
    throw new CoordinatorError("USAGE", `limit takes 1 to ${LIMIT_MAX}, not "${limit}"`);
  return {
    finished: wholeNumber(finished) ?? Number.POSITIVE_INFINITY,
    session,
    text: text === "" ? undefined : text,
    statuses: TASK_STATUSES.filter((word) => statuses.includes(word)),
    archived: archived === "true",
    limit: count,
    cursor,
  };
}

/** So long a request may wait for a task, in seconds. */
const WAIT_MAX_S = 300;

/** Returns how many seconds a request waits for a task; `undefined`: it does not. @throws CoordinatorError `USAGE` */
export function waitSeconds(given: Given): number | undefined {
  const { wait } = knownQuery(given, { wait: "number" });
  const seconds = wholeNumber(wait);
  if (seconds !== undefined && seconds > WAIT_MAX_S)
    throw new CoordinatorError("USAGE", `wait takes 0 to ${WAIT_MAX_S} seconds, not "${wait}"`);
  return seconds;
}

/** Entries of a log in one answer. */
const ENTRIES_DEFAULT = 1_000;
const ENTRIES_MAX = 10_000;
/** Making more of them into one text would hold up everybody else. */
const LOG_CHARACTERS_MAX = 2 * 1024 * 1024;

/** Returns what `GET /tasks/:id/log` asks for. @throws CoordinatorError `USAGE` */
export function logOptions(given: Given): LogOptions {
  const { last } = knownQuery(given, { last: "number" });
  const count = wholeNumber(last) ?? ENTRIES_DEFAULT;
  if (count > ENTRIES_MAX) throw new CoordinatorError("USAGE", `last takes 0 to ${ENTRIES_MAX}, not "${last}"`);
  return { last: count, charactersMax: LOG_CHARACTERS_MAX };
}

/** Returns what `GET /tasks/:id/diff` asks for. @throws CoordinatorError `USAGE` */
export function diffOptions(given: Given): DiffOptions {
  const { run, stat } = knownQuery(given, { run: "number", stat: ["true", "false"] });
  return { run: wholeNumber(run), stat: stat === "true" };
}

/**
 * Returns what `GET /events` asks for; the header of a client that comes again says more than its address.
 *
 * @throws CoordinatorError `USAGE` for a name or a number that it does not know
 */
export function followOptions(given: Given, lastEventId: string | undefined): FollowOptions {
  const { task, session, after } = knownQuery(given, { task: "text", session: "text", after: "number" });
  const last = lastEventId === "" ? undefined : lastEventId;
  if (last !== undefined && !/^\d{1,15}$/.test(last))
    throw new CoordinatorError("USAGE", `Last-Event-ID takes the number of an event, not "${last}"`);
  return { task, session, after: wholeNumber(last ?? after) };
}

/** What a name takes: any text, a whole number, or one of these words. */
type Kind = "text" | "number" | readonly string[];

/** Returns the values of a query by name. @throws CoordinatorError `USAGE` naming what is unknown, and what would be right */
export function knownQuery<Name extends string>(
  given: Given,
  known: Readonly<Record<Name, Kind>>,
): Partial<Record<Name, string>> {
  const kinds = new Map<string, Kind>(Object.entries(known));
  for (const [name, values] of Object.entries(given)) {
    const kind = kinds.get(name);
    if (kind === undefined) throw unknown("query", name, [...kinds.keys()]);
    const [value = ""] = values;
    if (values.length > 1) throw new CoordinatorError("USAGE", `${name} is given ${values.length} times`);
    if (kind === "number" && !/^\d{1,15}$/.test(value))
      throw new CoordinatorError("USAGE", `${name} takes a whole number, not "${value}"`);
    if (typeof kind === "object" && !kind.includes(value)) throw unknown(name, value, kind);
  }
  return Object.fromEntries(Object.entries(given).map(([name, [value]]) => [name, value])) as Partial<
    Record<Name, string>
  >;
}

/**
 * Returns the fields of a JSON body, as texts; an empty body has none.
 *
 * @throws CoordinatorError `BAD_JSON`; `USAGE` for a field that is unknown or takes something else
 */
export function bodyFields<Name extends string>(
  body: string,
  known: Readonly<Record<Name, "text" | "boolean">>,
): Partial<Record<Name, string>> {
  if (body.trim() === "") return {};
  const kinds = new Map<string, "text" | "boolean">(Object.entries<"text" | "boolean">(known));
  const names = [...kinds.keys()];
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (cause) {
    throw new CoordinatorError("BAD_JSON", `the body is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new CoordinatorError("USAGE", `expected a JSON object with ${names.join(", ")}`);
  const given = Object.entries(parsed).filter(([, value]) => value !== null);
  for (const [name, value] of given) {
    const kind = kinds.get(name);
    if (kind === undefined) throw unknown("field", name, names);
    if (kind === "text" && typeof value !== "string") throw new CoordinatorError("USAGE", `${name} takes a text`);
    if (kind === "boolean" && typeof value !== "boolean")
      throw new CoordinatorError("USAGE", `${name} takes true or false`);
  }
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)])) as Partial<Record<Name, string>>;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function unknown(what: string, word: string, known: readonly string[]): CoordinatorError {
  const near = nearest(word, known);
  const hint = near === undefined ? `expected one of ${known.join(", ")}` : `did you mean "${near}"?`;
  return new CoordinatorError("USAGE", `unknown ${what} "${word}"; ${hint}`);
}
