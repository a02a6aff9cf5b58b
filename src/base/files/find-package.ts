import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/**
 * Returns the folder of the package `name` that was installed with the package in `packageDir`: below it, or in a
 * node_modules folder it lies in. Unlike Node's own search, never what happens to be in the home, a parent or NODE_PATH.
 */
export function findPackage(packageDir: string, name: string): string | undefined {
  const folders = [join(resolve(packageDir), "node_modules")];
  for (let folder = resolve(packageDir); folder !== dirname(folder); folder = dirname(folder)) {
    if (basename(folder) === "node_modules") folders.push(folder);
  }
  return folders.map((folder) => join(folder, name)).find((folder) => existsSync(join(folder, "package.json")));
}
