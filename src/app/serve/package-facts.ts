import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Folder of our own package.json (absolute, without a slash at its end). */
export const PACKAGE_DIR = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/** Returns our own version. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(`${PACKAGE_DIR}/package.json`, "utf8")) as { version: string };
  return version;
}
