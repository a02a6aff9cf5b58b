import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from "node:fs";
import { systemErrorCode } from "../../base/errors.ts";
import type { BrokenDrop, Drop } from "../../task/file/drop.ts";
import { parseDrop, parseDropText } from "../../task/file/task-file.ts";
import { sessionKeyProblem } from "../../task/names/session-key.ts";
import { isTaskId } from "../../task/names/task-id.ts";
import { INBOX } from "../../task/records/workspace-paths.ts";
import type { Rights } from "../../task/rights/rights.ts";
import type { TaskProblem } from "../../task/spec/task-spec.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import { decodeUtf8 } from "../../task/text/utf8.ts";
import { type FilePrint, printOf, samePrint } from "./file-print.ts";
import { causeOf, isGone } from "./folder.ts";
import { DROP_BYTES_MAX } from "./limits.ts";
import { hasControlCharacters, type InboxPlace, stemOf } from "./name-rules.ts";

/** What became of reading one file. */
export type Reading =
  | { readonly kind: "drop"; readonly drop: Drop; readonly print: FilePrint }
  | { readonly kind: "broken"; readonly broken: BrokenDrop }
  /** It is not there any more. */
  | { readonly kind: "gone" }
  /** It was written or exchanged meanwhile. */
  | { readonly kind: "moving" }
  /** Nothing can be said of it now; a later look may. */
  | { readonly kind: "unreadable"; readonly cause: string };

/** What a file is judged by. */
export interface DropRules {
  /** Git's blob id, in the repository's object format. */
  readonly hashBlob: (bytes: Uint8Array) => string;
  readonly rights: () => Rights;
  readonly keeper: Pick<Keeper, "keep">;
}

/** Never waits (a FIFO), never follows a link, never becomes our terminal. */
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Reads one file of inbox/ and validates it. Never blocks on anything that is not a regular file.
 *
 * @param file where it is now; may differ from `place`, where it was dropped
 * @param seen what it must still be; `undefined`: whatever it is
 */
export function readDrop(file: string, place: InboxPlace, seen: FilePrint | undefined, rules: DropRules): Reading {
  try {
    const stats = lstatSync(file);
    if (seen !== undefined && !samePrint(printOf(stats), seen)) return { kind: "moving" };
    const problem = problemBeforeReading(place, stats);
    if (problem !== undefined) return broken(place, undefined, [problem]);
    const content = readWhole(file, printOf(stats));
    if (content === undefined) return { kind: "moving" };
    return validated(place, content, rules);
  } catch (error) {
    if (isGone(error)) return { kind: systemErrorCode(error) === "ENOENT" ? "gone" : "moving" };
    const code = systemErrorCode(error);
    if (code === "EACCES" || code === "EPERM") return broken(place, undefined, [notAllowed(code)]);
    return { kind: "unreadable", cause: causeOf(error) };
  }
}

interface Content {
  readonly bytes: Uint8Array;
  readonly print: FilePrint;
}

/** Returns the content, or `undefined` when the file is not (or does not stay) the one that `seen` describes. */
function readWhole(file: string, seen: FilePrint): Content | undefined {
  const descriptor = openSync(file, READ_ONLY);
  try {
    const before = fstatSync(descriptor);
    if (!before.isFile() || !samePrint(printOf(before), seen)) return undefined;
    const bytes = Buffer.alloc(before.size);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(descriptor, bytes, length, bytes.length - length, length);
      if (count === 0) return undefined;
      length += count;
    }
    return samePrint(printOf(fstatSync(descriptor)), seen) ? { bytes, print: seen } : undefined;
  } finally {
    closeSync(descriptor);
  }
}

function validated(place: InboxPlace, content: Content, rules: DropRules): Reading {
  const { hashBlob, rights } = rules;
  const folderKey = place.folders.length === 0 ? undefined : place.folders.join("/");
  const blob = hashBlob(content.bytes);
  const parsed = parseDrop(content.bytes, folderKey, rights());
  if (!parsed.ok) return broken(place, blob, problemsOf(content.bytes, folderKey, rules) ?? parsed.problems);
  const ownId = isTaskId(stemOf(place.name)) ? stemOf(place.name) : undefined;
  const { id } = parsed.spec;
  if (ownId !== undefined && id !== undefined && id !== ownId) return broken(place, blob, [otherId(ownId, id)]);
  const drop: Drop = {
    path: pathOf(place),
    folderKey,
    text: parsed.text,
    spec: { ...parsed.spec, id: id ?? ownId },
    warnings: parsed.warnings,
    blob,
    modifiedAtMs: Math.floor(content.print.modifiedAtMs),
    changedAtMs: Math.floor(content.print.changedAtMs),
  };
  return { kind: "drop", drop, print: content.print };
}

/** What is wrong with a file is said in its own words, and these are cut: so it is said of the text without its secrets. */
function problemsOf(
  bytes: Uint8Array,
  folderKey: string | undefined,
  { rights, keeper }: DropRules,
): readonly TaskProblem[] | undefined {
  const text = decodeUtf8(bytes);
  const kept = text === undefined ? undefined : keeper.keep(text);
  if (kept === undefined || kept === text) return undefined;
  const parsed = parseDropText(kept, folderKey, rights());
  return parsed.ok ? undefined : parsed.problems;
}

function problemBeforeReading(place: InboxPlace, stats: Stats): TaskProblem | undefined {
  if (hasControlCharacters(place.name)) {
    return problem(
      "the file's name holds a control character (a line break, for one)",
      "a name without them",
      "fix-login.md",
    );
  }
  if (place.folders.length > 0) {
    const keyProblem = sessionKeyProblem(place.folders.join("/"));
    if (keyProblem !== undefined) {
      const message = `the folder below ${INBOX}/ names the session, and a session key ${keyProblem}`;
      return problem(message, "a folder that is named like a session", `${INBOX}/docs/${isPlain(place.name)}`);
    }
  }
  if (!stats.isFile()) return problem(`this is ${kindOf(stats)}`, "a regular file", undefined);
  if (stats.size > DROP_BYTES_MAX) {
    const megabytes = (stats.size / 1024 / 1024).toFixed(1);
    return problem(`the file has ${megabytes} MiB`, `at most ${DROP_BYTES_MAX / 1024 / 1024} MiB`, undefined);
  }
  return undefined;
}

function isPlain(name: string): string {
  return /^[\w .-]{1,60}$/.test(name) ? name : "fix-login.md";
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder; the name of a session's folder does not end in .md";
  if (stats.isSymbolicLink()) return "a symbolic link, and links are not followed";
  if (stats.isFIFO()) return "a named pipe";
  if (stats.isSocket()) return "a socket";
  return "a device";
}

function notAllowed(code: string): TaskProblem {
  return problem(`the file cannot be read (${code})`, "a file that the coordinator's user may read", undefined);
}

function otherId(ownId: string, id: string): TaskProblem {
  const message = `the file is named after the task id ${ownId}, but its front matter says ${id}`;
  return problem(message, "the same id in both, or none in the front matter", `id: ${ownId}`);
}

function problem(message: string, expected: string, example: string | undefined): TaskProblem {
  return { line: undefined, column: undefined, message, expected, example };
}

function broken(place: InboxPlace, blob: string | undefined, problems: readonly TaskProblem[]): Reading {
  return { kind: "broken", broken: { path: pathOf(place), blob, problems } };
}

function pathOf(place: InboxPlace): string {
  return [INBOX, ...place.folders, place.name].join("/");
}
