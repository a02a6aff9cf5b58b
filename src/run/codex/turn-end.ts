import { readTail } from "../worker/bounded-file.ts";
import { runPaths } from "../worker/run-directory.ts";
import { parseEventLine } from "./events/events.ts";

/** The end of a turn is the last or nearly the last line, and short. */
const TAIL_BYTES = 64 * 1024;

/** Tells whether the events of a run say that its turn came to an end: then nothing of it is missing, whoever saw codex end. */
export function hasTurnEnded(runDir: string): boolean {
  const tail = readTail(runPaths(runDir).events, TAIL_BYTES);
  return tail
    .slice(0, tail.lastIndexOf("\n") + 1)
    .split("\n")
    .some((line) => {
      const { type } = parseEventLine(line);
      return type === "turn.completed" || type === "turn.failed";
    });
}
