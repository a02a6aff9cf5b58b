import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Folder of our own package.json (absolute): the nearest one upwards, since an installed package brings one bundle in place of src/. */
export const PACKAGE_DIR = packageDirAbove(import.meta.dirname);

function packageDirAbove(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : packageDirAbove(dirname(folder));
}

/** Returns our own version. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_DIR, "package.json"), "utf8")) as { version: string };
  return version;
}
