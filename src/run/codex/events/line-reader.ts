import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { systemErrorCode } from "../../../base/errors.ts";

/** Codex caps a command's output at 1 MiB, which JSON at worst makes six times longer; a line beyond this is not codex's. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** A complete line, from 1. `text` is `undefined` where the line was longer than 64 MiB. */
export type OnLine = (line: number, text: string | undefined) => void;

/** Reads a growing file line by line, each byte once. */
export interface LineReader {
  /**
   * Passes on every line that has become complete since the last call; the rest of the file waits for its newline. A file that
   * is not there yet has no lines. What `onLine` throws passes through, and the next call goes on with the line after.
   */
  poll(onLine: OnLine): void;
  /** Unix ms of the file's last change when it was last polled; `undefined` while it is not there. */
  changedAtMs(): number | undefined;
  close(): void;
}

/** Opens `path` when it appears. Lines are decoded as UTF-8 when they are complete, so a torn character is never seen. */
export function createLineReader(path: string, lineBytesMax = LINE_BYTES_MAX): LineReader {
  let descriptor: number | undefined;
  let closed = false;
  let position = 0;
  let changedAtMs: number | undefined;
  let line = 0;
  let unread: Buffer = Buffer.alloc(0);
  let parts: Buffer[] = [];
  let partsBytes = 0;

  function keep(piece: Buffer): void {
    partsBytes += piece.length;
    if (partsBytes > lineBytesMax) parts = [];
    else parts.push(piece);
  }
  function takeLine(): string | undefined {
    const text = partsBytes > lineBytesMax ? undefined : Buffer.concat(parts).toString("utf8");
    parts = [];
    partsBytes = 0;
    return text;
  }
  function pass(onLine: OnLine): void {
    while (unread.length > 0 && !closed) {
      const end = unread.indexOf(NEWLINE);
      keep(end < 0 ? unread : unread.subarray(0, end));
      unread = unread.subarray(end < 0 ? unread.length : end + 1);
      if (end < 0) return;
      const text = takeLine();
      line += 1;
      onLine(line, text);
    }
  }

  return {
    poll(onLine) {
      descriptor ??= closed ? undefined : openIfThere(path);
      if (descriptor === undefined) return;
      pass(onLine);
      for (;;) {
        if (closed) return;
        const stat = fstatSync(descriptor);
        changedAtMs = stat.mtimeMs;
        const waiting = Math.min(stat.size - position, CHUNK_BYTES);
        if (waiting <= 0) return;
        const chunk = Buffer.allocUnsafe(waiting);
        const count = readSync(descriptor, chunk, 0, waiting, position);
        if (count === 0) return;
        position += count;
        unread = chunk.subarray(0, count);
        pass(onLine);
      }
    },
    changedAtMs: () => changedAtMs,
    close() {
      closed = true;
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
