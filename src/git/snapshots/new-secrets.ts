import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { StoredObject } from "../objects/object-reader.ts";
import { diskPath, fromByteName } from "../objects/tree-format.ts";
import type { Candidate, Candidates, LeftOut } from "./candidates.ts";
import type { FileChange } from "./tree-changes.ts";

/** Says where in a text secrets are, by line (from 1), and never which. Lets other work have its turn. */
export type SecretsIn = (text: string) => Promise<readonly { readonly line: number; readonly kind: string }[]>;

/** Reads what git has by an id or a name. */
export type ReadObject = (name: string) => Promise<StoredObject | undefined>;

/** A file that must not leave this machine, and why. */
export interface FileWithSecrets {
  readonly path: string;
  readonly kinds: readonly string[];
}

/** Git takes a file for binary that has a zero byte this early. */
const BINARY_LOOK = 8_000;

/** Returns the changed files that hold secrets on lines which they had not before. */
export async function secretsOf(
  files: readonly FileChange[],
  secretsIn: SecretsIn,
  read: ReadObject,
): Promise<readonly FileWithSecrets[]> {
  const found: FileWithSecrets[] = [];
  for (const { path, before, after } of files) {
    const content = after === undefined ? undefined : await read(after);
    if (content === undefined) continue;
    const old = before === undefined ? undefined : await read(before);
    const inside = await newSecretKinds(secretsIn, content.content, old?.content);
    const kinds = before === undefined ? [...new Set([...(await kindsIn(secretsIn, path)), ...inside])].sort() : inside;
    if (kinds.length > 0) found.push({ path, kinds });
  }
  return found;
}

/** Leaves out of `chosen` what holds secrets that `commit` has not at its path. */
export async function withoutSecrets(
  chosen: Candidates,
  topDir: string,
  commit: string | undefined,
  secretsIn: SecretsIn,
  read: ReadObject,
): Promise<Candidates> {
  const add: Candidate[] = [];
  const leftOut: LeftOut[] = [...chosen.leftOut];
  for (const file of chosen.add) {
    const path = fromByteName(file.path);
    const old = commit === undefined || path.includes("\n") ? undefined : await read(`${commit}:${path}`);
    const content = await readPlain(diskPath(topDir, file.path)).catch(() => undefined); // Gone, a link, a submodule.
    const named = old === undefined ? await kindsIn(secretsIn, path) : [];
    const kinds =
      content === undefined ? named : [...named, ...(await newSecretKinds(secretsIn, content, old?.content))];
    if (kinds.length === 0) add.push(file);
    else leftOut.push({ ...file, path, why: `it holds what looks like a secret (${kinds.join(", ")})` });
  }
  return { ...chosen, add, leftOut };
}

/** Returns the kinds of secrets in a text, each once. */
export async function kindsIn(secretsIn: SecretsIn, text: string): Promise<readonly string[]> {
  return [...new Set((await secretsIn(text)).map(({ kind }) => kind))].sort();
}

/** No link is followed: it may lead to anything, and to what never ends. @throws the system's errors */
async function readPlain(path: Buffer): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return (await file.stat()).isFile() ? await file.readFile() : undefined;
  } finally {
    await file.close();
  }
}

/** What was there already is no news. A binary file is not looked through. */
async function newSecretKinds(
  secretsIn: SecretsIn,
  content: Buffer,
  before: Buffer | undefined,
): Promise<readonly string[]> {
  if (content.subarray(0, BINARY_LOOK).includes(0)) return [];
  const text = content.toString("utf8");
  const found = await secretsIn(text);
  if (found.length === 0) return [];
  const lines = text.split("\n");
  const known = new Set(before?.toString("utf8").split("\n"));
  const kinds = found.filter(({ line }) => !known.has(lines[line - 1] ?? "")).map(({ kind }) => kind);
  return [...new Set(kinds)].sort();
}
