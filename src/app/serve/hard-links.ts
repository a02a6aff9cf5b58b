import { existsSync, lstatSync, readdirSync, type Stats } from "node:fs";
import { dirname, join, relative } from "node:path";
import { realPathOf } from "../../base/files/real-path.ts";

/** Of each program so many of its entries are looked at; ours has some hundreds. */
const ENTRIES_MAX = 2_000;
/** What of a package is run; what it depends on is bundled. */
const PROGRAM_FOLDERS = ["bin", "dist", "src"];

/** A program file that the file system has under another name too: who writes to that one writes to the program. */
export interface LinkedFile {
  readonly path: string;
  /** The other name, where it was found in a folder that agents write to. */
  readonly within: string | undefined;
}

/**
 * Returns the program files that have more than one name and may be reached by one of them from `roots`. Package managers that install
 * by hard links (pnpm, copies by `cp -al`) make such ones. The other name is found where they put it: a package of the same name.
 *
 * @param roots where agents work; absolute
 * @param codexPath the codex executable
 */
export function linkedFiles(packageDir: string, codexPath: string, roots: readonly string[]): readonly LinkedFile[] {
  const codex = packageAround(realPathOf(codexPath));
  const programs = [
    ...PROGRAM_FOLDERS.flatMap((name) => filesBelow(join(packageDir, name))).map((path) => ({ path, dir: packageDir })),
    { path: realPathOf(codexPath), dir: codex },
  ];
  return programs.flatMap(({ path, dir }) => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined || stats.nlink < 2) return [];
    const reachable = roots.filter((root) => lstatSync(root, { throwIfNoEntry: false })?.dev === stats.dev);
    if (reachable.length === 0) return [];
    const within =
      dir === undefined ? undefined : reachable.map((root) => twinIn(root, dir, path, stats)).find(Boolean);
    return [{ path, within }];
  });
}

/** Looks where a package manager puts the package that lies at `dir`. */
function twinIn(root: string, dir: string, path: string, { ino, dev }: Stats): string | undefined {
  const name = packageName(dir);
  const modules = join(root, "node_modules");
  const store = join(modules, ".pnpm");
  const stored = existsSync(store)
    ? readdirSync(store)
        .filter((entry) => entry.startsWith(`${name.replace("/", "+")}@`))
        .map((entry) => join(store, entry, "node_modules", name))
    : [];
  return [join(modules, name), ...stored]
    .map((copy) => join(copy, relative(dir, path)))
    .find((copy) => {
      const stats = lstatSync(copy, { throwIfNoEntry: false });
      return copy !== path && stats?.ino === ino && stats.dev === dev;
    });
}

/** As `node_modules` has it: "@openai/codex". */
function packageName(dir: string): string {
  const at = dir.lastIndexOf("/node_modules/");
  return at === -1 ? "codex-inbox" : dir.slice(at + "/node_modules/".length);
}

/** Returns the package in a `node_modules` that `path` lies in. */
function packageAround(path: string): string | undefined {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const above = dirname(folder);
    if (above.endsWith("/node_modules") || /\/node_modules\/@[^/]+$/.test(above)) return folder;
  }
  return undefined;
}

function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).slice(0, ENTRIES_MAX);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
