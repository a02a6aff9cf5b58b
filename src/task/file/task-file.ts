import { sessionKeyProblem } from "../names/session-key.ts";
import { type Rights, refusals } from "../rights/rights.ts";
import { type Place, placeAt, problemAt, quoted } from "../spec/task-problem.ts";
import { PRIORITY_DEFAULT, type TaskProblem, type TaskSpec } from "../spec/task-spec.ts";
import type { YamlEntry } from "../spec/yaml-mapping.ts";
import { misspelling, nearest } from "../text/near-miss.ts";
import { oneLine } from "../text/one-line.ts";
import { decodeUtf8, invalidUtf8Offset } from "../text/utf8.ts";
import { readFrontMatter } from "./front-matter.ts";
import type { FrontMatter } from "./plain-front-matter.ts";
import type { Field } from "./task-field.ts";
import { canonicalKey, TASK_FIELDS, TASK_KEYS, type TaskKey } from "./task-fields.ts";
import { TITLE_CHARACTERS_MAX, titleOf } from "./task-title.ts";

/** A dropped file, read; or everything that is wrong with it. */
export type ParsedDrop =
  | {
      readonly ok: true;
      /** The whole file. */
      readonly text: string;
      /** What follows the front matter, as written. */
      readonly prompt: string;
      readonly spec: TaskSpec;
      readonly warnings: readonly string[];
    }
  | {
      readonly ok: false;
      readonly problems: readonly TaskProblem[];
      /** Nothing else is wrong than that it asks for more than it may have. */
      readonly refused: boolean;
    };

/** Codex refuses a longer prompt ("Input exceeds the maximum length of 1048576 characters", measured with 0.169.0). */
export const PROMPT_CHARACTERS_MAX = 1_048_576;

/** More problems than these are counted, not listed. */
const PROBLEMS_MAX = 20;
const UNKNOWN_COMPARED_MAX = 50;
const NONE: readonly string[] = [];
const PROMPT_EXAMPLE = "Correct the spelling in README.md.";

/**
 * Reads a dropped file.
 *
 * @param folderKey session key from the folder the file lies in; front matter wins over it
 * @param rights what a task may ask for; without them nothing is refused, nor a key that may be misspelt: an accepted task stays one
 * @returns the task, or all problems at once, in the order of their places
 */
export function parseDrop(bytes: Uint8Array, folderKey: string | undefined, rights?: Rights): ParsedDrop {
  const text = decodeUtf8(bytes);
  if (text !== undefined) return parseDropText(text, folderKey, rights);
  const offset = invalidUtf8Offset(bytes) ?? 0;
  const before = decodeUtf8(bytes.subarray(0, offset)) ?? "";
  const message = `the file is not UTF-8 text: byte ${offset + 1} has no meaning there`;
  const expectation = { expected: "text, saved with the encoding UTF-8", example: undefined };
  return wrong([problemAt(placeAt(before, before.length), message, expectation)]);
}

/** Does the same for text that is already decoded (from a request, or from our own journal). */
export function parseDropText(text: string, folderKey: string | undefined, rights?: Rights): ParsedDrop {
  const unwritable = characterProblems(text);
  if (unwritable.length > 0) return wrong(unwritable);
  const { parts, fields, spec, problems } = readText(text, folderKey);
  const refused = rights === undefined ? [] : refusedFields(spec, rights, fields.entries);
  const wrongs = rights === undefined ? problems : [...problems, ...fields.misspelt];
  if (wrongs.length + refused.length > 0) return { ...wrong([...wrongs, ...refused]), refused: wrongs.length === 0 };
  return { ok: true, text, prompt: parts.body, spec, warnings: [...fields.warnings, ...lateFrontMatter(parts)] };
}

/** What a text says, whatever it may. */
interface ReadText {
  readonly parts: FrontMatter;
  readonly fields: Fields;
  readonly spec: TaskSpec;
  readonly problems: readonly TaskProblem[];
}

/**
 * The texts that were read last. On its way a task is read again at each station (scanned, claimed, accepted, begun, recorded), each
 * time from where it stands for certain; what comes of the same text is the same.
 */
const lastRead = new Map<string, ReadText>();
const LAST_READ_MAX = 32;
const LAST_READ_CHARACTERS_MAX = 32_768;

function readText(text: string, folderKey: string | undefined): ReadText {
  const key = JSON.stringify([folderKey, text]);
  const known = lastRead.get(key);
  if (known !== undefined) return known;
  const parts = readFrontMatter(text);
  const fields = collectFields(parts);
  const problems = [...parts.problems, ...fields.problems];
  const spec = readSpec(fields.entries, parts, folderKey, problems);
  // Where front matter is not closed, the prompt has no beginning.
  if (parts.problems.length === 0 || parts.body !== "") problems.push(...promptProblems(parts));
  const read = { parts, fields, spec, problems };
  if (text.length > LAST_READ_CHARACTERS_MAX) return read;
  for (const oldest of lastRead.keys()) if (lastRead.size >= LAST_READ_MAX) lastRead.delete(oldest);
  lastRead.set(key, read);
  return read;
}

function wrong(problems: readonly TaskProblem[]): ParsedDrop & { readonly ok: false } {
  return { ok: false, problems: bounded(problems), refused: false };
}

function refusedFields(
  spec: TaskSpec,
  rights: Rights,
  entries: ReadonlyMap<TaskKey, YamlEntry>,
): readonly TaskProblem[] {
  return refusals(spec, rights).map(({ key, message, expected }) =>
    problemAt(entries.get(key)?.value.place, message, { expected, example: undefined }),
  );
}

/** A NUL byte ends a text in the programs this one is handed to, and half a surrogate pair cannot be written as UTF-8. */
function characterProblems(text: string): readonly TaskProblem[] {
  const problems: TaskProblem[] = [];
  const nul = text.indexOf("\0");
  if (nul !== -1) {
    const expectation = { expected: "text without NUL characters", example: undefined };
    problems.push(problemAt(placeAt(text, nul), "the file contains a NUL character", expectation));
  }
  if (!text.isWellFormed()) {
    const expectation = { expected: "whole Unicode characters", example: undefined };
    problems.push(problemAt(undefined, "the text contains half of a surrogate pair", expectation));
  }
  return problems;
}

function promptProblems({ body, bodyPlace }: FrontMatter): readonly TaskProblem[] {
  if (!/[^\s\uFEFF]/.test(body)) {
    const expectation = {
      expected: "what the agent shall do, after the front matter if there is any",
      example: PROMPT_EXAMPLE,
    };
    return [problemAt(bodyPlace, "the prompt is empty", expectation)];
  }
  if (body.length <= PROMPT_CHARACTERS_MAX) return [];
  let characters = 0;
  for (const _ of body) characters += 1;
  if (characters <= PROMPT_CHARACTERS_MAX) return [];
  const expectation = { expected: `at most ${PROMPT_CHARACTERS_MAX}; codex takes no more`, example: undefined };
  return [problemAt(bodyPlace, `the prompt has ${characters} characters`, expectation)];
}

/** An empty line before `---` makes it part of the prompt, which is right for a horizontal rule only. */
function lateFrontMatter({ body }: FrontMatter): readonly string[] {
  const key = /^\s+---[ \t]*\r?\n([A-Za-z_]+):/.exec(body)?.[1];
  if (key === undefined || canonicalKey(key) === undefined) return [];
  return [`what looks like front matter (${key}) is part of the prompt: "---" has to be the first line of the file`];
}

interface Fields {
  /** By canonical name. */
  readonly entries: ReadonlyMap<TaskKey, YamlEntry>;
  readonly problems: readonly TaskProblem[];
  /** Unknown keys that are likely meant to be known ones. */
  readonly misspelt: readonly TaskProblem[];
  readonly warnings: readonly string[];
}

function collectFields({ entries }: FrontMatter): Fields {
  const known = new Map<TaskKey, YamlEntry>();
  const problems: TaskProblem[] = [];
  const misspelt: TaskProblem[] = [];
  const warnings: string[] = [];
  for (const entry of entries) {
    const key = canonicalKey(entry.key);
    const other = key === undefined ? undefined : known.get(key);
    if (key === undefined) {
      // To compare a thousand keys with all of ours would take tens of milliseconds.
      const near = warnings.length < UNKNOWN_COMPARED_MAX ? nearest(entry.key, TASK_KEYS) : undefined;
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      const { line } = entry.keyPlace;
      warnings.push(`line ${line}: the key ${quoted(entry.key)} is kept but has no meaning here${hint}`);
      if (near !== undefined && misspelling(entry.key, [near]) !== undefined) misspelt.push(misspeltKey(entry, near));
    } else if (other !== undefined) {
      const { example } = TASK_FIELDS[key];
      const message = `${key} is given twice, as ${other.key} and as ${entry.key}`;
      problems.push(problemAt(entry.keyPlace, message, { expected: "one of them", example }));
    } else {
      known.set(key, entry);
    }
  }
  return { entries: known, problems, misspelt, warnings };
}

function misspeltKey({ key, keyPlace }: YamlEntry, near: TaskKey): TaskProblem {
  const { example } = TASK_FIELDS[near];
  const expected = `${near}, or a key of your own that is less like it`;
  return problemAt(keyPlace, `there is no key ${quoted(key)}; did you mean ${near}?`, { expected, example });
}

/** Reads every known key, adding what is wrong to `problems`; the result counts only if nothing is. */
function readSpec(
  entries: ReadonlyMap<TaskKey, YamlEntry>,
  parts: FrontMatter,
  folderKey: string | undefined,
  problems: TaskProblem[],
): TaskSpec {
  const isGiven = (key: TaskKey): boolean => !isEmpty(entries.get(key)?.value.plain ?? null);
  const take = <T>(field: Field<T> & { readonly key: TaskKey }): T | undefined => {
    const value = entries.get(field.key)?.value;
    if (value === undefined || !isGiven(field.key)) return undefined;
    const reading = field.read(value);
    if (reading.faults === undefined) return reading.value;
    for (const { place, message, expected = field.expected } of reading.faults) {
      problems.push(problemAt(place, `${field.key}: ${message}`, { expected, example: field.example }));
    }
    return undefined;
  };
  const id = take(TASK_FIELDS.id);
  const dependsOn = take(TASK_FIELDS.dependsOn) ?? [];
  if (id !== undefined && dependsOn.includes(id)) {
    const { expected, example } = TASK_FIELDS.dependsOn;
    const place = entries.get("dependsOn")?.value.place;
    problems.push(problemAt(place, "dependsOn: the task depends on itself", { expected, example }));
  }
  const title = take(TASK_FIELDS.title);
  return {
    id,
    sessionKey: isGiven("sessionKey") ? take(TASK_FIELDS.sessionKey) : checkedFolderKey(folderKey, problems),
    resume: take(TASK_FIELDS.resume) ?? true,
    verifyCommand: take(TASK_FIELDS.verifyCommand),
    verifyTimeoutMs: take(TASK_FIELDS.verifyTimeoutMs),
    maxVerifyAttempts: take(TASK_FIELDS.maxVerifyAttempts),
    followUp: take(TASK_FIELDS.followUp),
    parent: take(TASK_FIELDS.parent),
    followUpDepth: take(TASK_FIELDS.followUpDepth) ?? 0,
    title: (title && oneLine(title, TITLE_CHARACTERS_MAX)) || titleOf(parts.body),
    priority: take(TASK_FIELDS.priority) ?? PRIORITY_DEFAULT,
    dependsOn,
    notBeforeMs: take(TASK_FIELDS.notBefore),
    timeoutMs: take(TASK_FIELDS.timeoutMs),
    stallTimeoutMs: take(TASK_FIELDS.stallTimeoutMs),
    retryMaxMs: take(TASK_FIELDS.retryMaxMs),
    maxAttempts: take(TASK_FIELDS.maxAttempts),
    model: take(TASK_FIELDS.model),
    oss: take(TASK_FIELDS.oss) ?? false,
    sandbox: take(TASK_FIELDS.sandbox),
    workdir: take(TASK_FIELDS.workdir),
    images: take(TASK_FIELDS.images) ?? [],
    outputSchema: take(TASK_FIELDS.outputSchema),
    codexConfig: take(TASK_FIELDS.codexConfig) ?? [],
    environment: take(TASK_FIELDS.environment) ?? [],
    memory: take(TASK_FIELDS.memory) ?? true,
    worktree: take(TASK_FIELDS.worktree),
    touches: take(TASK_FIELDS.touches) ?? NONE,
    locks: take(TASK_FIELDS.locks) ?? NONE,
    runsOn: take(TASK_FIELDS.runsOn),
    merge: take(TASK_FIELDS.merge) ?? false,
    cancel: take(TASK_FIELDS.cancel) ?? false,
    frontMatter: Object.fromEntries(parts.entries.map(({ key, value }) => [canonicalKey(key) ?? key, value.plain])),
  };
}

/** A key without a value (`title:`) counts as absent, so that a template may list keys it leaves open. */
function isEmpty(plain: unknown): boolean {
  return plain === null || (typeof plain === "string" && plain.trim() === "");
}

function checkedFolderKey(folderKey: string | undefined, problems: TaskProblem[]): string | undefined {
  const problem = folderKey === undefined ? undefined : sessionKeyProblem(folderKey);
  if (folderKey === undefined || problem === undefined) return folderKey;
  const { expected } = TASK_FIELDS.sessionKey;
  const example = "inbox/docs/typo.md";
  problems.push(problemAt(undefined, `the folder ${quoted(folderKey)} ${problem}`, { expected, example }));
  return undefined;
}

function bounded(problems: readonly TaskProblem[]): readonly TaskProblem[] {
  const placed = problems.map((problem): readonly [TaskProblem, Place] => [
    problem,
    { line: problem.line ?? 0, column: problem.column ?? 0 },
  ]);
  placed.sort(([, a], [, b]) => a.line - b.line || a.column - b.column);
  const sorted = placed.map(([problem]) => problem);
  if (sorted.length <= PROBLEMS_MAX) return sorted;
  const rest = `there are ${sorted.length - PROBLEMS_MAX} more problems`;
  const expectation = { expected: "the ones above corrected first", example: undefined };
  return [...sorted.slice(0, PROBLEMS_MAX), problemAt(undefined, rest, expectation)];
}
