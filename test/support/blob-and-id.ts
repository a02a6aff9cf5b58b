import { createHash, randomInt } from "node:crypto";
import { makeTaskId } from "../../src/task/names/task-id.ts";

/** Returns git's blob id (SHA-1). */
export function hashBlob(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** Returns a task id that no other test has. */
export function freshId(): string {
  const random = randomInt(36 ** 6)
    .toString(36)
    .padStart(6, "0");
  return makeTaskId(Date.UTC(2026, 10, 20, 14, 15, 30), random);
}
