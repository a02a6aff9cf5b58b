import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The entry of this checkout. */
export const CHECKOUT_ENTRY = fileURLToPath(new URL("../../bin/codex-inbox.js", import.meta.url));
/** The entry that is measured: that of this checkout, unless BENCH_ENTRY names that of a package. */
export const ENTRY = process.env.BENCH_ENTRY ?? CHECKOUT_ENTRY;
/** Answers as codex does, in a few milliseconds and without a model. */
export const STUB = fileURLToPath(new URL("../../test/fixtures/codex-stub.sh", import.meta.url));

/** For Node, before those of a coordinator's start: none but where only the figures are to be there, and not their size. */
export const NODE_ARGS = (process.env.BENCH_NODE_ARGS ?? "").split(" ").filter((arg) => arg !== "");

/** Files of the user's own in the same checkout. */
const USER_FILES = 300;

/** Runs git in `dir` and returns what it printed. */
export async function git(dir: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("git", args, { cwd: dir, maxBuffer: 1024 ** 3 });
  return stdout.trimEnd();
}

/** Returns the environment of every process that a benchmark starts: no setting of whoever runs it changes the figures. */
export function benchEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  const ours = {
    ...{ CODEX_INBOX_CODEX: STUB, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
    CODEX_INBOX_SHARED_WRITERS: "64", // The stub writes nothing: what is measured is the coordinator.
  };
  return { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...ours };
}

/**
 * Makes the workspace `dir` on branch `main`: some files of a user, and no task yet. The folder above it is the benchmark's own: what
 * workspaces are copied from stays there, since a copy takes a tenth of the time.
 */
export async function makeWorkspace(dir: string): Promise<void> {
  const template = join(dirname(dir), "workspace-template");
  if (!existsSync(template)) await makeTemplate(template);
  cpSync(template, dir, { recursive: true });
  await git(dir, "update-index", "--refresh"); // Git's index knows the files by their times and inodes, which are others now.
}

async function makeTemplate(dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true });
  await git(dir, "init", "--quiet", "-b", "main");
  for (const setting of ["user.name=User", "user.email=user@example.org", "gc.auto=0", "maintenance.auto=false"]) {
    await git(dir, "config", ...setting.split("=", 2));
  }
  mkdirSync(join(dir, "src"));
  for (let n = 0; n < USER_FILES; n += 1) writeFileSync(join(dir, "src", `module-${n}.ts`), `export const n = ${n};\n`);
  await git(dir, "add", "--all");
  await git(dir, "commit", "--quiet", "-m", "first");
  await promisify(execFile)(process.execPath, [ENTRY, "-C", dir, "init"], { env: benchEnvironment() });
  rmSync(join(dir, ".git/codex-inbox"), { recursive: true, force: true }); // A clone has an id of its own.
}
