/** Builds the bundle of the package (docs/decisions/0029-one-bundle.md): `node .ci/build.ts <folder>`; the tests that start the program use it too. */
import { copyFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
/** What is run as it is, beside the bundle. */
const SCRIPTS = ["src/run/worker/shim.sh", "src/run/worker/launcher/launcher.sh"];

/** Writes cli.js, its parts and the scripts to the folder `outdir` (absolute). @throws Error when something cannot be resolved */
export async function buildBundle(outdir: string): Promise<void> {
  await build({
    entryPoints: [join(ROOT, "src/cli.ts")],
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.22",
    banner: { js: 'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);' },
    alias: { "js-yaml": join(ROOT, ".ci/no-js-yaml.cjs") },
    absWorkingDir: ROOT,
    logLevel: "warning",
  });
  for (const script of SCRIPTS) copyFileSync(join(ROOT, script), join(outdir, basename(script)));
}

if (import.meta.main) await buildBundle(resolve(process.argv[2] ?? "dist"));
