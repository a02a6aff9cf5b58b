import { fstatSync } from "node:fs";
import type { InputWanted } from "../cli-deps.ts";

/** How long nothing comes before the user is told what is waited for. */
const SILENCE_MS = 1_000;

/**
 * Returns standard input, whole. Where it is a terminal, only if that is wanted; where it is one end of something that may never end (a
 * program that starts this one leaves a pipe open easily), the user is told after a second what is waited for.
 */
export async function readInput({ evenTyped, isMore }: InputWanted, warn: (text: string) => void): Promise<string> {
  if (process.stdin.isTTY ? !evenTyped : isMore && !mayHaveText()) return "";
  const timer = setTimeout(() => {
    if (isMore) warn("codex-inbox: reading standard input, which is added to the prompt; </dev/null goes without");
  }, SILENCE_MS);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of process.stdin) {
      clearTimeout(timer);
      chunks.push(Buffer.from(chunk));
    }
    return Buffer.concat(chunks).toString("utf8");
  } finally {
    clearTimeout(timer);
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
