import { CODEX_CONFIG_KEYS, isCodexConfigKey } from "./rights.ts";

/** What can be the value of an allowed setting: `true`, `false`, or a word such as `high`. */
const WORD = /^[a-z][a-z0-9_-]{0,39}$/;

export type CodexSetting = { readonly setting: string } | { readonly problem: string };

/** Turns a key and a value into what `codex -c` takes, `key=<TOML value>`; or says why not, as the end of a sentence. */
export function codexSetting(key: string, value: string): CodexSetting {
  if (!isCodexConfigKey(key)) {
    return { problem: `is not a setting a task may make (it may make ${CODEX_CONFIG_KEYS.join(", ")})` };
  }
  if (value === "true" || value === "false") return { setting: `${key}=${value}` };
  if (!WORD.test(value)) return { problem: "has a value that is neither a word such as high nor true nor false" };
  return { setting: `${key}="${value}"` };
}

/** Does the same for one text `key=value`, where the value may be in quotes. */
export function codexSettingFromText(text: string): CodexSetting {
  const [, key = "", value = ""] = /^\s*([\w.-]+)\s*=\s*(\S*)\s*$/.exec(text) ?? [];
  if (key === "") return { problem: 'is not of the form "key=value"' };
  return codexSetting(key, value.replace(/^"(.*)"$|^'(.*)'$/, "$1$2"));
}
