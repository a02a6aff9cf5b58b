import { join } from "node:path";
import type { Config } from "../../config/config.ts";
import { stampOf } from "../../config/path-stamp.ts";
import { checkLogin } from "../../run/codex/install/check-login.ts";
import { codexHomePath } from "../../run/codex/install/codex-home.ts";
import { locateCodex } from "../../run/codex/install/locate-codex.ts";
import type { Policy } from "../../task/rights/policy.ts";
import type { CodexInstallation } from "../../task/state/run.ts";
import { PACKAGE_DIR } from "./package-facts.ts";

/** What the command line says of codex. */
export interface CodexOptions {
  readonly codexPath: string | undefined;
  /** `key=value` for codex's -c. */
  readonly codexConfig: readonly string[];
  /** Every run uses a local model (`--oss`). */
  readonly oss: boolean;
}

/**
 * Finds codex and checks that it can work: what flags, environment and policy say decides, never the repository.
 *
 * @throws CoordinatorError `CODEX` with what to do
 */
export async function checkCodex(
  options: CodexOptions,
  environment: NodeJS.ProcessEnv,
  policy: Policy,
): Promise<CodexInstallation> {
  const { codexConfig, oss } = options;
  const installation = await findCodex(options, environment, policy);
  await checkLogin({ installation, environment, extraConfig: codexConfig, oss });
  return installation;
}

/** Finds codex, whether or not it is logged in. @throws CoordinatorError `CODEX` with what to do */
export function findCodex(
  { codexPath }: Pick<CodexOptions, "codexPath">,
  environment: NodeJS.ProcessEnv,
  policy: Policy,
): Promise<CodexInstallation> {
  return locateCodex({
    ...(codexPath === undefined ? {} : { flag: codexPath }),
    ...(policy.codex === undefined ? {} : { policy: policy.codex }),
    environment,
    packageDir: PACKAGE_DIR,
  });
}

/** Codex's own folder is where the environment says, else where the policy does; never where the repository says. */
export function withCodexHome(environment: NodeJS.ProcessEnv, { codexHome }: Policy): NodeJS.ProcessEnv {
  const isNamed = (environment.CODEX_HOME ?? "") !== "";
  return isNamed || codexHome === undefined ? environment : { ...environment, CODEX_HOME: codexHome };
}

/** Returns what changes when what codex works with was changed: its configuration, its login, the settings of its runs. */
export function codexStamp(
  environment: NodeJS.ProcessEnv,
  { sandbox, model, codexConfig }: Pick<Config, "sandbox" | "model" | "codexConfig">,
): string {
  const home = codexHomePath(environment) ?? "";
  const files = ["config.toml", "auth.json"].map((name) => stampOf(join(home, name)));
  return [...files, sandbox, model, ...codexConfig].join();
}
