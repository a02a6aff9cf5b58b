import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Path to content. */
export type Files = ReadonlyMap<string, string>;

/** The user's own files, as the user means them to be: in the last commit, staged, and on disk. */
export interface UserFiles {
  readonly head: Files;
  readonly index: Files;
  readonly disk: Files;
}

/** Where the user's own files lie. */
export const USER_PLACES = ["README.md", "src", "user"] as const;

/** Returns `files` with one more, or without the one at `path` where `text` is undefined. */
export function withFile(files: Files, path: string, text: string | undefined): Files {
  const next = new Map(files);
  if (text === undefined) next.delete(path);
  else next.set(path, text);
  return next;
}

/** Returns the user's files that lie in `dir`, in the places that are the user's. */
export function readDisk(dir: string, places: readonly string[]): Files {
  const files = new Map<string, string>();
  for (const place of places) {
    const root = join(dir, place);
    if (!existsSync(root)) continue;
    const names = statSync(root).isDirectory() ? readdirSync(root, { recursive: true, encoding: "utf8" }) : [""];
    for (const name of names) {
      const path = join(root, name);
      if (statSync(path).isFile()) files.set(name === "" ? place : `${place}/${name}`, readFileSync(path, "utf8"));
    }
  }
  return files;
}

/** Returns path → blob id of `git ls-files --stage -z` or `git ls-tree -r -z`. */
export function parseEntries(text: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const record of text.split("\0")) {
    const [, id, path] = /^\d+ (?:blob )?([0-9a-f]+)(?: \d)?\t(.*)$/s.exec(record) ?? [];
    if (id !== undefined && path !== undefined) entries.set(path, id);
  }
  return entries;
}

/** Returns the sentences that say where `actual` (path → blob id) is not what the user left in `expected`. */
export function compareEntries(what: string, expected: Files, actual: ReadonlyMap<string, string>): readonly string[] {
  const problems: string[] = [];
  for (const path of new Set([...expected.keys(), ...actual.keys()])) {
    const text = expected.get(path);
    const wanted = text === undefined ? undefined : blobId(text);
    if (wanted === actual.get(path)) continue;
    const is = actual.get(path) ?? "absent";
    problems.push(`${what} ${path} is ${is} instead of ${text === undefined ? "absent" : JSON.stringify(text)}`);
  }
  return problems;
}

export function blobId(text: string): string {
  return createHash("sha1")
    .update(`blob ${Buffer.byteLength(text)}\0${text}`)
    .digest("hex");
}

/** Returns `files` as path → blob id. */
export function entriesOf(files: Files): ReadonlyMap<string, string> {
  return new Map([...files].map(([path, text]) => [path, blobId(text)]));
}
