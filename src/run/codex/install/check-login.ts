import { CoordinatorError } from "../../../base/errors.ts";
import { runProgram } from "../../../base/process/run-program.ts";
import type { CodexInstallation } from "../../../task/state/run.ts";
import type { Environment } from "../../sandbox/environment.ts";
import { codexEnvironment } from "../environment.ts";
import { readCodexHome } from "./codex-home.ts";

const STATUS_TIMEOUT_MS = 10_000;
const OUTPUT_BYTES_MAX = 1024 * 1024;
/** How `codex login status` begins where it did not get as far as the login (0.169.0). */
const CONFIGURATION_ERROR = "Error loading config";
const BUILT_IN_PROVIDER = "openai";

/** What decides whether codex needs a login, and whether it has one. */
export interface LoginOptions {
  readonly installation: CodexInstallation;
  readonly environment: Environment;
  /** `key=value` settings that every run gets. */
  readonly extraConfig: readonly string[];
  /** Every run uses a local model (`--oss`). */
  readonly oss?: boolean;
}

/**
 * Checks that codex can reach a model: a key or token in the environment, a stored login, or a provider other than OpenAI,
 * which has its own rules. Codex itself does not look until the first request fails (0.169.0).
 *
 * @throws CoordinatorError `CODEX` with what to do
 */
export async function checkLogin({ installation, environment, extraConfig, oss = false }: LoginOptions): Promise<void> {
  if (oss || isSet(environment.CODEX_API_KEY) || isSet(environment.CODEX_ACCESS_TOKEN)) return;
  const provider = providerSetting(extraConfig) ?? readCodexHome(environment).modelProvider;
  if (provider !== undefined && provider !== BUILT_IN_PROVIDER) return;
  const said = await askStatus(installation.path, codexEnvironment(environment));
  if (said === undefined) return;
  if (said.startsWith(CONFIGURATION_ERROR)) throw new CoordinatorError("CODEX", `codex cannot start: ${said}`);
  throw new CoordinatorError(
    "CODEX",
    `codex is not logged in (${said}): run \`codex login\`, or \`codex login --with-api-key\` with a key on stdin, or set CODEX_API_KEY`,
  );
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}

function providerSetting(extraConfig: readonly string[]): string | undefined {
  const setting = extraConfig.findLast((text) => /^\s*model_provider\s*=/.test(text));
  return setting
    ?.slice(setting.indexOf("=") + 1)
    .trim()
    .replaceAll(/^["']|["']$/g, "");
}

/** Returns what `codex login status` says if there is no login, and `undefined` if there is one. */
async function askStatus(path: string, env: Record<string, string>): Promise<string | undefined> {
  const limits = { timeMs: STATUS_TIMEOUT_MS, outputBytes: OUTPUT_BYTES_MAX };
  const { status, stdout, stderr, message } = await runProgram(path, ["login", "status"], { env, ...limits });
  if (status === 0) return undefined;
  const lines = `${stderr}\n${stdout}`.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("WARNING:"));
  return lines.at(-1)?.trim() ?? message;
}
