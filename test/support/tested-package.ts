import { cpSync, mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { buildBundle } from "../../.ci/build.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Below node_modules: there the entry takes the bundle, and what is beside us is found. */
const CACHE_DIR = join(ROOT, "node_modules/.cache");

/**
 * Makes a folder with the program as a package has it, of the sources of this moment, and returns its path.
 *
 * @param onMade told the folder before anything is in it: the caller removes it
 */
export async function makeTestedPackage(onMade: (dir: string) => void): Promise<string> {
  mkdirSync(CACHE_DIR, { recursive: true });
  const dir = mkdtempSync(join(CACHE_DIR, "tested-"));
  onMade(dir);
  for (const name of ["bin", "package.json", "docs/openapi.json"])
    cpSync(join(ROOT, name), join(dir, name), { recursive: true });
  await buildBundle(join(dir, "dist"), ["test/support/command-host-process.ts"]);
  return dir;
}
