import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { buildBundle } from "../../.ci/build.ts";
import { CONTROLS, type Control, type SourceChange } from "./controls.ts";

const ROOT = join(import.meta.dirname, "../..");
const LAUNCHER = "dist/launcher.sh";

/** The program as a package has it, of the sources of this moment, to be tortured. */
export interface TorturePackage {
  readonly dir: string;
  remove(): void;
}

/**
 * @param control what is switched off in it
 * @throws Error where a source does not hold what the control takes away
 */
export async function makeTorturePackage(control?: Control): Promise<TorturePackage> {
  const cache = join(ROOT, "node_modules/.cache"); // Below node_modules the entry takes the bundle, and finds our libraries.
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(join(cache, "tortured-"));
  for (const name of ["bin", "package.json", "docs/openapi.json"])
    cpSync(join(ROOT, name), join(dir, name), { recursive: true });
  await buildBundle(join(dir, "dist"), [], control === undefined ? [] : [changed(control)]);
  const launcher = join(dir, LAUNCHER);
  const text = readFileSync(launcher, "utf8");
  // Workers that begin late, when their coordinator is dead: not before a file is gone, beside the repository.
  const wait = `while [ -e "\${3%/*}/../../../../../../slow-workers" ]; do sleep 0.1; done`;
  writeFileSync(launcher, changeOnce(text, { file: LAUNCHER, from: "become() {\n", to: `become() {\n  ${wait}\n` }));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Takes out of the sources what a control switches off. */
function changed(control: Control): Plugin {
  const changes: readonly SourceChange[] = CONTROLS[control].changes;
  return {
    name: `without-${control}`,
    setup(build) {
      for (const [file, ofFile] of Map.groupBy<string, SourceChange>(changes, (change) => change.file))
        build.onLoad({ filter: new RegExp(`/${file.replaceAll(/[/.]/g, "\\$&")}$`) }, ({ path }) => ({
          contents: ofFile.reduce(changeOnce, readFileSync(path, "utf8")),
          loader: "ts",
        }));
    },
  };
}

/** @throws Error where what is to be changed is not there exactly once */
function changeOnce(text: string, { file, from, to }: SourceChange): string {
  const [before, after, more] = text.split(from);
  if (before === undefined || after === undefined || more !== undefined)
    throw new Error(`${file} does not hold exactly once: ${from}`);
  return before + to + after;
}
