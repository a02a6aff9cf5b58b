import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { mayFail } from "../../base/fault-point.ts";
import { readBounded } from "../../base/files/read-bounded.ts";
import { writeAll } from "../../base/files/write-file-atomic.ts";
import { asNumber, type JsonObject, parseObject } from "../../base/json-shape.ts";

/** A segment that has reached this takes no more. */
const SEGMENT_BYTES = 1024 * 1024;
/** Beyond these the oldest goes. */
const SEGMENTS_MAX = 16;
/** What a segment and its last batch can have at most, with room for other limits in other versions. */
const READ_BYTES_MAX = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

/** A file of consecutive events, one a line behind a header. */
export interface Segment {
  /** Number of its first event. */
  readonly first: number;
  readonly path: string;
}

/** What the newest segment holds. */
export interface FoundSegment {
  readonly header: JsonObject;
  /** In order of their numbers. */
  readonly events: readonly (JsonObject & { readonly seq: number })[];
}

/** The log of events on the disk; nothing of it is synced. One process writes. */
export interface SegmentFiles {
  /** The newest segment, as it was found at the start: without the line that a kill has torn. */
  readonly found: FoundSegment | undefined;
  /** The oldest first. */
  all(): readonly Segment[];
  /**
   * Adds whole lines, all or none, in one write.
   *
   * @param header begins a new segment, of which `first` is the number of the first event
   * @returns whether the segment should take no more
   * @throws the system's error; then nothing has changed
   */
  append(lines: string, first: number, header: object | undefined): boolean;
  close(): void;
}

/** @param dir absolute; made where it is missing, in a folder that is there */
export function openSegmentFiles(dir: string, sizes = { bytes: SEGMENT_BYTES, count: SEGMENTS_MAX }): SegmentFiles {
  makeFolder(dir);
  const segments = listSegments(dir);
  let found: FoundSegment | undefined;
  for (let newest = segments.at(-1); newest !== undefined && found === undefined; newest = segments.at(-1)) {
    found = readAndCut(newest.path);
    if (found !== undefined) break;
    rmSync(newest.path, { force: true, recursive: true }); // Nothing of it can be read.
    segments.pop();
  }
  let open: { readonly descriptor: number; size: number } | undefined;
  const close = (): void => {
    if (open !== undefined) closeSync(open.descriptor);
    open = undefined;
  };

  const openNewest = (): typeof open => {
    const newest = segments.at(-1);
    if (open !== undefined || newest === undefined) return open;
    const descriptor = openSync(newest.path, constants.O_WRONLY | constants.O_APPEND);
    open = { descriptor, size: fstatSync(descriptor).size };
    return open;
  };
  const write = (target: NonNullable<typeof open>, bytes: Buffer): void => {
    try {
      mayFail("events");
      writeAll(target.descriptor, bytes);
    } catch (error) {
      ftruncateSync(target.descriptor, target.size);
      throw error;
    }
    target.size += bytes.length;
  };
  const begin = (first: number, bytes: Buffer): void => {
    const path = join(dir, nameOf(first));
    const descriptor = createFile(dir, path);
    const target = { descriptor, size: 0 };
    try {
      write(target, bytes);
    } catch (error) {
      closeSync(descriptor);
      rmSync(path, { force: true });
      throw error;
    }
    close();
    open = target;
    segments.push({ first, path });
    while (segments.length > sizes.count) rmSync(segments.shift()?.path ?? "", { force: true, recursive: true });
  };

  return {
    found,
    all: () => segments,
    append(lines, first, header) {
      const current = header === undefined ? openNewest() : undefined;
      if (current === undefined) begin(first, Buffer.from(`${JSON.stringify(header ?? {})}\n${lines}`));
      else write(current, Buffer.from(lines));
      return (open?.size ?? 0) >= sizes.bytes;
    },
    close,
  };
}

/** A person may have removed the folder. */
function createFile(dir: string, path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    makeFolder(dir);
    return openSync(path, "wx", 0o600);
  }
}

/** Makes the folder of the log where it is missing, and nothing above it: that may be away for a while. */
export function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, 0o700);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
  }
}

function listSegments(dir: string): Segment[] {
  return readdirSync(dir)
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => ({ first: Number.parseInt(name, 10), path: join(dir, name) }));
}

const NAME = /^\d{16}\.jsonl$/;

function nameOf(first: number): string {
  return `${String(first).padStart(16, "0")}.jsonl`;
}

/** Cuts off what does not follow: a line that was torn, or that a loss of power has left as zeros. */
function readAndCut(path: string): FoundSegment | undefined {
  let bytes: Buffer | undefined;
  try {
    bytes = readBounded(path, READ_BYTES_MAX);
  } catch {
    return undefined; // No file of ours.
  }
  if (bytes === undefined) return undefined;
  const lines: JsonObject[] = [];
  let end = 0;
  for (let next = bytes.indexOf(NEWLINE); next !== -1; next = bytes.indexOf(NEWLINE, end)) {
    const line = parseObject(bytes.toString("utf8", end, next));
    const expected = asNumber(lines.length > 1 ? lines.at(-1)?.seq : undefined);
    if (line === undefined || (lines.length > 0 && !follows(line, expected))) break;
    lines.push(line);
    end = next + 1;
  }
  const [header, ...events] = lines;
  if (header === undefined || events.length === 0) return undefined;
  if (end < bytes.length) truncateSync(path, end);
  return { header, events: events as (JsonObject & { readonly seq: number })[] };
}

function follows({ seq }: JsonObject, before: number | undefined): boolean {
  return typeof seq === "number" && (before === undefined || seq === before + 1);
}
