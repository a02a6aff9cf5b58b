import { fstatSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import type { InputWanted } from "../cli-deps.ts";

/** How long nothing comes before the user is told what is waited for. */
const SILENCE_MS = 1_000;
/** A prompt of the most characters, and front matter, with room for the longest of these. */
const BYTES_MAX = 5 * 1024 * 1024;

interface Input extends AsyncIterable<Uint8Array> {
  readonly isTTY?: boolean;
}

/**
 * Returns standard input, whole. Where it is a terminal, only if that is wanted; where it is one end of something that may never end (a
 * program that starts this one leaves a pipe open easily), the user is told after a second what is waited for.
 *
 * @throws CoordinatorError `TASK_FILE` where it is too long for a task, or no text
 */
export async function readInput(
  { evenTyped, isMore }: InputWanted,
  warn: (text: string) => void,
  input: Input = process.stdin,
): Promise<string> {
  if (input.isTTY ? !evenTyped : isMore && !mayHaveText()) return "";
  const timer = setTimeout(() => {
    if (isMore) warn("codex-inbox: reading standard input, which is added to the prompt; </dev/null goes without");
  }, SILENCE_MS);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of input) {
      clearTimeout(timer);
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > BYTES_MAX)
        throw new CoordinatorError("TASK_FILE", `standard input has more than ${BYTES_MAX} bytes, which no task takes`);
    }
    return textOf(Buffer.concat(chunks), "standard input");
  } finally {
    clearTimeout(timer);
  }
}

/** Returns what `bytes` say, a byte order mark included. @throws CoordinatorError `TASK_FILE` where they are no UTF-8 */
export function textOf(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CoordinatorError("TASK_FILE", `${source} is not UTF-8 text`, { cause });
  }
}

/** A closed descriptor and /dev/null have none. */
function mayHaveText(): boolean {
  try {
    const stats = fstatSync(0);
    return stats.isFIFO() || stats.isFile() || stats.isSocket();
  } catch {
    return false;
  }
}
