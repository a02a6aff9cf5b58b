import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { readOutage } from "../../../dispatch/circuit-breaker.ts";
import { createSandboxProbe } from "../../../run/sandbox/probe-sandbox.ts";
import type { CodexInstallation } from "../../../task/state/run.ts";
import { checkCodex, findCodex, withCodexHome } from "../../serve/check-codex.ts";
import { watchOwnPlaces } from "../../serve/keep-apart.ts";
import { problemOfOutage } from "../../views/present-health.ts";
import type { Check } from "../check.ts";
import { CannotLook, type Ground } from "../ground.ts";
import { requirePolicy } from "./settings.ts";

/** What the flags of `serve` say of codex is not known here. */
const NO_FLAGS = { codexPath: undefined, codexConfig: [], oss: false };

/** Codex is there and can work. */
export const codexCheck: Check = {
  name: "codex",
  what: "Codex is found where environment, policy and PATH say, is recent enough, and is logged in",
  why: "Without it no task is started; a coordinator does not start either, unless its own flags name another codex",
  async look(ground, tell) {
    const policy = requirePolicy(ground);
    try {
      const { path, version } = await checkCodex(NO_FLAGS, environmentOf(ground), policy);
      tell.fact(`${version} at ${path}`);
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
      tell.problem({ message: error.message, remedy: "serve ends with 69 until then" });
    }
    const problem = problemOfOutage(readOutage(ground.paths.codexHold), ground.now());
    if (problem !== undefined)
      tell.note({
        path: ground.paths.codexHold,
        message: `no task is started: ${problem.reason}`,
        remedy: "it is tried again by itself; codex-inbox resume --now tries at once",
      });
  },
};

/** Codex's sandbox keeps agents from what they are denied. */
export const sandboxCheck: Check = {
  name: "sandbox",
  what: "Codex's sandbox can be set up on this machine, and keeps a command from what it is denied",
  why: "Without it no task that needs one is started",
  async look(ground, tell) {
    const installation = await codexOf(ground);
    // Elsewhere than the coordinator tries it: one at work may do so at the same time.
    const folder = mkdtempSync(join(tmpdir(), "codex-inbox-doctor-"));
    try {
      const probe = createSandboxProbe({
        ...{ codexPath: () => installation.path, environment: environmentOf(ground) },
        ...{ keptPath: join(folder, "works.json"), scratchDir: join(folder, "tried") },
      });
      const problem = await probe.probe({ isDoubted: true });
      if (problem !== undefined)
        tell.problem({ message: problem, remedy: "it is tried again every 30 seconds while a coordinator is at work" });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** What we run lies out of reach of agents. */
export const ownPlacesCheck: Check = {
  name: "own-places",
  what: "This program, codex, its folder, the git directory and the folders of the PATH lie where agents cannot write",
  why: "An agent that could write there would have the next run do what it wants, outside every sandbox: serve ends with 78",
  async look(ground, tell) {
    const policy = requirePolicy(ground);
    const installation = await codexOf(ground);
    const own = watchOwnPlaces(ground.place, environmentOf(ground), (_, { path, reason, hint }) =>
      tell.note({ path: String(path), message: String(reason), remedy: String(hint) }),
    );
    try {
      own.requireApart(policy, installation.path);
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
      tell.problem({ message: error.message, remedy: "serve ends with 78 until then" });
    }
  },
};

function environmentOf(ground: Ground): NodeJS.ProcessEnv {
  return withCodexHome(ground.environment, requirePolicy(ground));
}

async function codexOf(ground: Ground): Promise<CodexInstallation> {
  try {
    return await findCodex(NO_FLAGS, environmentOf(ground), requirePolicy(ground));
  } catch (error) {
    if (error instanceof CoordinatorError) throw new CannotLook('codex cannot be used: see "codex"');
    throw error;
  }
}
