import { INBOX } from "../../task/records/workspace-paths.ts";
import { NAME_BYTES_MAX } from "./limits.ts";

const DROP_ENDING = /\.md$/i;
const ERROR_ENDING = /\.error\.md$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where a file of inbox/ lies: the folders below inbox/ and its own name. */
export interface InboxPlace {
  readonly folders: readonly string[];
  readonly name: string;
}

/** Tells whether the intake never looks at an entry of this name: dot-names, `_names`, README.md, error files. */
export function isIgnoredName(name: string): boolean {
  return name.startsWith(".") || name.startsWith("_") || name.toLowerCase() === "readme.md" || isErrorFileName(name);
}

/** Tells whether this is the name of an error file (`x.error.md`). */
export function isErrorFileName(name: string): boolean {
  return ERROR_ENDING.test(name) && !name.startsWith(".") && !name.startsWith("_");
}

/** Tells whether an entry of this name is meant as a task. `.md` counts in any case: `FIX.MD` is a Markdown file too. */
export function isDropName(name: string): boolean {
  return DROP_ENDING.test(name) && !isIgnoredName(name);
}

/** Returns a file name without its `.md`. */
export function stemOf(name: string): string {
  return name.replace(DROP_ENDING, "");
}

/** Returns the name under which an older version is kept beside a newer file of its name: ignored by the intake, plain to see. */
export function keptName(name: string, id: string): string {
  const ending = `.${id}.md`;
  return `_${shortened(stemOf(name), NAME_BYTES_MAX - 1 - ending.length)}${ending}`;
}

/** Returns where `path` lies in inbox/, or `undefined` for a path that does not lie there. Nothing in it leads out of the folder. */
export function placeInInbox(path: string): InboxPlace | undefined {
  const [root, ...parts] = path.split("/");
  const name = parts.at(-1);
  if (root !== INBOX || name === undefined || parts.some(isNoEntryName)) return undefined;
  return { folders: parts.slice(0, -1), name };
}

/** Returns a name from its bytes, or `undefined` when they are not UTF-8. */
export function decodeName(bytes: Uint8Array): string | undefined {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    return undefined; // The decoder throws for nothing else.
  }
}

/** Tells whether a name holds control characters (a line feed, for one). */
export function hasControlCharacters(name: string): boolean {
  return CONTROL.test(name);
}

/** Returns a name for showing, on one line: control characters as `\x0a`. */
export function shownName(name: string): string {
  return name.replace(new RegExp(CONTROL, "g"), (character) => escaped(character.charCodeAt(0)));
}

/** Returns the bytes of a name for showing: what is not printable ASCII as `\xe9`. */
export function shownBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : escaped(byte))).join("");
}

function escaped(code: number): string {
  return `\\x${code.toString(16).padStart(2, "0")}`;
}

function isNoEntryName(part: string): boolean {
  return part === "" || part === "." || part === ".." || part.includes("\0");
}

function shortened(text: string, bytesMax: number): string {
  let short = text;
  while (Buffer.byteLength(short) > bytesMax) short = Array.from(short).slice(0, -1).join("");
  return short;
}
