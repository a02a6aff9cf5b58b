/** Tells which imports in the given folders point the wrong way (.dependency-cruiser.cjs): `node .ci/check-arrows.ts <folder>…`, from the root. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { promisify } from "node:util";

/** What dependency-cruiser has read, and found. */
interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
    readonly totalDependenciesCruised: number;
  };
}

const ROOT = join(import.meta.dirname, "..");
const CRUISER = join(ROOT, "node_modules/.bin/depcruise");
const folders = process.argv.slice(2);

const args = [CRUISER, "--config", join(ROOT, ".dependency-cruiser.cjs"), "--output-type", "json", ...folders];
const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 100_000_000 });
const { modules, summary }: Cruise = JSON.parse(stdout);
const imports = summary.totalDependenciesCruised;
const wrong = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);

// With a TypeScript that it cannot load, dependency-cruiser reads no such file, finds no wrong arrow, and exits 0.
const files = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => relative(".", join(entry.parentPath, entry.name))),
);
const read = new Set(modules.map(({ source }) => source));
const problems = [...wrong, ...files.filter((file) => !read.has(file)).map((file) => `not read: ${file}`)];
if (imports <= files.length) problems.push(`only ${imports} imports of ${files.length} files were followed`);

for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`${imports} imports of ${files.length} files: ${problems.length} wrong\n`);
if (problems.length > 0) process.exitCode = 1;
