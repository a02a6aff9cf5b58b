import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { findPackage } from "../../../base/files/find-package.ts";
import { parseObject } from "../../../base/json-shape.ts";

/** Where the npm package of a platform keeps its binary (0.169.0). */
const TARGETS: Readonly<Record<string, string>> = {
  "linux-x64": "x86_64-unknown-linux-musl",
  "linux-arm64": "aarch64-unknown-linux-musl",
};

/** pnpm installs this instead of a link: a script of a few lines that starts the wrapper. */
const PNPM_SCRIPT = /"\$basedir\/([^"\n]*@openai\/codex\/bin\/codex\.js)"/;
const SCRIPT_BYTES_MAX = 16 * 1024;

/**
 * Returns the native binary behind `path`, where `path` is the wrapper that npm or pnpm installs; anything else is its own
 * answer, with links resolved. The wrapper is a Node script: on older Nodes it stays as a parent that a SIGKILL does not get
 * past, and it costs 40 MB and 70 ms (measured with 0.169.0).
 *
 * @throws CoordinatorError `CODEX` if the wrapper is there and its binary is not
 */
export function nativeBinary(path: string): string {
  const real = realpathSync(path);
  const wrapper = isWrapper(real) ? real : wrapperOfScript(real);
  if (wrapper === undefined) return real;
  const platform = `${process.platform}-${process.arch}`;
  const target = TARGETS[platform];
  const found =
    target === undefined ? undefined : binariesOf(wrapper, platform, target).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new CoordinatorError(
    "CODEX",
    `${path} is the codex of npm, but its program for ${platform} is missing: install it again (npm install -g @openai/codex)`,
  );
}

/** Tells whether `real` is bin/codex.js of the package `@openai/codex`. */
function isWrapper(real: string): boolean {
  if (!real.endsWith("/bin/codex.js")) return false;
  const manifest = join(dirname(dirname(real)), "package.json");
  return existsSync(manifest) && parseObject(readFileSync(manifest, "utf8"))?.name === "@openai/codex";
}

function wrapperOfScript(real: string): string | undefined {
  const head = readHead(real);
  if (!head.startsWith("#!")) return undefined;
  const [, script] = PNPM_SCRIPT.exec(head) ?? [];
  const wrapper = script === undefined ? undefined : resolve(dirname(real), script);
  return wrapper !== undefined && existsSync(wrapper) && isWrapper(realpathSync(wrapper))
    ? realpathSync(wrapper)
    : undefined;
}

function readHead(path: string): string {
  return statSync(path).size > SCRIPT_BYTES_MAX ? "" : readFileSync(path, "latin1");
}

function binariesOf(wrapper: string, platform: string, target: string): readonly string[] {
  const ownFolder = dirname(dirname(wrapper)); // Older packages carry the binary themselves.
  const folders = [findPackage(ownFolder, `@openai/codex-${platform}`), ownFolder].filter(
    (folder) => folder !== undefined,
  );
  return folders.map((folder) => join(folder, "vendor", target, "bin", "codex"));
}
