import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { stampText } from "../../base/files/file-stamp.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import { writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { parseObject } from "../../base/json-shape.ts";
import { runProgram } from "../../base/process/run-program.ts";
import type { SandboxPort } from "../ports.ts";
import { readSmall } from "../worker/bounded-file.ts";
import { sandboxRemedy } from "./broken-sandbox.ts";
import { allowedEnvironment, type Environment } from "./environment.ts";
import { profileSettings } from "./permission-profile.ts";
import { untrustedProject } from "./untrusted-project.ts";

const PROBE_TIMEOUT_MS = 20_000;
const PROBE_BYTES_MAX = 64 * 1024;
const WORKS = "codex-inbox: the sandbox works";
/** Tries what it must not be able to do, and then what it must. */
const SCRIPT = `cat "$1/secret" >/dev/null 2>&1 && echo read; (: >"$1/tree/kept/x") 2>/dev/null && echo wrote; : >"$1/tree/out" && echo '${WORKS}'`;
/** What decides whether a process may make the namespaces that the sandbox consists of. */
const KERNEL_SETTINGS = [
  "/proc/sys/kernel/unprivileged_userns_clone",
  "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
  "/proc/sys/user/max_user_namespaces",
  "/proc/sys/user/max_mnt_namespaces",
];
/** A shell's words for "cannot be executed" and "not found". */
const NOT_RUNNABLE: readonly number[] = [126, 127];
const NOT_A_PROGRAM = Symbol("codex cannot be run");
/** What codex says beside the reason (0.169.0). */
const NOISE = /^(warning:|note: |stack backtrace|\s*$)/i;

export interface SandboxProbeOptions {
  readonly codexPath: () => string;
  /** Filtered. */
  readonly environment: Environment;
  /** A folder of our own, absolute: what is tried is tried there. */
  readonly scratchDir: string;
  /** Keeps that it worked, and with what. */
  readonly keptPath: string;
}

/** Tries codex's sandbox by a command in it: whether it can be set up, and whether it keeps the command from what it is denied. */
export function createSandboxProbe(options: SandboxProbeOptions): SandboxPort {
  const { codexPath, keptPath } = options;
  const stamp = (): string => {
    const path = codexPath();
    const kernel = KERNEL_SETTINGS.map((setting) => readSetting(setting));
    return [path, stampText(realPathOf(path)), process.getuid?.(), release(), ...kernel].join(" ");
  };
  return {
    stamp,
    async probe({ isDoubted }) {
      const seen = stamp();
      if (!isDoubted && parseObject(readSmall(keptPath) ?? "")?.works === seen) return undefined;
      const problem = await tryOut(options);
      if (problem === NOT_A_PROGRAM) return undefined; // Whoever is to start it says so; the sandbox is not to blame.
      if (!existsSync(dirname(keptPath))) return problem; // Our own folder was moved away meanwhile: none is made in its place.
      if (problem === undefined) writeFileAtomic(keptPath, `${JSON.stringify({ works: seen })}\n`, 0o600);
      else rmSync(keptPath, { force: true });
      return problem;
    },
  };
}

async function tryOut({
  codexPath,
  environment,
  scratchDir,
}: SandboxProbeOptions): Promise<string | typeof NOT_A_PROGRAM | undefined> {
  rmSync(scratchDir, { recursive: true, force: true });
  const workdir = join(scratchDir, "tree");
  const [kept, secret, home] = [join(workdir, "kept"), join(scratchDir, "secret"), join(scratchDir, "home")];
  // One by one: where our own folder is away just now, none is made in its place.
  for (const folder of [scratchDir, workdir, kept, home]) mkdirSync(folder, { mode: 0o700 });
  writeFileSync(secret, "", { mode: 0o600 });
  try {
    const path = codexPath();
    // A folder of its own: the sandbox is not to blame for what is wrong with the owner's configuration.
    const env = { ...allowedEnvironment(environment, []), CODEX_HOME: home };
    const profile = profileSettings(
      {
        level: "workspace-write",
        readDenied: [secret],
        readable: [],
        writeDenied: [kept],
        network: "none",
        mcp: "none",
      },
      { workdir, environment: env, codexPath: path },
    );
    const settings = [untrustedProject(workdir), ...profile].flatMap((setting) => ["-c", setting]);
    const args = ["sandbox", ...settings, "--", "/bin/sh", "-c", SCRIPT, "sh", scratchDir];
    const end = await runProgram(path, args, {
      ...{ env, cwd: workdir, timeMs: PROBE_TIMEOUT_MS, outputBytes: PROBE_BYTES_MAX },
    });
    if (end.fault === "not started" || NOT_RUNNABLE.includes(end.status ?? 0)) return NOT_A_PROGRAM;
    const said = end.stdout.trim().split("\n");
    if (end.status === 0 && said.join() === WORKS) return undefined;
    if (said.at(-1) === WORKS)
      return `codex's sandbox does not keep a command from what it is denied (it ${said.slice(0, -1).join(" and ")} it): install a newer codex (npm install -g @openai/codex)`;
    const line =
      end.stderr
        .split("\n")
        .find((one) => !NOISE.test(one))
        ?.trim() ?? end.message;
    return `codex's sandbox does not work (${line}): ${sandboxRemedy(end.stderr)}`;
  } finally {
    rmSync(scratchDir, { recursive: true, force: true });
  }
}

function readSetting(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "-"; // This kernel does not have it.
  }
}
