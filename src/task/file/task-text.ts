import type { TaskProblem } from "../spec/task-spec.ts";
import type { YamlEntry } from "../spec/yaml-mapping.ts";
import { readFrontMatter, renderFrontMatter } from "./front-matter.ts";
import { canonicalKey } from "./task-fields.ts";

/** Keys of the front matter with their values, as JSON has them. */
export type TaskKeys = Readonly<Record<string, unknown>>;

/** What an edit of a task changes. */
export interface TaskChange {
  /** A key with `null` is taken out. */
  readonly keys: TaskKeys;
  /** Instead of the one that is there. */
  readonly prompt?: string | undefined;
}

/** Where in the parts that were given something is: in a key that was given apart, or at a place of the text. */
export interface GivenPlace {
  readonly key?: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** A task file that was put together of parts. */
export interface ComposedText {
  readonly text: string;
  /** Returns where a problem of `text` is in the parts. */
  locate(problem: Pick<TaskProblem, "line" | "column">): GivenPlace;
}

/** Returns a text that was given whole. */
export function wholeText(text: string): ComposedText {
  return { text, locate: ({ line, column }) => ({ line, column }) };
}

/**
 * Returns the task file with these keys and this prompt, whatever the prompt begins with.
 *
 * @throws RangeError where a value has too many levels to be written
 */
export function composeText(keys: TaskKeys, prompt: string): ComposedText {
  const names = Object.keys(keys).filter((key) => keys[key] !== undefined);
  return {
    text: `${renderFrontMatter(Object.entries(keys))}${prompt}`,
    locate({ line, column }) {
      if (line === undefined || line === 1) return {};
      const key = names[line - 2];
      return key === undefined ? { key: "prompt", line: Math.max(1, line - names.length - 2), column } : { key };
    },
  };
}

/** A key that a text gives although it is given apart too. */
export interface KeyGivenTwice {
  readonly key: string;
  readonly line: number;
}

/**
 * Returns `text` with `keys` in its front matter, or which of them it has already. Everything else of it stays as it is, where its front
 * matter has one key per line; a mapping in braces is written anew.
 */
export function addKeys(text: string, keys: TaskKeys): ComposedText | { readonly twice: readonly KeyGivenTwice[] } {
  const added = Object.entries(keys).filter(([, value]) => value !== undefined);
  if (added.length === 0) return wholeText(text);
  const { entries, body, problems } = readFrontMatter(text);
  if (problems.length > 0) return wholeText(text); // They are told first.
  const bodyStart = text.length - body.length;
  if (bodyStart === 0) return inFront(composeText(keys, text));
  const twice = entries.flatMap(({ key, keyPlace }) => {
    const known = canonicalKey(key) ?? key;
    return added.some(([name]) => name === known) ? [{ key: known, line: keyPlace.line }] : [];
  });
  if (twice.length > 0) return { twice };
  if (!isBlock(text, entries)) return composeText({ ...Object.fromEntries(entries.map(plainEntry)), ...keys }, body);
  const end = text.indexOf("\n---", text.indexOf("\n")) + 1;
  const lines = renderFrontMatter(added).split("\n").slice(1, -2);
  const before = text.slice(0, end).split("\n").length - 1;
  return {
    text: `${text.slice(0, end)}${lines.map((line) => `${line}\n`).join("")}${text.slice(end)}`,
    locate({ line, column }) {
      if (line === undefined || line <= before) return { line, column };
      const key = added[line - before - 1]?.[0];
      return key === undefined ? { line: line - added.length, column } : { key };
    },
  };
}

/** A text without front matter is no "prompt" to who gave it: it is all there is. */
function inFront(composed: ComposedText): ComposedText {
  return {
    ...composed,
    locate(problem) {
      const { key, ...place } = composed.locate(problem);
      return key === undefined || key === "prompt" ? place : { key };
    },
  };
}

/**
 * Returns `text`, a valid task file, after `change`. Comments and all keys that it does not name stay as they are, where the front matter
 * has one key per line; any other is written anew, its keys under their canonical names.
 *
 * @throws RangeError as `composeText`
 */
export function changedText(text: string, { keys, prompt }: TaskChange): ComposedText {
  const { entries, body } = readFrontMatter(text);
  const values = new Map(entries.map(plainEntry));
  const changes = new Map(Object.entries(keys).map(([key, value]) => [canonicalKey(key) ?? key, value]));
  for (const [key, value] of changes) {
    if (value === null) values.delete(key);
    else values.set(key, value);
  }
  const hasLines = entries.length > 0 && isBlock(text, entries);
  const head = hasLines ? changedHead(text.slice(0, text.length - body.length), entries, changes) : "";
  const changed = readFrontMatter(`${head}${prompt ?? body}`);
  const isSame = saysTheSame(changed.entries, values) && changed.problems.length === 0;
  if (head === "" || !isSame || changed.body !== (prompt ?? body))
    return composeText(Object.fromEntries(values), prompt ?? body);
  const headLines = head.split("\n").length - 1;
  return {
    text: `${head}${prompt ?? body}`,
    locate({ line, column }) {
      if (line === undefined) return {};
      if (line > headLines) return { key: "prompt", line: line - headLines, column };
      const entry = changed.entries.findLast(({ keyPlace }) => keyPlace.line <= line);
      return entry === undefined ? {} : { key: canonicalKey(entry.key) ?? entry.key };
    },
  };
}

/** Returns front matter, its lines of dashes included, with each changed key in its place and new ones at the end. */
function changedHead(head: string, entries: readonly YamlEntry[], changes: ReadonlyMap<string, unknown>): string {
  const lines = head.split("\n");
  const close = lines.findLastIndex((line) => line.startsWith("---"));
  const starts = [...entries.map(({ keyPlace }) => keyPlace.line - 1), close];
  const added = new Map(changes);
  const kept = lines.slice(0, starts[0]);
  for (const [index, { key }] of entries.entries()) {
    const name = canonicalKey(key) ?? key;
    const own = lines.slice(starts[index], starts[index + 1]);
    const end = own.findLastIndex((line) => !/^(?:#|\s*$)/.test(line)) + 1; // What follows is said of the next key.
    kept.push(...(changes.has(name) ? renderedKey(name, changes.get(name)) : own.slice(0, end)), ...own.slice(end));
    added.delete(name);
  }
  for (const [key, value] of added) kept.push(...renderedKey(key, value));
  return [...kept, ...lines.slice(close)].join("\n");
}

function renderedKey(key: string, value: unknown): readonly string[] {
  return value === null
    ? []
    : renderFrontMatter([[key, value]])
        .split("\n")
        .slice(1, -2);
}

function saysTheSame(entries: readonly YamlEntry[], values: ReadonlyMap<string, unknown>): boolean {
  const found = new Map(entries.map(plainEntry));
  const isEqual = ([key, value]: readonly [string, unknown]): boolean =>
    found.has(key) && JSON.stringify(found.get(key)) === JSON.stringify(value);
  return found.size === values.size && [...values].every(isEqual);
}

/** Each key begins a line. */
function isBlock(text: string, entries: readonly YamlEntry[]): boolean {
  return entries.every(({ keyPlace }) => keyPlace.column === 1) && !/^[^\n]*\n\s*\{/.test(text);
}

/** Returns what has to be changed in the task file `before`, so that it says what `after` does; both are valid. */
export function changeBetween(before: string, after: string): TaskChange {
  const [old, edited] = [readFrontMatter(before), readFrontMatter(after)];
  const [from, to] = [new Map(old.entries.map(plainEntry)), new Map(edited.entries.map(plainEntry))];
  const gone = [...from.keys()].filter((key) => !to.has(key)).map((key) => [key, null] as const);
  const changed = [...to].filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(from.get(key)));
  const keys = Object.fromEntries([...gone, ...changed]);
  return edited.body === old.body ? { keys } : { keys, prompt: edited.body };
}

function plainEntry({ key, value }: YamlEntry): readonly [string, unknown] {
  const { plain, text } = value;
  const isText = typeof plain === "number" && !Number.isInteger(plain) && text !== undefined; // `1.10` stays what it shows.
  return [canonicalKey(key) ?? key, isText ? text : plain];
}
