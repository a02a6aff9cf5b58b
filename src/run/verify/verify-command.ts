import type { VerifyRequest, VerifySandbox } from "../../task/state/verification.ts";
import type { Environment } from "../sandbox/environment.ts";
import { sandboxGuard } from "../sandbox/sandbox-guard.ts";
import { untrustedProject } from "../sandbox/untrusted-project.ts";
import { BEGIN_LINE } from "./output.ts";

/**
 * Says that it is there, and becomes the shell that runs the command: what both streams of that print goes into one file, in order.
 * Beside it, to its own standard error, only the sandbox and the worker speak.
 */
const SCRIPT = `exec 2>&1; echo '${BEGIN_LINE.trimEnd()}'; exec /bin/sh -c "$1"`;

/**
 * Returns what a worker runs, started in the working directory, so that the command of `request` runs there. In the sandbox that is
 * the one of `codex exec -s`, with the same settings of the user: so `sandbox_mode` and not a permission profile (`-P`), which is
 * deaf to `sandbox_workspace_write` (codex 0.169.0).
 */
export function verifyArguments(
  { command, workdir, sandbox }: VerifyRequest,
  runDir: string,
  codexPath: () => string,
  environment: Environment,
): readonly string[] {
  const shell = ["/bin/sh", "-c", SCRIPT, "verify", command];
  if (sandbox === "none") return shell;
  const settings = [
    `sandbox_mode=${JSON.stringify(sandbox)}`,
    untrustedProject(workdir),
    ...sandboxGuard(runDir, workdir, environment),
  ];
  return [codexPath(), "sandbox", ...settings.flatMap((setting) => ["-c", setting]), "--", ...shell];
}

/** Returns the sandbox that the arguments of a run ask for. */
export function sandboxOf(command: readonly string[]): VerifySandbox {
  if (command[1] !== "sandbox") return "none";
  return command[3] === 'sandbox_mode="read-only"' ? "read-only" : "workspace-write";
}
