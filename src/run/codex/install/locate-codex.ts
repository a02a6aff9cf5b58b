import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { findPackage } from "../../../base/files/find-package.ts";
import { runProgram } from "../../../base/process/run-program.ts";
import type { CodexInstallation } from "../../../task/state/run.ts";
import type { Environment } from "../../sandbox/environment.ts";
import { codexEnvironment } from "../environment.ts";
import { nativeBinary } from "./native-binary.ts";

/** The oldest version whose events, exit codes and thread files are known to fit. */
const CODEX_VERSION_MIN = "0.163.0";
/** The variable that names the executable. */
const PATH_VARIABLE = "CODEX_INBOX_CODEX";
const VERSION_TIMEOUT_MS = 10_000;
const VERSION_BYTES_MAX = 1024 * 1024;
const INSTALL = "npm install -g @openai/codex";

/** Where to look, in order. */
export interface LocateOptions {
  /** What the user gave on the command line: a path, or a name to find on the PATH. */
  readonly flag?: string;
  readonly environment: Environment;
  /** What the owner's policy says: an absolute path. */
  readonly policy?: string;
  /** The folder of our own package.json: a codex installed beside us is the last resort. */
  readonly packageDir: string;
}

interface Candidate {
  readonly path: string;
  readonly foundBy: CodexInstallation["foundBy"];
}

/**
 * Finds codex (flag, `CODEX_INBOX_CODEX`, policy, `PATH`, the package installed beside us), resolves the npm wrapper to the native
 * binary, and asks it for its version. The first place that names one decides; a wrong one is not passed over in silence.
 *
 * @throws CoordinatorError `CODEX`: not found, not executable, not codex, or too old, and what to do
 */
export async function locateCodex(options: LocateOptions): Promise<CodexInstallation> {
  const { path, foundBy } = findCandidate(options);
  const binary = nativeBinary(requireExecutable(path));
  const version = await askVersion(binary, options.environment);
  if (compareVersions(version, CODEX_VERSION_MIN) < 0) {
    throw new CoordinatorError(
      "CODEX",
      `codex is too old: found ${version} at ${path}; need ${CODEX_VERSION_MIN} or newer: ${INSTALL}`,
    );
  }
  return { path: binary, version, foundBy };
}

function findCandidate({ flag, environment, policy, packageDir }: LocateOptions): Candidate {
  const searchPath = (environment.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  if (flag !== undefined) return { path: named(flag, searchPath, "--codex"), foundBy: "flag" };
  const variable = environment[PATH_VARIABLE];
  if (variable !== undefined && variable !== "")
    return { path: named(variable, searchPath, PATH_VARIABLE), foundBy: "environment" };
  if (policy !== undefined) return { path: named(policy, searchPath, "the policy"), foundBy: "policy" };
  const onPath = findOnPath("codex", searchPath);
  if (onPath !== undefined) return { path: onPath, foundBy: "path" };
  const beside = findBeside(packageDir);
  if (beside !== undefined) return { path: beside, foundBy: "package" };
  throw new CoordinatorError(
    "CODEX",
    `codex not found: looked at --codex, ${PATH_VARIABLE}, the policy, PATH (${searchPath.join(delimiter)}) and the packages of ${packageDir}; install it (${INSTALL}) or name it with --codex`,
  );
}

function named(text: string, searchPath: readonly string[], by: string): string {
  const path = text.includes("/") ? resolve(text) : findOnPath(text, searchPath);
  if (path !== undefined && existsSync(path)) return path;
  throw new CoordinatorError(
    "CODEX",
    `codex not found: ${by} names ${text}, and there is no such file; install it (${INSTALL}) or name another`,
  );
}

function findOnPath(name: string, searchPath: readonly string[]): string | undefined {
  const paths = searchPath.map((folder) => join(resolve(folder), name)).filter(isFile);
  return paths.find(isExecutable) ?? paths[0]; // One that cannot be run is better reported than passed over.
}

function findBeside(packageDir: string): string | undefined {
  const folder = findPackage(packageDir, "@openai/codex");
  return folder === undefined ? undefined : join(folder, "bin", "codex.js");
}

function requireExecutable(path: string): string {
  if (!isFile(path)) throw new CoordinatorError("CODEX", `codex cannot be run: ${path} is not a file`);
  if (isExecutable(path)) return path;
  throw new CoordinatorError(
    "CODEX",
    `codex cannot be run: ${path} is not executable (chmod +x, or install it again: ${INSTALL})`,
  );
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // That is the answer.
  }
}

async function askVersion(path: string, environment: Environment): Promise<string> {
  const output = await runVersion(path, codexEnvironment(environment));
  const [, version] = /\bcodex(?:-cli)? v?(\d+\.\d+\.\d+\S*)/.exec(output) ?? [];
  if (version !== undefined) return version;
  const shown = JSON.stringify(output.slice(0, 200));
  throw new CoordinatorError(
    "CODEX",
    `${path} does not look like codex: --version printed ${shown} instead of "codex-cli X.Y.Z"`,
  );
}

async function runVersion(path: string, env: Record<string, string>): Promise<string> {
  const limits = { timeMs: VERSION_TIMEOUT_MS, outputBytes: VERSION_BYTES_MAX };
  const { status, stdout, stderr, message } = await runProgram(path, ["--version"], { env, ...limits });
  if (status === 0) return stdout;
  const said = stderr.trim().split("\n", 1)[0];
  const reason = said === "" ? message : `${message}: ${said}`;
  throw new CoordinatorError("CODEX", `cannot run ${path} --version: is it codex for this machine? (${reason})`);
}

/** Compares by the three numbers; what follows them (a pre-release) does not count. */
function compareVersions(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split(/[.-]/, 3).map(Number));
  const index = [0, 1, 2].find((place) => a?.[place] !== b?.[place]);
  return index === undefined ? 0 : (a?.[index] ?? 0) - (b?.[index] ?? 0);
}
