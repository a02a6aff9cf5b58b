import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ModelServer } from "./model-server.ts";

export interface CodexConfigOptions {
  /** `gpt-5.5` unless given: it is offered plain tools. Another model, known to codex or not, works as well. */
  readonly model?: string;
  /** How often codex tries a failed request, and a broken stream, again. 0, the default: every fault ends the turn at once. */
  readonly retriesMax?: number;
  /**
   * Whether codex asks the user's shell at each start what it has set: true unless given, as codex has it. That is nine processes and a
   * seventh of a turn; where nobody looks at the environment of the agent's commands, nothing comes of it.
   */
  readonly shellSnapshot?: boolean;
}

/** Makes `directory` a CODEX_HOME that uses `server`; what else is in it (threads) stays. Returns `directory`. */
export function makeCodexHome(
  directory: string,
  server: Pick<ModelServer, "baseUrl">,
  options: CodexConfigOptions = {},
): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.toml"), codexConfigToml(server, options));
  return directory;
}

/** Returns the `config.toml` that makes codex use `server`: a provider that needs no key, and nothing that looks for the network. */
function codexConfigToml(server: Pick<ModelServer, "baseUrl">, options: CodexConfigOptions): string {
  const retriesMax = options.retriesMax ?? 0;
  return `model = ${JSON.stringify(options.model ?? "gpt-5.5")}
model_provider = "scripted"

[model_providers.scripted]
name = "Scripted model"
base_url = ${JSON.stringify(server.baseUrl)}
wire_api = "responses"
request_max_retries = ${retriesMax}
stream_max_retries = ${retriesMax}

[features]
plugins = false
${options.shellSnapshot === false ? "shell_snapshot = false\n" : ""}unbounded_connection_retries = false

[analytics]
enabled = false
`;
}
