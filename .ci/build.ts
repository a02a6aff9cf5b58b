/** Builds the bundle of the package (docs/decisions/0029-one-bundle.md): `node .ci/build.ts <folder>`; the tests that start the program use it too. */
import { copyFileSync, cpSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { type BuildOptions, build, type Plugin } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
/** What is run as it is, beside the bundle. */
const SCRIPTS = ["src/run/worker/shim.sh", "src/run/worker/launcher/launcher.sh"];

/** What the page loads beside its own files, as src/server/page.ts names it. */
const PAGE_LIBRARIES = { "marked.js": "marked/lib/marked.esm.js", "purify.js": "dompurify/dist/purify.es.mjs" };

/**
 * An `import` of a module of Node reads each of its exports, and thereby loads what Node itself loads when it is asked for: with
 * node:http a whole HTTP client, with node:process the three streams. Here only what is used is read
 * (docs/decisions/0067-modules-of-node-by-a-call.md).
 */
const BUILTINS_BY_CALL: Plugin = {
  name: "builtins-by-call",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[\w:/]+$/ }, ({ path, kind }) =>
      isBuiltin(path) ? { path, namespace: kind === "require-call" ? "builtin-required" : "builtin" } : undefined,
    );
    onLoad({ filter: /^/, namespace: "builtin-required" }, ({ path }) => ({
      contents: `module.exports = ${call(path)};`,
    }));
    onLoad({ filter: /^/, namespace: "builtin" }, ({ path }) => ({ contents: exportsByCall(path) }));
  },
};

/** A module with the exports of the builtin `path`; a bundler leaves out each that nobody imports. */
function exportsByCall(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => /^[a-z_$][\w$]*$/i.test(name));
  const exported = names.map((name) => `const $${name} = /* @__PURE__ */ (() => all.${name})();`);
  const list = names.map((name) => `$${name} as ${name}`).join(", ");
  return [`const all = ${call(path)};`, "export default all;", ...exported, `export { ${list} };`].join("\n");
}

function call(path: string): string {
  return `process.getBuiltinModule(${JSON.stringify(path)})`;
}

/**
 * Writes program.cjs, the page and the scripts to the folder `outdir` (absolute). It is a script: V8 can keep the functions of one that
 * have run, and those of a module only as they are before it runs (docs/decisions/0069-kept-compiled.md).
 *
 * @param more further programs in one file each, relative to the repository: tests have one
 * @param plugins what changes the sources on their way: tests take out what a promise hangs on, and see it broken
 * @throws Error when something cannot be resolved
 */
export async function buildBundle(
  outdir: string,
  more: readonly string[] = [],
  plugins: readonly Plugin[] = [],
): Promise<void> {
  const common = {
    bundle: true,
    platform: "node",
    target: "node22.22",
    alias: { "js-yaml": join(ROOT, ".ci/no-js-yaml.cjs") },
    absWorkingDir: ROOT,
    plugins: [...plugins, BUILTINS_BY_CALL],
    logLevel: "warning",
  } satisfies BuildOptions;
  const script = {
    format: "cjs",
    define: { "import.meta.dirname": "__dirname" },
    supported: { "dynamic-import": false },
  } as const satisfies BuildOptions;
  await build({ ...common, ...script, entryPoints: ["src/cli.ts"], outfile: join(outdir, "program.cjs") });
  const require = 'const require=process.getBuiltinModule("node:module").createRequire(import.meta.url);';
  for (const path of more) {
    const outfile = join(outdir, `${basename(path, ".ts")}.js`);
    await build({ ...common, format: "esm", banner: { js: require }, entryPoints: [path], outfile });
  }
  for (const script of SCRIPTS) copyFileSync(join(ROOT, script), join(outdir, basename(script)));
  const page = join(outdir, "page");
  cpSync(join(ROOT, "src/server/page"), page, { recursive: true });
  for (const [name, library] of Object.entries(PAGE_LIBRARIES))
    copyFileSync(join(ROOT, "node_modules", library), join(page, name));
}

if (import.meta.main) await buildBundle(resolve(process.argv[2] ?? "dist"));
