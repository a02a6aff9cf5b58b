import { CoordinatorError } from "../../base/errors.ts";
import { isThreadId } from "../../task/names/thread-id.ts";
import type { RunRequest } from "../../task/state/run.ts";
import type { Environment } from "../sandbox/environment.ts";
import { profileSettings } from "../sandbox/permission-profile.ts";
import { untrustedProject } from "../sandbox/untrusted-project.ts";
import { MARKER_VARIABLE } from "../worker/processes/marker-scan.ts";
import { runPaths } from "../worker/run-directory.ts";
import { hiddenFromTools } from "./environment.ts";
import { withoutOwnerPrograms } from "./owner-programs.ts";

/** Without this, codex 0.169.0 waits for an unreachable endpoint without end. */
const DISABLED_FEATURE = "unbounded_connection_retries";

/** Settings a caller may change. Sub-agents are cut off when the main turn ends, unseen in the events. */
const DEFAULT_SETTINGS = ["agents.enabled=false"] as const;

/** What the caller adds to the request. */
export interface ArgumentContext {
  /** The run's own folder, absolute. */
  readonly runDir: string;
  /** Settings of whoever runs the coordinator; those of the request come after them and win. */
  readonly extraConfig: readonly string[];
  readonly marker: string;
  /** The executable that is run. */
  readonly codexPath: string;
  /** Names of the MCP servers that codex has configured. */
  readonly servers: readonly string[];
  /** The variables that codex is started with; their values stay out of the arguments. */
  readonly environment: Environment;
}

/**
 * Returns the arguments of codex for `request`; the prompt comes on stdin. Working directory, sandbox and model are not part
 * of a thread, so a resume states them again, and all flags stand before the word `resume`, since some are refused after it.
 *
 * @throws CoordinatorError `TASK_FILE` for a thread id or an image path that codex would take for something else, and as `profileSettings`
 */
export function codexArguments(
  request: RunRequest,
  { runDir, extraConfig, marker, codexPath, servers, environment }: ArgumentContext,
): readonly string[] {
  const { workdir, confinement, sandbox: level } = request;
  const flags = ["exec", "--json", "-o", runPaths(runDir).lastMessage, "-C", workdir];
  // Without a sandbox the rules are the only ones that may forbid something; in it, what they allow would run outside of it.
  flags.push(...(level === "danger-full-access" ? ["-s", level] : ["--ignore-rules"]));
  if (request.model !== undefined) flags.push("-m", request.model);
  if (request.oss) flags.push("--oss");
  flags.push("--disable", DISABLED_FEATURE);
  // `set` survives every `inherit` and `exclude` the user's own configuration may have; it comes last so that nothing undoes it.
  const markerSetting = `shell_environment_policy.set.${MARKER_VARIABLE}=${JSON.stringify(marker)}`;
  const settings = [
    ...DEFAULT_SETTINGS,
    untrustedProject(workdir),
    hiddenFromTools(Object.keys(environment), request.environment),
    ...extraConfig,
    ...request.codexConfig,
    ...(confinement.mcp === "none" ? withoutOwnerPrograms(servers) : []),
    // What the model looks up is a request to the network like any other.
    ...(confinement.network === "none" ? ['web_search="disabled"'] : []),
    ...profileSettings({ level, ...confinement }, { workdir, environment, codexPath }),
    markerSetting,
  ];
  for (const setting of settings) flags.push("-c", setting);
  if (request.outputSchema !== undefined) flags.push("--output-schema", request.outputSchema);
  // `-i FILE` takes every word that follows, even the "-" for stdin; `--image=FILE` takes one. It must follow `resume`.
  const images = request.images.map((path) => `--image=${checkedImage(path)}`);
  const resume = request.resumeThread === undefined ? [] : ["resume", checkedThread(request.resumeThread)];
  return [...flags, ...resume, ...images, "-"];
}

function checkedThread(threadId: string): string {
  if (isThreadId(threadId)) return threadId;
  throw new CoordinatorError(
    "TASK_FILE",
    `${JSON.stringify(threadId)} is no thread id (a lower-case UUID): codex would start a new thread without a word`,
  );
}

function checkedImage(path: string): string {
  if (!path.includes(",")) return path;
  throw new CoordinatorError(
    "TASK_FILE",
    `image path ${JSON.stringify(path)} has a comma, where codex would split it in two: rename the file or its folder`,
  );
}
