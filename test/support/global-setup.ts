import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { buildBundle } from "../../.ci/build.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A folder for what is made once and used by the tests of all files; removed after the last one. */
    readonly sharedDir: string;
    /** The program as a package has it, of the sources of this moment: it starts in half of the time. */
    readonly packageDir: string;
  }
}

const ROOT = join(import.meta.dirname, "../..");
/** Below node_modules: there the entry takes the bundle, and what is beside us is found. */
const CACHE_DIR = join(ROOT, "node_modules/.cache");

const dirs: string[] = [];

export async function setup({ provide }: TestProject): Promise<void> {
  mkdirSync(CACHE_DIR, { recursive: true });
  const [sharedDir, packageDir] = [join(tmpdir(), "codex-shared-"), join(CACHE_DIR, "tested-")].map((path) => {
    const dir = mkdtempSync(path);
    dirs.push(dir);
    return dir;
  }) as [string, string];
  for (const name of ["bin", "package.json", "docs/openapi.json"])
    cpSync(join(ROOT, name), join(packageDir, name), { recursive: true });
  await buildBundle(join(packageDir, "dist"), ["test/support/command-host-process.ts"]);
  provide("sharedDir", sharedDir);
  provide("packageDir", packageDir);
}

export function teardown(): void {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}
