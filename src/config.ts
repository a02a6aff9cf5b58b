import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CoordinatorError, systemErrorCode } from "./base/errors.ts";
import { codexSetting } from "./task/codex-setting.ts";
import { nearest } from "./task/near-miss.ts";
import { CODEX_CONFIG_KEYS } from "./task/rights.ts";
import { sessionKeyProblem } from "./task/session-key.ts";
import { FOLLOW_UP_DEPTH_MAX } from "./task/verify-fields.ts";

/** The configuration that travels with the repository. */
export const CONFIG_FILE = "codex-inbox.json";

const codexWord = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,39}$/, "expected a word such as high")
  .optional();

const CODEX_SETTINGS = {
  model_reasoning_effort: codexWord,
  model_reasoning_summary: codexWord,
  model_verbosity: codexWord,
  hide_agent_reasoning: z.boolean().optional(),
  show_raw_agent_reasoning: z.boolean().optional(),
} as const satisfies Record<(typeof CODEX_CONFIG_KEYS)[number], z.ZodType>;

/** Every setting, its limits and its default. Times are in milliseconds. A misspelt key is an error, not a silent default. */
export const configSchema = z
  .strictObject({
    $schema: z.string().optional().describe("Where an editor finds the schema of this file."),
    maxWorkers: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe("Runs of codex side by side. One session never has more than one."),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .default(8787)
      .describe("Port of the HTTP interface on 127.0.0.1; 0 picks a free one. Read at the start."),
    settleMs: z
      .int()
      .min(0)
      .max(600_000)
      .default(2_000)
      .describe(
        "How long a file in inbox/ must rest before it is taken, unless it is named after its own id. Read at the start.",
      ),
    rescanMs: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(30_000)
      .describe("How often inbox/ is looked at even when no file event came. Read at the start."),
    timeoutMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(3_600_000)
      .describe("Wall-clock limit of one run; a task may set its own."),
    stallTimeoutMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(1_800_000)
      .describe(
        "A run that reports nothing for so long is ended; a long command reports nothing. A task may set its own.",
      ),
    stopGraceMs: z
      .int()
      .min(0)
      .max(600_000)
      .default(10_000)
      .describe("How long a stopped run has between SIGINT and SIGKILL."),
    maxAttempts: z
      .int()
      .min(1)
      .max(20)
      .default(3)
      .describe("Attempts of a task whose failure may be retried; a task may set its own."),
    retryBaseMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(5_000)
      .describe("Wait before the second attempt; doubles with each one."),
    retryMaxMs: z.int().min(0).max(86_400_000).default(600_000).describe("Longest wait between two attempts."),
    verifyTimeoutMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(600_000)
      .describe("Wall-clock limit of a verify command; a task may set its own."),
    maxVerifyAttempts: z
      .int()
      .min(1)
      .max(20)
      .default(3)
      .describe("Verifications of a task before it ends as failed; a task may set its own."),
    followUp: z
      .union([z.boolean(), z.string().refine((key) => sessionKeyProblem(key) === undefined, "expected a session key")])
      .default(false)
      .describe(
        "Whether a task that never passed its verification is followed by another one: true in the same session, or the key of a session. A task may set its own.",
      ),
    maxFollowUpDepth: z
      .int()
      .min(0)
      .max(FOLLOW_UP_DEPTH_MAX)
      .default(2)
      .describe("How long a chain of such tasks may become."),
    sandbox: z
      .enum(["read-only", "workspace-write"])
      .default("workspace-write")
      .describe("Codex sandbox of a task that names none."),
    model: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe("Model of a task that names none; codex's own default otherwise."),
    codexConfig: z
      .strictObject(CODEX_SETTINGS)
      .optional()
      .describe("Settings passed to codex as -c key=value. Only keys that cannot raise what a run may do."),
    maxMemoryChars: z
      .int()
      .min(0)
      .max(50_000)
      .default(4_000)
      .describe("Characters of notes (MEMORY.md, memory/) that are put beside a prompt; 0: none."),
    outputPolicy: z.string().max(10_000).optional().describe("Put behind every prompt: what an answer has to keep to."),
  })
  .describe("Settings of codex-inbox that travel with the repository.");

export type FileConfig = z.infer<typeof configSchema>;

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
const TEXT_KEYS = ["sandbox", "model", "outputPolicy", "followUp"] as const satisfies readonly (keyof FileConfig)[];

/** One thing that is wrong with the settings, and who said it. */
interface Problem {
  readonly by: "file" | "environment" | "flag";
  readonly text: string;
}

type Values = Readonly<Record<string, unknown>>;

/**
 * Returns the settings from flags, else environment, else `codex-inbox.json` in `workspaceDir`, else the defaults.
 *
 * @throws CoordinatorError `CONFIG` naming every problem of all three at once; `USAGE` where only flags are wrong
 */
export function loadConfig(workspaceDir: string, environment: NodeJS.ProcessEnv, flags: ConfigFlags): Config {
  const file = readSettingsFile(join(workspaceDir, CONFIG_FILE));
  const fromEnvironment = readEnvironment(environment);
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const problems = [
    ...file.problems,
    ...problemsOf(fromEnvironment).map(
      ({ key, text }): Problem => ({ by: "environment", text: `${environmentName(key)}: ${text}` }),
    ),
    ...problemsOf(given).map(({ key, text }): Problem => ({ by: "flag", text: `--${dashed(key)}: ${text}` })),
  ];
  if (problems.length > 0) {
    const code = problems.every(({ by }) => by === "flag") ? "USAGE" : "CONFIG";
    throw new CoordinatorError(code, problems.map(({ text }) => text).join("; "));
  }
  const { $schema: _, codexConfig, ...settings } = configSchema.parse({ ...file.values, ...fromEnvironment, ...given });
  const pairs = Object.entries(codexConfig ?? {}).flatMap(([key, value]) => {
    const made = codexSetting(key, String(value));
    return "setting" in made ? [made.setting] : [];
  });
  return Object.freeze({ ...settings, codexConfig: Object.freeze(pairs) });
}

function readSettingsFile(path: string): { readonly values: Values; readonly problems: readonly Problem[] } {
  const wrong = (text: string): { values: Values; problems: readonly Problem[] } => ({
    values: {},
    problems: [{ by: "file", text: `${path}${text}` }],
  });
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return { values: {}, problems: [] };
    if (error instanceof SyntaxError) return wrong(` is not valid JSON: ${error.message}`);
    return wrong(` cannot be read: ${String(error)}`);
  }
  const problems = problemsOf(raw).map(({ key, text }): Problem => {
    return { by: "file", text: `${path}: ${key === "" ? "" : `${key}: `}${text}` };
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

function isTextKey(key: string): boolean {
  return TEXT_KEYS.some((name) => name === key);
}

/** Returns the environment variable of a setting: `CODEX_INBOX_MAX_WORKERS` for `maxWorkers`. */
function environmentName(key: string): string {
  return `CODEX_INBOX_${dashed(key).replaceAll("-", "_").toUpperCase()}`;
}

function dashed(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Returns what is wrong with `raw`, each with the setting it is about; that is empty where it is about the whole. */
function problemsOf(raw: unknown): readonly { readonly key: string; readonly text: string }[] {
  const issues = configSchema.safeParse(raw).error?.issues ?? [];
  return issues.flatMap((issue) => {
    const key = issue.path.join(".");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((unknown) => ({ key: "", text: describeUnknownKey(unknown, key) }));
    }
    return [{ key, text: issue.message.replace(/^Invalid input: /, "") }];
  });
}

function describeUnknownKey(key: string, parent: string): string {
  const near = nearest(key, parent === "" ? Object.keys(configSchema.shape) : CODEX_CONFIG_KEYS);
  const name = parent === "" ? key : `${parent}.${key}`;
  return near === undefined ? `unknown setting "${name}"` : `unknown setting "${name}"; did you mean "${near}"?`;
}
