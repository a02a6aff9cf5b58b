import type { VerifyRequest, VerifySandbox } from "../../task/state/verification.ts";
import type { Environment } from "../sandbox/environment.ts";
import { levelOfSettings, profileSettings } from "../sandbox/permission-profile.ts";
import { untrustedProject } from "../sandbox/untrusted-project.ts";
import { BEGIN_LINE } from "./output.ts";

/**
 * Says that it is there, and becomes the shell that runs the command: what both streams of that print goes into one file, in order.
 * Beside it, to its own standard error, only the sandbox and the worker speak.
 */
const SCRIPT = `exec 2>&1; echo '${BEGIN_LINE.trimEnd()}'; exec /bin/sh -c "$1"`;

/**
 * Returns what a worker runs, started in the working directory, so that the command of `request` runs there. In the sandbox that is
 * the one of agents: the same permission profile, in the same words.
 *
 * @throws CoordinatorError `TASK_FILE` as `profileSettings`
 */
export function verifyArguments(
  { command, workdir, sandbox, confinement }: VerifyRequest,
  codexPath: () => string,
  environment: Environment,
): readonly string[] {
  const shell = ["/bin/sh", "-c", SCRIPT, "verify", command];
  if (sandbox === "none") return shell;
  const codex = codexPath();
  const profile = profileSettings({ level: sandbox, ...confinement }, { workdir, environment, codexPath: codex });
  const settings = [untrustedProject(workdir), ...profile];
  return [codex, "sandbox", ...settings.flatMap((setting) => ["-c", setting]), "--", ...shell];
}

/** Returns the sandbox that the arguments of a run ask for, also those that an earlier version has written. */
export function sandboxOf(command: readonly string[]): VerifySandbox {
  if (command[1] !== "sandbox") return "none";
  if (command[3]?.startsWith("sandbox_mode=") === true)
    return command[3] === 'sandbox_mode="read-only"' ? "read-only" : "workspace-write";
  return levelOfSettings(command) === "read-only" ? "read-only" : "workspace-write";
}
