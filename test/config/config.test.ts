import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ConfigFlags, loadConfig, type SettingsText } from "../../src/config/config.ts";
import { configSchema } from "../../src/config/config-schema.ts";
import { CONFIG_SCHEMA_PATH, configSchemaText } from "../support/config-schema.ts";

/** The committed file; a value that is no text is written as JSON. */
function committed(file?: unknown): SettingsText {
  return { text: file === undefined || typeof file === "string" ? file : JSON.stringify(file), name: "FILE" };
}

function load(
  file?: unknown,
  environment: NodeJS.ProcessEnv = {},
  flags: ConfigFlags = {},
): ReturnType<typeof loadConfig> {
  return loadConfig(committed(file), environment, flags);
}

/** What is said of settings that cannot be used, with the path of the file left out. */
function refusal(
  file?: unknown,
  environment: NodeJS.ProcessEnv = {},
  flags: ConfigFlags = {},
): { code: string; message: string } {
  try {
    loadConfig(committed(file), environment, flags);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
  throw new Error("nothing was refused");
}

const SYNC_DEFAULTS = { intervalMs: 30_000, sessions: false };
const WORKTREE_DEFAULTS = {
  ...{ copy: [], sparse: [], setupTimeoutMs: 600_000, parkAfterMs: 86_400_000 },
  ...{ maxCount: 20, maxBytes: 20 * 1024 ** 3, freeBytes: 5 * 1024 ** 3 },
};

describe("settings", () => {
  it("have defaults, and are frozen", () => {
    const config = load();
    expect(config).toEqual({
      ...{
        keepChangesDays: 90,
        maxWorkers: 2,
        sharedWriters: 1,
        port: 8787,
        settleMs: 2_000,
        rescanMs: 30_000,
        stopGraceMs: 10_000,
      },
      stallTimeoutMs: 1_800_000,
      ...{ maxOpenTasks: 10_000, minFreeMb: 200 },
      ...{ keepRunsDays: 30, keepRunsMb: 500, maintenanceMinutes: 60 },
      ...{ maxAttempts: 3, retryBaseMs: 5_000, retryMaxMs: 600_000, sandbox: "workspace-write", codexConfig: [] },
      maxMemoryChars: 4_000,
      verifyCommands: [],
      ...{ verifyTimeoutMs: 600_000, maxVerifyAttempts: 3, followUp: false, maxFollowUpDepth: 2 },
      worktree: WORKTREE_DEFAULTS,
      sync: SYNC_DEFAULTS,
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.codexConfig)).toBe(true);
  });

  it("come from flags, else the environment, else the file, else the defaults", () => {
    const file = { maxWorkers: 3, port: 3, timeoutMs: 3_000, $schema: "./schema.json" };
    const environment = { CODEX_INBOX_MAX_WORKERS: "4", CODEX_INBOX_PORT: "4" };
    const { maxWorkers, port, timeoutMs, retryMaxMs } = load(file, environment, { maxWorkers: 5, port: undefined });
    expect({ maxWorkers, port, timeoutMs, retryMaxMs }).toEqual({
      maxWorkers: 5,
      port: 4,
      timeoutMs: 3_000,
      retryMaxMs: 600_000,
    });
  });

  it.each([
    { sync: { remote: "https://example.org/x.git" }, says: "sync.remote: expected the name of a git remote" },
    { sync: { remote: "../x" }, says: "sync.remote: expected the name of a git remote" },
    { sync: { remote: "-x" }, says: "sync.remote: expected the name of a git remote" },
    { sync: { branch: "a..b" }, says: "sync.branch: expected the name of a branch" },
    { sync: { intervalMs: 10 }, says: "sync.intervalMs: expected 0, or 1000 or more" },
    { sync: { remotes: "x" }, says: 'unknown setting "sync.remotes"; did you mean "remote"?' },
  ])("refuse $sync", ({ sync, says }) => {
    const text = JSON.stringify({ sync });
    expect(() => loadConfig({ text, name: "codex-inbox.json" }, {}, {})).toThrow(says);
  });

  it("can all be named in the environment but codexConfig, worktree, sync and verifyCommands", () => {
    const given: Record<string, string> = {
      ...{ MAX_WORKERS: "1", PORT: "2", SETTLE_MS: "3", RESCAN_MS: "100", TIMEOUT_MS: "1000", STOP_GRACE_MS: "6" },
      ...{ MAX_ATTEMPTS: "7", RETRY_BASE_MS: "8", RETRY_MAX_MS: "9", SANDBOX: "read-only", MODEL: "4" },
      ...{ MAX_MEMORY_CHARS: "0", OUTPUT_POLICY: "10", STALL_TIMEOUT_MS: "1000", MAX_OPEN_TASKS: "11" },
      ...{ VERIFY_TIMEOUT_MS: "1000", MAX_VERIFY_ATTEMPTS: "2", FOLLOW_UP: "true", MAX_FOLLOW_UP_DEPTH: "3" },
      ...{ WORKPLACE: "session", SHARED_WRITERS: "5", KEEP_CHANGES_DAYS: "13", MIN_FREE_MB: "14" },
      ...{ KEEP_RUNS_DAYS: "15", KEEP_RUNS_MB: "16", MAINTENANCE_MINUTES: "17" },
    };
    const environment = Object.fromEntries(Object.entries(given).map(([key, value]) => [`CODEX_INBOX_${key}`, value]));
    expect(load(undefined, environment)).toEqual({
      ...{ maxWorkers: 1, port: 2, settleMs: 3, rescanMs: 100, timeoutMs: 1_000, stopGraceMs: 6, maxAttempts: 7 },
      stallTimeoutMs: 1_000,
      ...{ retryBaseMs: 8, retryMaxMs: 9, sandbox: "read-only", model: "4", codexConfig: [] },
      ...{ maxMemoryChars: 0, outputPolicy: "10", maxOpenTasks: 11, verifyCommands: [] },
      ...{ verifyTimeoutMs: 1_000, maxVerifyAttempts: 2, followUp: true, maxFollowUpDepth: 3 },
      ...{
        workplace: "session",
        sharedWriters: 5,
        worktree: WORKTREE_DEFAULTS,
        sync: SYNC_DEFAULTS,
        keepChangesDays: 13,
        minFreeMb: 14,
      },
      ...{ keepRunsDays: 15, keepRunsMb: 16, maintenanceMinutes: 17 },
    });
    expect(Object.keys(given)).toHaveLength(Object.keys(configSchema.entries).length - 5);
  });

  it("are not changed by an empty variable", () => {
    expect(load({ port: 3 }, { CODEX_INBOX_PORT: "" }).port).toBe(3);
  });

  it("hand codex what the file allows it, in TOML", () => {
    const { codexConfig } = load({ codexConfig: { model_reasoning_effort: "high", hide_agent_reasoning: true } });
    expect(codexConfig).toEqual(['model_reasoning_effort="high"', "hide_agent_reasoning=true"]);
  });

  it("may stand in a file with a byte order mark", () => {
    expect(load(`\uFEFF{"port": 1}`).port).toBe(1);
  });
});

describe("settings that are wrong", () => {
  it.each([
    {
      name: "a misspelt key",
      file: { maxWorker: 3 },
      says: 'FILE: unknown setting "maxWorker"; did you mean "maxWorkers"?',
    },
    { name: "a key like nothing we know", file: { colour: "red" }, says: 'FILE: unknown setting "colour"' },
    {
      name: "a misspelt key of codex's",
      file: { codexConfig: { model_reasoning_efort: "high" } },
      says: 'FILE: unknown setting "codexConfig.model_reasoning_efort"; did you mean "model_reasoning_effort"?',
    },
    {
      name: "a key that would raise rights",
      file: { codexConfig: { sandbox_mode: "x" } },
      says: 'FILE: unknown setting "codexConfig.sandbox_mode"',
    },
    {
      name: "a value codex could take for something else",
      file: { codexConfig: { model_verbosity: 'x" y' } },
      says: 'FILE: codexConfig.model_verbosity: expected a word such as high, received "x" y"',
    },
    { name: "the wrong type", file: { port: "8787" }, says: 'FILE: port: expected number, received "8787"' },
    {
      name: "a number outside its limits",
      file: { maxWorkers: 0 },
      says: "FILE: maxWorkers: expected 1 or more, received 0",
    },
    {
      name: "half a number",
      file: { maxWorkers: 1.5 },
      says: "FILE: maxWorkers: expected a whole number, received 1.5",
    },
    {
      name: "another sandbox",
      file: { sandbox: "danger-full-access" },
      says: 'FILE: sandbox: expected "read-only" or "workspace-write", received "danger-full-access"',
    },
    {
      name: "a codex of the repository's",
      file: { codex: "./tools/codex" },
      says: 'FILE: "codex" is not for the repository to say; the owner of the machine does, with: codex-inbox policy',
    },
    {
      name: "variables for the agents",
      file: { environment: ["GITHUB_TOKEN"] },
      says: 'FILE: "environment" is not for the repository to say; the owner of the machine does, with: codex-inbox policy',
    },
    {
      name: "a model that codex would take for a flag",
      file: { model: "--dangerously-bypass-approvals-and-sandbox" },
      says: 'FILE: model: expected the name of a model, received "--dangerously-bypass-approvals-and-sandbox"',
    },
    { name: "no object", file: [], says: "FILE: expected an object, received []" },
  ])("are refused, and the message says what would be right: $name", ({ file, says }) => {
    expect(refusal(file)).toEqual({ code: "CONFIG", message: says });
  });

  it("are refused where the file is no JSON", () => {
    const { code, message } = refusal("{port: 1}");
    expect(code).toBe("CONFIG");
    expect(message).toMatch(/^FILE is not valid JSON: .*position 1/);
  });

  it("are named all at once, each by whoever said it", () => {
    const { code, message } = refusal(
      { port: "x", colour: 1 },
      { CODEX_INBOX_MAX_WORKERS: "many" },
      { settleMs: -1, port: 70_000 },
    );
    expect(code).toBe("CONFIG");
    expect(message.split("; ").map((problem) => problem.split(" ", 2).join(" "))).toEqual([
      ...[
        "FILE: port:",
        "FILE: unknown",
        "CODEX_INBOX_MAX_WORKERS: expected",
        "--port: expected",
        "--settle-ms: expected",
      ],
    ]);
  });

  it("are refused where a variable is misspelt, and nobody else's variable is", () => {
    expect(refusal({}, { CODEX_INBOX_MAXWORKERS: "3", CODEX_INBOX_MAX_WORKER: "3" })).toEqual({
      code: "CONFIG",
      message: [
        "unknown variable CODEX_INBOX_MAXWORKERS; did you mean CODEX_INBOX_MAX_WORKERS?",
        "unknown variable CODEX_INBOX_MAX_WORKER; did you mean CODEX_INBOX_MAX_WORKERS?",
      ].join("; "),
    });
    const others = { CODEX_INBOX_BACKUP_FOLDER: "x", CODEX_INBOX_RUN: "a/b/1", CODEX_INBOX_CODEX: "codex" };
    expect(load({}, { ...others, CODEX_INBOX_MAX_WORKER: "" }).maxWorkers).toBe(2);
  });

  it("are a mistake of the command line where only flags are wrong", () => {
    expect(refusal({}, {}, { port: 70_000 }).code).toBe("USAGE");
  });
});

describe("docs/codex-inbox.schema.json", () => {
  it("is what `npm run schema` writes: what an editor knows of the settings is what we do", () => {
    expect(readFileSync(CONFIG_SCHEMA_PATH, "utf8")).toBe(configSchemaText());
  });

  it("describes every setting, with its default and limits", () => {
    const schema = JSON.parse(configSchemaText()) as {
      additionalProperties: boolean;
      properties: Record<string, { description?: string; default?: unknown }>;
    };
    expect(Object.keys(schema.properties)).toEqual(Object.keys(configSchema.entries));
    expect(schema.additionalProperties).toBe(false);
    for (const [key, { description }] of Object.entries(schema.properties)) expect(description, key).toMatch(/\.$/);
    expect(schema.properties.maxWorkers).toMatchObject({ type: "integer", minimum: 1, maximum: 64, default: 2 });
  });
});
