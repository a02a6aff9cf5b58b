import { join } from "node:path";
import type { Environment } from "../../sandbox/environment.ts";
import { readSmall } from "../../worker/bounded-file.ts";

const CONFIG_BYTES_MAX = 4 * 1024 * 1024;

/** What of codex's own config.toml matters to whoever starts codex. */
export interface CodexHomeFacts {
  /** Top-level `model_provider`; `undefined` means codex's built-in one. */
  readonly modelProvider: string | undefined;
  /** Environment variables that its providers take their keys from (`env_key`). */
  readonly keyVariables: readonly string[];
}

/** Returns the folder of codex's configuration and threads; `undefined` where the environment names neither it nor a home. */
export function codexHomePath({ CODEX_HOME: named, HOME: userHome }: Environment): string | undefined {
  if (named !== undefined && named !== "") return named;
  return userHome === undefined ? undefined : join(userHome, ".codex");
}

/** Reads config.toml in `CODEX_HOME` (`~/.codex`). By lines, not as TOML: codex itself says what is wrong with it. */
export function readCodexHome(environment: Environment): CodexHomeFacts {
  const home = codexHomePath(environment);
  const text = home === undefined ? "" : (readSmall(join(home, "config.toml"), CONFIG_BYTES_MAX, "followed") ?? "");
  const topLevel = text.split(/^[ \t]*\[/m, 1)[0] ?? "";
  const [, modelProvider] = /^[ \t]*model_provider[ \t]*=[ \t]*["']([^"'\n]+)["']/m.exec(topLevel) ?? [];
  const keyVariables = text.split("\n").flatMap((line) => {
    const [setting = ""] = line.split("#", 1);
    return Array.from(setting.matchAll(/\benv_key[ \t]*=[ \t]*["']([A-Za-z_]\w*)["']/g), ([, name]) => name ?? "");
  });
  return { modelProvider, keyVariables };
}
