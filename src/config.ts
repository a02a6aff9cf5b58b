import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CoordinatorError, systemErrorCode } from "./base/errors.ts";
import { codexSetting } from "./task/codex-setting.ts";
import { nearest } from "./task/near-miss.ts";
import { CODEX_CONFIG_KEYS } from "./task/rights.ts";

/** The configuration that travels with the repository. */
export const CONFIG_FILE = "codex-inbox.json";

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
      .describe("Port of the HTTP interface on 127.0.0.1; 0 picks a free one."),
    settleMs: z
      .int()
      .min(0)
      .max(600_000)
      .default(2_000)
      .describe("How long a file in inbox/ must rest before it is taken, unless it is named after its own id."),
    rescanMs: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(30_000)
      .describe("How often inbox/ is looked at even when no file event came."),
    timeoutMs: z
      .int()
      .min(1_000)
      .max(86_400_000)
      .default(3_600_000)
      .describe("Wall-clock limit of one run; a task may set its own."),
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
      .record(
        z.enum(CODEX_CONFIG_KEYS),
        z.union([z.string().regex(/^[a-z][a-z0-9_-]{0,39}$/, "expected a word such as high"), z.boolean()]),
      )
      .optional()
      .describe("Settings passed to codex as -c key=value. Only keys that cannot raise what a run may do."),
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

/** Environment variables that name a setting: `CODEX_INBOX_MAX_WORKERS` for `maxWorkers`. */
const SCALAR_KEYS = [
  "maxWorkers",
  "port",
  "settleMs",
  "rescanMs",
  "timeoutMs",
  "stopGraceMs",
  "maxAttempts",
  "retryBaseMs",
  "retryMaxMs",
  "sandbox",
  "model",
] as const satisfies readonly (keyof FileConfig)[];

/**
 * Returns the settings from flags, else environment, else `codex-inbox.json` in `workspaceDir`, else the defaults.
 *
 * @throws CoordinatorError `CONFIG`, naming every problem at once
 */
export function loadConfig(workspaceDir: string, environment: NodeJS.ProcessEnv, flags: ConfigFlags): Config {
  const path = join(workspaceDir, CONFIG_FILE);
  const file = parseConfig(readJson(path), path);
  const merged = { ...file, ...definedOnly(fromEnvironment(environment)), ...definedOnly(flags) };
  const { $schema: _, codexConfig, ...settings } = parseConfig(merged, "flags and environment");
  const pairs = Object.entries(codexConfig ?? {}).flatMap(([key, value]) => {
    const made = codexSetting(key, String(value));
    return "setting" in made ? [made.setting] : [];
  });
  return Object.freeze({ ...settings, codexConfig: Object.freeze(pairs) });
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return {};
    throw new CoordinatorError("CONFIG", `${path} cannot be read: ${String(error)}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CoordinatorError("CONFIG", `${path} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}

function fromEnvironment(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const key of SCALAR_KEYS) {
    const text = environment[environmentName(key)];
    if (text !== undefined && text !== "") values[key] = /^-?\d+$/.test(text) ? Number(text) : text;
  }
  return values;
}

/** Returns the environment variable of a setting: `CODEX_INBOX_MAX_WORKERS` for `maxWorkers`. */
export function environmentName(key: string): string {
  return `CODEX_INBOX_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

function definedOnly(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function parseConfig(raw: unknown, source: string): FileConfig {
  const result = configSchema.safeParse(raw);
  if (result.success) return result.data;
  const problems = result.error.issues.map(describeIssue).join("; ");
  throw new CoordinatorError("CONFIG", `${source}: ${problems}`);
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => describeUnknownKey(key, issue.path.length === 0)).join("; ");
  }
  const where = issue.path.join(".");
  return where === "" ? issue.message : `${where}: ${issue.message}`;
}

function describeUnknownKey(key: string, topLevel: boolean): string {
  const near = nearest(key, topLevel ? Object.keys(configSchema.shape) : CODEX_CONFIG_KEYS);
  return near === undefined ? `unknown setting "${key}"` : `unknown setting "${key}"; did you mean "${near}"?`;
}
