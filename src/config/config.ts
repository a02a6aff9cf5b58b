import { CoordinatorError } from "../base/errors.ts";
import { codexSetting } from "../task/rights/codex-setting.ts";
import { nearest } from "../task/text/near-miss.ts";
import { CONFIG_CHARACTERS_MAX } from "./config-file.ts";
import { completeSettings, type FileConfig, settingsProblems } from "./config-schema.ts";

/** The text of the file as the served branch has it; `undefined` without one. */
export interface SettingsText {
  readonly text: string | undefined;
  /** Where it stands, for what is said of it: `codex-inbox.json of main`. */
  readonly name: string;
}

/** The settings of one start, complete and frozen. */
export interface Config extends Readonly<Omit<FileConfig, "$schema" | "codexConfig">> {
  /** `key=value` with the value in TOML. */
  readonly codexConfig: readonly string[];
}

/** Values given as flags; they win over everything. */
export type ConfigFlags = Partial<Record<keyof FileConfig, unknown>>;

/** Settings that an environment variable can name: `CODEX_INBOX_MAX_WORKERS` for `maxWorkers`. */
const NUMBER_KEYS = [
  "maxWorkers",
  "sharedWriters",
  "keepChangesDays",
  "keepRunsDays",
  "keepRunsMb",
  "maintenanceMinutes",
  "maxOpenTasks",
  "minFreeMb",
  "port",
  "settleMs",
  "rescanMs",
  "timeoutMs",
  "stallTimeoutMs",
  "stopGraceMs",
  "maxAttempts",
  "retryBaseMs",
  "retryMaxMs",
  "verifyTimeoutMs",
  "maxVerifyAttempts",
  "maxFollowUpDepth",
  "maxMemoryChars",
] as const satisfies readonly (keyof FileConfig)[];
const TEXT_KEYS = [
  "workplace",
  "sandbox",
  "model",
  "outputPolicy",
  "followUp",
] as const satisfies readonly (keyof FileConfig)[];

/** One thing that is wrong with the settings, and who said it. */
interface Problem {
  readonly by: "file" | "environment" | "flag";
  readonly text: string;
}

type Values = Readonly<Record<string, unknown>>;

/**
 * Returns the settings from flags, else environment, else the committed file, else the defaults.
 *
 * @throws CoordinatorError `CONFIG` naming every problem of all three at once; `USAGE` where only flags are wrong
 */
export function loadConfig(committed: SettingsText, environment: NodeJS.ProcessEnv, flags: ConfigFlags): Config {
  const file = readSettingsFile(committed);
  const fromEnvironment = readEnvironment(environment);
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const problems = [
    ...file.problems,
    ...settingsProblems(fromEnvironment).map(
      ({ key, text }): Problem => ({ by: "environment", text: `${environmentName(key)}: ${text}` }),
    ),
    ...misspeltVariables(environment).map((text): Problem => ({ by: "environment", text })),
    ...settingsProblems(given).map(({ key, text }): Problem => ({ by: "flag", text: `--${dashed(key)}: ${text}` })),
  ];
  if (problems.length > 0) {
    const code = problems.every(({ by }) => by === "flag") ? "USAGE" : "CONFIG";
    throw new CoordinatorError(code, problems.map(({ text }) => text).join("; "));
  }
  const { $schema: _, codexConfig, ...settings } = completeSettings({ ...file.values, ...fromEnvironment, ...given });
  const pairs = Object.entries(codexConfig ?? {}).flatMap(([key, value]) => {
    const made = codexSetting(key, String(value));
    return "setting" in made ? [made.setting] : [];
  });
  return Object.freeze({ ...settings, codexConfig: Object.freeze(pairs) });
}

function readSettingsFile({ text, name }: SettingsText): {
  readonly values: Values;
  readonly problems: readonly Problem[];
} {
  const wrong = (what: string): { values: Values; problems: readonly Problem[] } => ({
    values: {},
    problems: [{ by: "file", text: `${name}${what}` }],
  });
  if (text === undefined) return { values: {}, problems: [] };
  if (text.length > CONFIG_CHARACTERS_MAX)
    return wrong(` has ${text.length} characters; at most ${CONFIG_CHARACTERS_MAX} are read`);
  let raw: unknown;
  try {
    raw = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    if (error instanceof SyntaxError) return wrong(` is not valid JSON: ${error.message}`);
    throw error;
  }
  const problems = settingsProblems(raw).map(({ key, text: problem }): Problem => {
    return { by: "file", text: `${name}: ${key === "" ? "" : `${key}: `}${problem}` };
  });
  return { values: problems.length === 0 ? (raw as Values) : {}, problems };
}

function readEnvironment(environment: NodeJS.ProcessEnv): Values {
  const values: Record<string, unknown> = {};
  for (const key of [...NUMBER_KEYS, ...TEXT_KEYS]) {
    const text = environment[environmentName(key)] ?? "";
    if (text !== "") values[key] = /^-?\d+$/.test(text) && !isTextKey(key) ? Number(text) : text;
    if (key === "followUp" && /^(true|false)$/.test(text)) values[key] = text === "true";
  }
  return values;
}

/** Variables of ours that are no settings. */
const OTHER_VARIABLES = ["codex", "run", "task", "session", "fault"] as const;
const PREFIX = "CODEX_INBOX_";

/** A variable of this prefix that is near to none of ours may be somebody else's. */
function misspeltVariables(environment: NodeJS.ProcessEnv): readonly string[] {
  const known = [...NUMBER_KEYS, ...TEXT_KEYS, ...OTHER_VARIABLES];
  const names = new Set(known.map(environmentName));
  return Object.entries(environment).flatMap(([name, value]) => {
    if (!name.startsWith(PREFIX) || names.has(name) || value === undefined || value === "") return [];
    const near = nearest(name.slice(PREFIX.length), known);
    return near === undefined ? [] : [`unknown variable ${name}; did you mean ${environmentName(near)}?`];
  });
}

function isTextKey(key: string): boolean {
  return TEXT_KEYS.some((name) => name === key);
}

/** Returns the environment variable of a setting: `CODEX_INBOX_MAX_WORKERS` for `maxWorkers`. */
export function environmentName(key: string): string {
  return `${PREFIX}${dashed(key).replaceAll("-", "_").toUpperCase()}`;
}

function dashed(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
