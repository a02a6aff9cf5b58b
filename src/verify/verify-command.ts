import type { VerifySandbox } from "../task/verification.ts";
import { BEGIN_LINE } from "./output.ts";

/**
 * Says that it is there, and becomes the shell that runs the command: what both streams of that print goes into one file, in order.
 * Beside it, to its own standard error, only the sandbox and the worker speak.
 */
const SCRIPT = `exec 2>&1; echo '${BEGIN_LINE.trimEnd()}'; exec /bin/sh -c "$1"`;

/** Codex's own profiles with the rights of its sandbox levels; both without a network (codex 0.169.0). */
const PROFILES: Readonly<Record<Exclude<VerifySandbox, "none">, string>> = {
  "read-only": ":read-only",
  "workspace-write": ":workspace",
};

/** Returns what a worker runs so that `command` runs in `workdir`. */
export function verifyArguments(
  command: string,
  workdir: string,
  sandbox: VerifySandbox,
  codexPath: () => string,
): readonly string[] {
  const shell = ["/bin/sh", "-c", SCRIPT, "verify", command];
  if (sandbox === "none") return shell;
  return [codexPath(), "sandbox", "-P", PROFILES[sandbox], "-C", workdir, "--", ...shell];
}

/** Returns the sandbox that the arguments of a run ask for. */
export function sandboxOf(command: readonly string[]): VerifySandbox {
  if (command[1] !== "sandbox") return "none";
  return command[3] === PROFILES["read-only"] ? "read-only" : "workspace-write";
}
