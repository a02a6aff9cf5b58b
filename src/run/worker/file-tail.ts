import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { systemErrorCode } from "../../base/errors.ts";

/** Returns the last `bytesMax` bytes of `path` as text, or "" if there is no such file. The first line may be a torn one. */
export function readTail(path: string, bytesMax: number): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return "";
    throw error;
  }
  try {
    const size = fstatSync(descriptor).size;
    const buffer = Buffer.alloc(Math.min(size, bytesMax));
    const count = readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8", 0, count);
  } finally {
    closeSync(descriptor);
  }
}
