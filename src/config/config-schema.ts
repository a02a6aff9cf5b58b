import * as v from "valibot";
import { sessionKeyProblem } from "../task/names/session-key.ts";
import { isPolicyKey } from "../task/rights/policy-value.ts";
import { CODEX_CONFIG_KEYS, MODEL_NAME } from "../task/rights/rights.ts";
import { FOLLOW_UP_DEPTH_MAX } from "../task/spec/task-spec.ts";
import { nearest } from "../task/text/near-miss.ts";
import { WORKPLACES } from "../task/workplace/choose-workplace.ts";
import { text, whole } from "./setting-values.ts";
import { SYNC_SETTINGS } from "./sync-schema.ts";
import { WORKTREE_SETTINGS } from "./worktree-schema.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const TEN_MINUTES_MS = 600_000;

const sessionKey = v.pipe(
  v.string(),
  v.check((key) => sessionKeyProblem(key) === undefined, "expected a session key"),
);

const codexWord = v.optional(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,39}$/, "expected a word such as high")));

const CODEX_SETTINGS = {
  model_reasoning_effort: codexWord,
  model_reasoning_summary: codexWord,
  model_verbosity: codexWord,
  hide_agent_reasoning: v.optional(v.boolean()),
  show_raw_agent_reasoning: v.optional(v.boolean()),
} as const satisfies Record<(typeof CODEX_CONFIG_KEYS)[number], v.GenericSchema>;

/** Every setting, its limits and its default. Times are in milliseconds. A misspelt key is an error, not a silent default. */
const SETTINGS = v.strictObject({
  $schema: v.optional(v.pipe(v.string(), v.description("Where an editor finds the schema of this file."))),
  maxWorkers: v.optional(whole(1, 64, "Runs of codex side by side. One session never has more than one."), 2),
  workplace: v.optional(
    v.pipe(
      v.picklist(WORKPLACES),
      v.description(
        "Where tasks work that do not say: session, each session in a git worktree of its own; shared, all in the same checkout. Without it: session where the workspace has a branch of its own beside the code, else shared.",
      ),
    ),
  ),
  sharedWriters: v.optional(
    whole(
      1,
      64,
      "Tasks that may write to the shared checkout side by side. What only reads, or has a worktree, does not count.",
    ),
    1,
  ),
  maxOpenTasks: v.optional(
    whole(
      1,
      1_000_000,
      "Tasks that may be accepted and not yet finished; what is dropped beyond that stays in inbox/.",
    ),
    10_000,
  ),
  minFreeMb: v.optional(
    whole(
      0,
      1_000_000_000,
      "Megabytes that must be free on the disk of the coordinator's folder: below that no task is taken, and what is dropped stays in inbox/. 0: nobody looks.",
    ),
    200,
  ),
  port: v.optional(
    whole(0, 65_535, "Port of the HTTP interface on 127.0.0.1; 0 picks a free one. Read at the start."),
    8787,
  ),
  settleMs: v.optional(
    whole(
      0,
      TEN_MINUTES_MS,
      "How long a file in inbox/ must rest before it is taken, unless it is named after its own id. Read at the start.",
    ),
    2_000,
  ),
  rescanMs: v.optional(
    whole(100, HOUR_MS, "How often inbox/ is looked at even when no file event came. Read at the start."),
    30_000,
  ),
  timeoutMs: v.optional(
    whole(
      1_000,
      DAY_MS,
      "Wall-clock limit of one run; without it a run may take as long as it likes. A task may set its own.",
    ),
  ),
  stallTimeoutMs: v.optional(
    whole(
      1_000,
      DAY_MS,
      "A run that reports nothing for so long is ended, unless one of its commands is under way. A task may set its own.",
    ),
    1_800_000,
  ),
  stopGraceMs: v.optional(whole(0, TEN_MINUTES_MS, "How long a stopped run has between SIGINT and SIGKILL."), 10_000),
  maxAttempts: v.optional(whole(1, 20, "Attempts of a task whose failure may be retried; a task may set its own."), 3),
  retryBaseMs: v.optional(whole(0, HOUR_MS, "Wait before the second attempt; doubles with each one."), 5_000),
  retryMaxMs: v.optional(whole(0, DAY_MS, "Longest wait between two attempts."), TEN_MINUTES_MS),
  verifyTimeoutMs: v.optional(
    whole(1_000, DAY_MS, "Wall-clock limit of a verify command; a task may set its own."),
    TEN_MINUTES_MS,
  ),
  maxVerifyAttempts: v.optional(
    whole(1, 20, "Verifications of a task before it ends as failed; a task may set its own."),
    3,
  ),
  verifyCommands: v.optional(
    v.pipe(
      v.array(text(1, 10_000, "As a task writes it.")),
      v.maxLength(100, "expected at most 100 commands"),
      v.description("Verify commands that every task may have, also one that came by a commit or from an agent."),
    ),
    [],
  ),
  followUp: v.optional(
    v.pipe(
      v.union([v.boolean(), sessionKey], "expected true, false or a session key"),
      v.description(
        "Whether a task that never passed its verification is followed by another one: true in the same session, or the key of a session. A task may set its own.",
      ),
    ),
    false,
  ),
  maxFollowUpDepth: v.optional(whole(0, FOLLOW_UP_DEPTH_MAX, "How long a chain of such tasks may become."), 2),
  sandbox: v.optional(
    v.pipe(
      v.picklist(["read-only", "workspace-write"], 'expected "read-only" or "workspace-write"'),
      v.description("Codex sandbox of a task that names none."),
    ),
    "workspace-write",
  ),
  model: v.optional(
    v.pipe(
      v.string(),
      v.regex(MODEL_NAME, "expected the name of a model"),
      v.description("Model of a task that names none; codex's own default otherwise."),
    ),
  ),
  worktree: v.optional(
    v.pipe(v.strictObject(WORKTREE_SETTINGS), v.description("Worktrees that sessions work in.")),
    {},
  ),
  sync: v.optional(
    v.pipe(v.strictObject(SYNC_SETTINGS), v.description("Keeps the branch in step with a git remote.")),
    {},
  ),
  keepChangesDays: v.optional(
    whole(1, 36_500, "For how many days the recorded change of a run is kept; what a branch holds stays."),
    90,
  ),
  keepRunsDays: v.optional(
    whole(0, 36_500, "For how many days the files of runs are kept that failed in a way nobody knows."),
    30,
  ),
  keepRunsMb: v.optional(whole(0, 1_000_000, "Megabytes that these may take; beyond that the oldest go."), 500),
  maintenanceMinutes: v.optional(
    whole(
      0,
      525_600,
      "While nothing runs, and at most once in so many minutes, loose objects of the repository are packed and its commit graph is written. 0: never.",
    ),
    60,
  ),
  codexConfig: v.optional(
    v.pipe(
      v.strictObject(CODEX_SETTINGS),
      v.description("Settings passed to codex as -c key=value. Only keys that cannot raise what a run may do."),
    ),
  ),
  maxMemoryChars: v.optional(
    whole(0, 50_000, "Characters of notes (MEMORY.md, memory/) that are put beside a prompt; 0: none."),
    4_000,
  ),
  outputPolicy: v.optional(text(0, 10_000, "Put behind every prompt: what an answer has to keep to.")),
});

/** The same, as codex-inbox.json has it. */
export const configSchema = v.pipe(SETTINGS, v.description("Settings of codex-inbox that travel with the repository."));

/** What codex-inbox.json holds, with the defaults. */
export type FileConfig = v.InferOutput<typeof configSchema>;

/** Returns the settings of `values`, which have no problems, with the defaults for those that are missing. */
export function completeSettings(values: unknown): FileConfig {
  return v.parse(configSchema, values);
}

/** One thing that is wrong, and the setting it is about; that is empty where it is about the whole. */
export interface SettingsProblem {
  readonly key: string;
  readonly text: string;
}

/** Returns all that is wrong with `raw`. */
export function settingsProblems(raw: unknown): readonly SettingsProblem[] {
  if (!isObject(raw)) return [{ key: "", text: `expected an object, received ${JSON.stringify(raw)}` }];
  const { codexConfig = {}, worktree = {}, sync = {} } = raw;
  if (!isObject(codexConfig)) return [{ key: "codexConfig", text: "expected an object" }];
  if (!isObject(worktree)) return [{ key: "worktree", text: "expected an object" }];
  if (!isObject(sync)) return [{ key: "sync", text: "expected an object" }];
  // The library names one unknown key of each object, and takes a list for an object.
  const issues = v.safeParse(configSchema, raw).issues ?? [];
  return [
    ...issues.filter(({ type }) => type !== "strict_object").map(describeIssue),
    ...unknownKeys(raw, Object.keys(SETTINGS.entries), ""),
    ...unknownKeys(codexConfig, CODEX_CONFIG_KEYS, "codexConfig."),
    ...unknownKeys(worktree, Object.keys(WORKTREE_SETTINGS), "worktree."),
    ...unknownKeys(sync, Object.keys(SYNC_SETTINGS), "sync."),
  ];
}

function describeIssue(issue: v.BaseIssue<unknown>): SettingsProblem {
  const { kind, expected, received, message } = issue;
  const text = kind === "schema" && message.startsWith("Invalid type") ? `expected ${expected}` : message;
  return { key: v.getDotPath(issue) ?? "", text: `${text}, received ${received}` };
}

const OWNER = "the owner of the machine does, with: codex-inbox policy";

function unknownKeys(values: object, known: readonly string[], prefix: string): readonly SettingsProblem[] {
  const unknown = Object.keys(values).filter((key) => !known.includes(key));
  return unknown.map((key) => {
    if (prefix === "" && isPolicyKey(key))
      return { key: "", text: `"${key}" is not for the repository to say; ${OWNER}` };
    const near = nearest(key, known);
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return { key: "", text: `unknown setting "${prefix}${key}"${hint}` };
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
