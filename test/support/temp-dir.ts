import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "./test-end.ts";

/** Makes an empty directory that is removed when the test is finished. */
export function tempDir(parent: string = tmpdir()): string {
  const path = mkdtempSync(join(parent, "codex-inbox-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}
