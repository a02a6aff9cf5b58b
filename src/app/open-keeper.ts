import { join } from "node:path";
import type { LivePolicy } from "../config/live-policy.ts";
import { loadCredentialRules } from "../redact/credential-rules.ts";
import { createKeeper, type SecretFinder } from "../redact/keeper.ts";
import { createKnownValues } from "../redact/known-values.ts";
import { codexHomePath } from "../run/codex/install/codex-home.ts";
import type { Keeper } from "../task/text/kept-text.ts";
import { withCodexHome } from "./serve/check-codex.ts";

/** Returns the redaction boundary of a coordinator: it knows the secrets of its environment and codex's login by value. */
export async function openKeeper(
  environment: NodeJS.ProcessEnv,
  policy: ReturnType<LivePolicy["current"]>,
): Promise<Keeper & SecretFinder> {
  const home = codexHomePath(withCodexHome(environment, policy));
  const known = createKnownValues(environment, home === undefined ? undefined : join(home, "auth.json"));
  return createKeeper(await loadCredentialRules(), known);
}
