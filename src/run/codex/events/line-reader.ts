import { closeSync, fstatSync } from "node:fs";
import { openRegular, readAt } from "../../worker/bounded-file.ts";

/** Codex caps a command's output at 1 MiB, which JSON at worst makes six times longer; a line beyond this is not codex's. */
const LINE_BYTES_MAX = 8 * 1024 * 1024;
/** Small enough for the lines in it to be taken in within a few milliseconds. */
const SLICE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** A complete line. */
export interface Line {
  /** From 1. */
  readonly line: number;
  /** `undefined` where the line was longer than is read. */
  readonly text: string | undefined;
  /** Whether it ended before the place where the file ended when it was first read. */
  readonly isOld: boolean;
}

/** Reads a growing file line by line, each byte once. */
export interface LineReader {
  /**
   * Reads on by one slice; returns the lines that became complete with it, or `undefined` where nothing more is to be read now: the
   * rest waits for its newline. A file that is not there has no lines.
   */
  read(): readonly Line[] | undefined;
  /** Bytes of the file when it was last looked at. */
  readonly sizeBytes: number;
  /** Unix ms of the file's last change when it was last looked at; `undefined` while it is not there. */
  readonly changedAtMs: number | undefined;
  close(): void;
}

/** Opens `path` when it appears. Lines are decoded as UTF-8 when they are complete, so a torn character is never seen. */
export function createLineReader(path: string, lineBytesMax = LINE_BYTES_MAX): LineReader {
  let descriptor: number | undefined;
  let closed = false;
  let position = 0;
  let firstSize: number | undefined;
  let line = 0;
  let parts: Buffer[] = [];
  let partsBytes = 0;

  const keep = (piece: Buffer): void => {
    partsBytes += piece.length;
    if (partsBytes > lineBytesMax) parts = [];
    else parts.push(piece);
  };
  const takeLine = (endsAt: number): Line => {
    const text = partsBytes > lineBytesMax ? undefined : Buffer.concat(parts).toString("utf8");
    parts = [];
    partsBytes = 0;
    line += 1;
    return { line, text, isOld: endsAt <= (firstSize ?? 0) };
  };
  const split = (slice: Buffer): readonly Line[] => {
    const lines: Line[] = [];
    let from = 0;
    for (let end = slice.indexOf(NEWLINE); end !== -1; end = slice.indexOf(NEWLINE, from)) {
      keep(slice.subarray(from, end));
      from = end + 1;
      lines.push(takeLine(position + from));
    }
    if (from < slice.length) keep(slice.subarray(from));
    return lines;
  };

  const reader = {
    sizeBytes: 0,
    changedAtMs: undefined as number | undefined,
    read(): readonly Line[] | undefined {
      descriptor ??= closed ? undefined : openRegular(path);
      if (descriptor === undefined) return undefined;
      const { size, mtimeMs } = fstatSync(descriptor);
      reader.sizeBytes = size;
      reader.changedAtMs = mtimeMs;
      firstSize ??= size;
      const slice = readAt(descriptor, position, Math.max(0, Math.min(size - position, SLICE_BYTES)));
      if (slice.length === 0) return undefined;
      const lines = split(slice);
      position += slice.length;
      return lines;
    },
    close() {
      closed = true;
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
  return reader;
}
