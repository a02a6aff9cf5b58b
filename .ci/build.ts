/** Builds the bundle of the package (docs/decisions/0029-one-bundle.md): `node .ci/build.ts <folder>`; the tests that start the program use it too. */
import { copyFileSync, cpSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { build, type Plugin } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
/** What is run as it is, beside the bundle. */
const SCRIPTS = ["src/run/worker/shim.sh", "src/run/worker/launcher/launcher.sh"];

/** What the page loads beside its own files, as src/server/page.ts names it. */
const PAGE_LIBRARIES = { "marked.js": "marked/lib/marked.esm.js", "purify.js": "dompurify/dist/purify.es.mjs" };

/**
 * Writes cli.js, its parts, the page and the scripts to the folder `outdir` (absolute).
 *
 * @param more further programs of the same parts, relative to the repository: tests have one
 * @param plugins what changes the sources on their way: tests take out what a promise hangs on, and see it broken
 * @throws Error when something cannot be resolved
 */
export async function buildBundle(
  outdir: string,
  more: readonly string[] = [],
  plugins: readonly Plugin[] = [],
): Promise<void> {
  await build({
    entryPoints: ["src/cli.ts", ...more].map((path) => join(ROOT, path)),
    entryNames: "[name]",
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.22",
    banner: { js: 'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);' },
    alias: { "js-yaml": join(ROOT, ".ci/no-js-yaml.cjs") },
    absWorkingDir: ROOT,
    plugins: [...plugins],
    logLevel: "warning",
  });
  for (const script of SCRIPTS) copyFileSync(join(ROOT, script), join(outdir, basename(script)));
  const page = join(outdir, "page");
  cpSync(join(ROOT, "src/server/page"), page, { recursive: true });
  for (const [name, library] of Object.entries(PAGE_LIBRARIES))
    copyFileSync(join(ROOT, "node_modules", library), join(page, name));
}

if (import.meta.main) await buildBundle(resolve(process.argv[2] ?? "dist"));
