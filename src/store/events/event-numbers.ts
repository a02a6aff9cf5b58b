import { join } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { asNumber, asText, parseObject } from "../../base/json-shape.ts";
import { makeFolder } from "./segment-files.ts";

/** So many numbers are set aside at once, durably: a loss of power passes over those that nobody can tell to be given. */
const RESERVED_STEP = 100_000;

/** The numbers of events, which only rise. */
export interface EventNumbers {
  /** The next number that may be given. */
  readonly first: number;
  /** Numbers after the last one of the log are passed over, because some of them may have been given. */
  readonly isSkipped: boolean;
  /** Makes sure that no later coordinator gives numbers up to `last` again. @throws the system's error where it cannot be kept */
  reserve(last: number): void;
}

/**
 * Reads which numbers may have been given. After a kill the log has all that anybody has seen; after a loss of power, or where the log
 * is gone, the mark of what was set aside says where to go on. Where that is gone too, it is the time in milliseconds, from which numbers
 * have begun: events do not come faster than that for long.
 *
 * @param lastFound the last number in the log; `undefined` where it holds none
 */
export function openEventNumbers(
  dir: string,
  boot: string,
  lastFound: number | undefined,
  nowMs: number,
): EventNumbers {
  const path = join(dir, "reserved.json");
  const mark = readMark(path);
  const isTrusted = mark?.boot === boot && lastFound !== undefined && lastFound <= mark.reserved;
  const isSkipped = !isTrusted && (mark !== undefined || lastFound !== undefined);
  // Two further: the number before the first one of a log was never given then, and nobody goes on from it.
  const passed = Math.max(mark?.reserved ?? 0, lastFound ?? 0) + 2;
  let reserved = isTrusted ? mark.reserved : 0;
  return {
    first: isTrusted ? lastFound + 1 : mark === undefined ? Math.max(passed, nowMs) : passed,
    isSkipped,
    reserve(last) {
      if (last <= reserved) return;
      const next = last + RESERVED_STEP;
      makeFolder(dir);
      writeFileAtomic(path, `${JSON.stringify({ v: 1, boot, reserved: next })}\n`, 0o600);
      reserved = next;
    },
  };
}

/** One that cannot be read counts as gone. */
function readMark(path: string): { readonly boot: string; readonly reserved: number } | undefined {
  let text: string | undefined;
  try {
    text = readBoundedText(path, SMALL_FILE_BYTES_MAX);
  } catch (error) {
    if (error instanceof CoordinatorError) return undefined;
    throw error;
  }
  const raw = parseObject(text ?? "");
  const [boot, reserved] = [asText(raw?.boot), asNumber(raw?.reserved)];
  return boot === undefined || reserved === undefined ? undefined : { boot, reserved };
}
