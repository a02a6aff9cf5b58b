import type { Expectation, Place } from "../spec/task-problem.ts";
import { quoted } from "../spec/task-problem.ts";
import type { YamlValue } from "../spec/yaml-mapping.ts";

/** A key of the front matter: what its value has to look like, and how it is read. */
export interface Field<T> extends Expectation {
  /** The canonical name, in camelCase. */
  readonly key: string;
  readonly example: string;
  /** Returns the value, or everything that is wrong with it. Never asked about an empty value. */
  readonly read: (value: YamlValue) => FieldReading<T>;
}

export type FieldReading<T> =
  | { readonly value: T; readonly faults?: undefined }
  | { readonly faults: readonly Fault[] };

/** What is wrong, as the end of a sentence that begins with the key ("… is not a number"). */
export interface Fault {
  readonly place: Place;
  readonly message: string;
  /** Where something else is expected than the field says. */
  readonly expected?: string;
}

/** Describes a key in one line. */
export function field<K extends string, T>(
  key: K,
  expected: string,
  example: string,
  read: (value: YamlValue) => FieldReading<T>,
): Field<T> & { readonly key: K } {
  return { key, expected, example, read };
}

/** Reads text that `problemOf` finds nothing wrong with; blanks around it do not count. */
export function textField(problemOf: (text: string) => string | undefined): (value: YamlValue) => FieldReading<string> {
  return (value) => {
    if (value.text === undefined) return fault(value, "is not text");
    const text = value.text.trim();
    const problem = problemOf(text);
    return problem === undefined ? { value: text } : fault(value, `${quoted(text)} ${problem}`);
  };
}

/** Reads one of `words`. */
export function wordField<T extends string>(words: readonly T[]): (value: YamlValue) => FieldReading<T> {
  return (value) => {
    const word = words.find((candidate) => candidate === value.plain);
    return word === undefined ? fault(value, `${shown(value)} is none of its values`) : { value: word };
  };
}

/** Reads a whole number from `min` to `max`. */
export function wholeNumberField(min: number, max: number): (value: YamlValue) => FieldReading<number> {
  return (value) => {
    const number = value.plain;
    if (typeof number !== "number" || !Number.isInteger(number))
      return fault(value, `${shown(value)} is not a whole number`);
    if (number < min || number > max) return fault(value, `${number} is not between ${min} and ${max}`);
    return { value: number };
  };
}

/** Reads an ISO 8601 time with a zone, as Unix ms. */
export function zonedTimeField(value: YamlValue): FieldReading<number> {
  const timeMs = value.text === undefined ? undefined : parseZonedTime(value.text.trim());
  return timeMs === undefined ? fault(value, `${shown(value)} is not a time with a zone`) : { value: timeMs };
}

export function booleanField(value: YamlValue): FieldReading<boolean> {
  return typeof value.plain === "boolean"
    ? { value: value.plain }
    : fault(value, `${shown(value)} is neither true nor false`);
}

/** Reads a list, or one value as a list of one; repeats count once. */
export function listField(
  item: (value: YamlValue) => FieldReading<string>,
  countMax: number,
): (value: YamlValue) => FieldReading<readonly string[]> {
  return (value) => {
    const items = value.items ?? [value];
    if (items.length > countMax) return fault(value, `has ${items.length} entries; at most ${countMax} are read`);
    const readings = items.map(item);
    const faults = readings.flatMap((reading) => reading.faults ?? []);
    if (faults.length > 0) return { faults };
    return {
      value: [...new Set(readings.flatMap((reading) => (reading.faults === undefined ? [reading.value] : [])))],
    };
  };
}

/** Returns a reading with one fault, at the value. */
export function fault(value: YamlValue, message: string, expected?: string): { readonly faults: readonly Fault[] } {
  return { faults: [{ place: value.place, message, ...(expected === undefined ? {} : { expected }) }] };
}

/** Returns a value as it is named in a sentence. */
export function shown(value: YamlValue): string {
  if (value.text !== undefined) return quoted(value.text);
  if (value.items !== undefined) return "a list";
  return value.entries === undefined ? "nothing" : "a mapping";
}

const ZONED_TIME =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s?([Zz]|([+-])(\d{2}):?(\d{2}))$/;

/** Returns the Unix milliseconds of an ISO 8601 time with a zone, or `undefined` for anything else (30 February too). */
function parseZonedTime(text: string): number | undefined {
  const parts = ZONED_TIME.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const [offsetHours = 0, offsetMinutes = 0] = parts.slice(10, 12).map((part) => Number(part ?? 0));
  const milliseconds = Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second, milliseconds);
  const isReal =
    local.getUTCMonth() === month - 1 && local.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000;
  return local.getTime() - (parts[9] === "-" ? -offsetMs : offsetMs);
}
