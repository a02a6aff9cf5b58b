import { readTail } from "./file-tail.ts";

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
const REASON_LINE = /^(Error\b|error:|thread '.*' panicked|Failed to |No prompt |Not inside )/;

/** What a run's stderr says about its end, each as one bounded line. */
export interface SaidOnStderr {
  /** The last line that is an error of codex's by its first words. */
  readonly error: string | undefined;
  /** That, or else the last line that could be one. */
  readonly reason: string | undefined;
}

/** Reads what the run's stderr says about its end. Warnings and log lines say nothing about it: a success has them too. */
export function readStderr(stderrPath: string): SaidOnStderr {
  const lines = readTail(stderrPath, STDERR_TAIL_BYTES)
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

/** Messages of failures that a later attempt may not meet again: the network, or a server that has too much to do. */
const PASSING = [
  /^Connection failed/i,
  /stream disconnected/i,
  /high demand/i,
  /at capacity/i,
  /overloaded/i,
  /rate limit/i,
  /last status: (429|5\d\d)/i,
  /unexpected status 5\d\d/i,
  /timed? ?out|timeout/i,
  /already has an active writer/i,
];

/** Messages that would match above and yet need a person, a wait or another prompt. */
const LASTING = [/usage limit/i, /quota/i, /unexpected status 4\d\d/i, /context window/i];

/** Tells whether the same run may succeed later, as far as codex's message says; what is not known does not. */
export function isPassing(message: string): boolean {
  return PASSING.some((pattern) => pattern.test(message)) && !LASTING.some((pattern) => pattern.test(message));
}

/** Tells whether codex says that it has no thread of the id it was to resume, or nothing in it (codex 0.169.0). */
export function isThreadMissing(message: string): boolean {
  return /no rollout found for thread id|rollout .* is empty/i.test(message);
}
