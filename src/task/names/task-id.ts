const TASK_ID = /^(\d{4})(\d{2})(\d{2})-(\d{2})(\d{2})(\d{2})-([0-9a-z]{6})$/;

/** Base-36 characters at the end of an id. */
const SUFFIX_LENGTH = 6;

/** Hex digits of a digest that go into an id: 48 bits, well above the 31 that six base-36 characters hold. */
const DIGEST_HEX_USED = 12;

/** Returns whether `text` is a task id: `YYYYMMDD-HHMMSS-xxxxxx`, a time that exists (UTC) and six base-36 characters. */
export function isTaskId(text: string): boolean {
  const parts = TASK_ID.exec(text);
  if (parts === null) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day); // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  time.setUTCHours(hour, minute, second);
  return text.startsWith(stamp(time.getTime()));
}

/**
 * Returns the id of a task accepted at `timeMs` (Unix ms).
 *
 * @param random six base-36 characters
 * @throws RangeError for another kind of `random`, or a time outside the years 0 to 9999
 */
export function makeTaskId(timeMs: number, random: string): string {
  const id = `${stamp(timeMs)}-${random}`;
  if (!TASK_ID.test(id)) throw new RangeError(`not a task id: ${id}`);
  return id;
}

/**
 * Returns the id of a task that arrived by commit, so that every clone names it alike.
 *
 * @param digestHex hash of the commit and the path, at least twelve hex digits
 */
export function taskIdFromCommit(commitTimeMs: number, digestHex: string): string {
  const number = BigInt(`0x${digestHex.slice(0, DIGEST_HEX_USED)}`) % 36n ** BigInt(SUFFIX_LENGTH);
  return makeTaskId(commitTimeMs, number.toString(36).padStart(SUFFIX_LENGTH, "0"));
}

/** Returns the day of a task id, `2026-11-20` (UTC). */
export function taskIdDate(id: string): string {
  return `${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}`;
}

function stamp(timeMs: number): string {
  const iso = new Date(timeMs).toISOString();
  return `${iso.slice(0, 10)}-${iso.slice(11, 19)}`.replace(
    /^(\d{4})-(\d\d)-(\d\d)-(\d\d):(\d\d):(\d\d)$/,
    "$1$2$3-$4$5$6",
  );
}
