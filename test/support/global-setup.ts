import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { makeTestedPackage } from "./tested-package.ts";
import { warmCodeCache } from "./warm-code-cache.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A folder for what is made once and used by the tests of all files; removed after the last one. */
    readonly sharedDir: string;
    /** The program as a package has it, of the sources of this moment: it starts in half of the time. */
    readonly packageDir: string;
  }
}

const dirs: string[] = [];

export async function setup({ provide }: TestProject): Promise<void> {
  const sharedDir = mkdtempSync(join(tmpdir(), "codex-shared-"));
  dirs.push(sharedDir);
  const packageDir = await makeTestedPackage((dir) => dirs.push(dir));
  warmCodeCache(packageDir);
  provide("sharedDir", sharedDir);
  provide("packageDir", packageDir);
}

export function teardown(): void {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}
