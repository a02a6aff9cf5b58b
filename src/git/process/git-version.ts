import { execa } from "execa";
import { CoordinatorError } from "../../base/errors.ts";
import { gitEnvironment } from "./git-environment.ts";

/** The oldest git whose plumbing is known to do what is asked of it here. */
const GIT_VERSION_MIN = "2.36";

/**
 * Makes sure that git is there and recent enough.
 *
 * @throws CoordinatorError `CONFIG` saying what was found and what is needed
 */
export async function requireGit(environment: NodeJS.ProcessEnv): Promise<void> {
  const { failed, stdout, originalMessage, exitCode } = await execa("git", ["--version"], {
    env: gitEnvironment(environment),
    extendEnv: false,
    reject: false,
  });
  if (failed)
    throw new CoordinatorError(
      "CONFIG",
      `git cannot be run (${originalMessage ?? `exit code ${exitCode}`}); install git ${GIT_VERSION_MIN} or newer`,
    );
  const [, major = "", minor = ""] = /\b(\d+)\.(\d+)/.exec(stdout) ?? [];
  const [majorMin = 0, minorMin = 0] = GIT_VERSION_MIN.split(".").map(Number);
  if (Number(major) > majorMin || (Number(major) === majorMin && Number(minor) >= minorMin)) return;
  throw new CoordinatorError("CONFIG", `git is too old: found "${stdout}", need ${GIT_VERSION_MIN} or newer`);
}
