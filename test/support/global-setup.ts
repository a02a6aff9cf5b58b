import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** A folder for what is made once and used by the tests of all files; removed after the last one. */
    readonly sharedDir: string;
  }
}

let dir: string;

export function setup({ provide }: TestProject): void {
  dir = mkdtempSync(join(tmpdir(), "codex-shared-"));
  provide("sharedDir", dir);
}

export function teardown(): void {
  rmSync(dir, { recursive: true, force: true });
}
