import type { Keeper } from "../../../task/text/kept-text.ts";
import { readTail } from "../../worker/bounded-file.ts";

/** Enough for the last error and its log lines; a panic with a backtrace is longer and not needed whole. */
const STDERR_TAIL_BYTES = 64 * 1024;
const REASON_CHARACTERS_MAX = 500;

/** Lines that codex prints beside the reason, never as the reason (codex 0.169.0). */
const NOISE = [
  /^warning:/i,
  /^Reading (prompt|additional input) from stdin/,
  /^For more information, try/,
  /^\s*(tip|note):/,
  /^Usage:/,
  /^\s+codex exec/,
];
/** Where in our own worker script a shell stumbled: of no use to who reads the reason. */
const SHELL_PREFIX = /^.*\/shim\.sh: (line )?\d+: /;
const LOG_LINE = /^\d{4}-\d\d-\d\dT\S+\s+(ERROR|WARN|INFO|DEBUG|TRACE)\s+/;
const REASON_LINE = /^(Error(?:\W|$)|error:|thread '.*' panicked|Failed to |No prompt |Not inside )/;

/** What a run's stderr says about its end, each as one bounded line. */
export interface SaidOnStderr {
  /** The last line that is an error of codex's by its first words. */
  readonly error: string | undefined;
  /** That, or else the last line that could be one. */
  readonly reason: string | undefined;
}

/** Reads what the run's stderr says about its end. Warnings and log lines say nothing about it: a success has them too. */
export function readStderr(stderrPath: string, keeper: Pick<Keeper, "keep">): SaidOnStderr {
  const lines = keeper
    .keep(readTail(stderrPath, STDERR_TAIL_BYTES))
    .split("\n")
    .filter((line) => line.trim() !== "" && ![...NOISE, LOG_LINE].some((pattern) => pattern.test(line)))
    .map((line) => oneLine(line.replace(SHELL_PREFIX, "")));
  const error = lines.findLast((line) => REASON_LINE.test(line));
  return { error, reason: error ?? lines.at(-1) };
}

/** Returns `text` on one line and of bounded length, fit for a reason. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length <= REASON_CHARACTERS_MAX ? line : `${line.slice(0, REASON_CHARACTERS_MAX - 1).toWellFormed()}…`;
}
