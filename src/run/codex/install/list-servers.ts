import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { stampText } from "../../../base/files/file-stamp.ts";
import { realPathOf } from "../../../base/files/real-path.ts";
import { asObject, asText } from "../../../base/json-shape.ts";
import { runProgram } from "../../../base/process/run-program.ts";
import type { Environment } from "../../sandbox/environment.ts";
import { untrustedProject } from "../../sandbox/untrusted-project.ts";
import { codexEnvironment } from "../environment.ts";
import { codexHomePath } from "./codex-home.ts";

const LIST_TIMEOUT_MS = 20_000;
const LIST_BYTES_MAX = 4 * 1024 * 1024;
/** How `codex mcp list` begins where codex cannot work with its configuration: then it starts nothing, in `exec` either (0.169.0). */
const UNUSABLE = "Error: failed to load ";
/** The configuration of the whole machine. */
const SYSTEM_CONFIG = "/etc/codex/config.toml";

export interface ServerListOptions {
  readonly codexPath: () => string;
  readonly environment: Environment;
}

/**
 * Returns what lists the names of the MCP servers that codex has configured, wherever: it asks codex, which takes some 30 ms, and asks
 * again only when the program or a configuration file has changed. Where codex cannot work with its configuration there are none: the
 * run will say what is wrong with it.
 *
 * The list rejects with CoordinatorError `CODEX` where codex does not say: then nobody knows what it would start.
 */
export function createServerList({ codexPath, environment }: ServerListOptions): () => Promise<readonly string[]> {
  let known: { readonly stamp: string; readonly names: readonly string[] } | undefined;
  return async () => {
    const path = codexPath();
    const config = realPathOf(join(codexHomePath(environment) ?? "/", "config.toml"));
    const stamp = [path, stampText(realPathOf(path)), stampText(config), stampText(SYSTEM_CONFIG)].join(" ");
    if (known?.stamp === stamp) return known.names;
    const names = await listServers(path, codexEnvironment(environment));
    known = names === undefined ? undefined : { stamp, names };
    return names ?? [];
  };
}

/** @returns `undefined` where the configuration cannot be used */
async function listServers(path: string, env: Record<string, string>): Promise<readonly string[] | undefined> {
  const args = ["mcp", "list", "--json", "-c", "features.plugins=false", "-c", untrustedProject("/")];
  const limits = { timeMs: LIST_TIMEOUT_MS, outputBytes: LIST_BYTES_MAX };
  const { status, stdout, stderr, message } = await runProgram(path, args, { env, cwd: "/", ...limits });
  const names = status === 0 ? readNames(stdout) : undefined;
  if (names !== undefined) return names;
  const lines = stderr.split("\n");
  if (status !== 0 && lines.some((line) => line.startsWith(UNUSABLE))) return undefined;
  const said = stderr.trim().split("\n", 1)[0] || message;
  throw new CoordinatorError("CODEX", `codex does not list its MCP servers, so they cannot be switched off: ${said}`);
}

function readNames(text: string): readonly string[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined; // It is told as codex's answer that cannot be used.
  }
  if (!Array.isArray(list)) return undefined;
  const names = list.map((entry) => asText(asObject(entry)?.name));
  return names.every((name) => name !== undefined) ? names : undefined;
}
