/** What can be the value of a setting: `true`, `false`, or a word such as `high`. */
const WORD = /^[a-z][a-z0-9_-]{0,39}$/;
const KEY_LENGTH_MAX = 100;

export type CodexSetting = { readonly setting: string } | { readonly problem: string };

/**
 * Turns a key and a value into what `codex -c` takes, `key=<TOML value>`; or says why not, as the end of a sentence. Whether
 * a task may make this setting is decided in rights.ts.
 */
export function codexSetting(key: string, value: string): CodexSetting {
  const wrong = codexKeyProblem(key);
  if (wrong !== undefined) return { problem: wrong };
  if (value === "true" || value === "false") return { setting: `${key}=${value}` };
  if (!WORD.test(value)) return { problem: "has a value that is neither a word such as high nor true nor false" };
  return { setting: `${key}="${value}"` };
}

/** Does the same for one text `key=value`, where the value may be in quotes. */
export function codexSettingFromText(text: string): CodexSetting {
  const equals = text.indexOf("=");
  const key = text.slice(0, Math.max(0, equals)).trim();
  const value = text.slice(equals + 1).trim();
  if (!/^[\w.-]+$/.test(key) || /\s/.test(value)) return { problem: 'is not of the form "key=value"' };
  return codexSetting(key, value.replace(/^"(.*)"$|^'(.*)'$/, "$1$2"));
}

/** Returns what is wrong with a key of codex's configuration as the end of a sentence, or `undefined`. */
export function codexKeyProblem(key: string): string | undefined {
  if (key.length > KEY_LENGTH_MAX) return `is longer than ${KEY_LENGTH_MAX} characters`;
  return /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(key)
    ? undefined
    : 'is not a setting: names of letters, digits, "_" and "-", joined by "."';
}
