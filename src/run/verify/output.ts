import { closeSync, fstatSync } from "node:fs";
import { withoutTerminalCodes } from "../../task/text/markdown.ts";
import { openRegular, readAt } from "../worker/bounded-file.ts";

/** Of what a command printed, so much is kept beyond the life of its run. */
const TAIL_BYTES = 16 * 1024;

/** No private key is longer. */
const KEY_BYTES_MAX = 20 * 1024;
const KEY_BEGIN_BYTES = 64;

/** The first word of a torn line, at most. */
const TORN_BYTES_MAX = 4 * 1024;

/** The first line of every output: the shell that runs the command was there. */
export const BEGIN_LINE = "codex-inbox: the verify command begins\n";

/** What a verify command printed. */
export interface VerifyOutput {
  readonly begun: boolean;
  /** Of all that it printed itself. */
  readonly bytes: number;
  /** The end of it: whole lines, but for one that alone is longer than that. */
  readonly tail: string;
}

/** Reads the end of an output file. A file that is not there is an empty one. */
export function readOutput(path: string): VerifyOutput {
  const descriptor = openRegular(path);
  if (descriptor === undefined) return { begun: false, bytes: 0, tail: "" };
  try {
    const { size } = fstatSync(descriptor);
    const begun = readAt(descriptor, 0, BEGIN_LINE.length).toString("latin1") === BEGIN_LINE;
    const start = begun ? BEGIN_LINE.length : 0;
    const from = Math.max(start, size - TAIL_BYTES);
    const key = cutKey(descriptor, start, from);
    const tail = tailText(readAt(descriptor, key ?? from, size - (key ?? from)), key === undefined && from > start);
    return { begun, bytes: size - start, tail };
  } finally {
    closeSync(descriptor);
  }
}

/** Returns where the private key begins that a cut at `from` would go through: without its first line nothing tells that it is one. */
function cutKey(descriptor: number, start: number, from: number): number | undefined {
  if (from === start) return undefined;
  const first = Math.max(start, from - KEY_BYTES_MAX);
  const before = readAt(descriptor, first, from - first + KEY_BEGIN_BYTES).toString("latin1");
  const begin = before.lastIndexOf("-----BEGIN ", from - first);
  if (begin === -1) return undefined;
  const line = before.slice(begin, begin + KEY_BEGIN_BYTES);
  return line.includes("PRIVATE KEY") && !before.slice(0, from - first).includes("-----END ", begin)
    ? first + begin
    : undefined;
}

/** The first line, and the first character, may be torn; what is no UTF-8 is shown as such. */
function tailText(bytes: Buffer, isCut: boolean): string {
  const lineEnd = isCut ? bytes.indexOf(0x0a) : -1;
  const whole = lineEnd === -1 || lineEnd === bytes.length - 1 ? bytes : bytes.subarray(lineEnd + 1);
  let start = 0;
  if (isCut) while (start < Math.min(4, whole.length) && ((whole[start] ?? 0) & 0xc0) === 0x80) start += 1;
  // Half a secret would not be known for one: of a line that was cut, the first word goes.
  const blank = isCut && whole === bytes ? bytes.indexOf(0x20) : -1;
  if (blank !== -1 && blank < TORN_BYTES_MAX) start = blank;
  return withoutTerminalCodes(whole.toString("utf8", start));
}
