import { cloneNameProblem } from "../claims/runs-on.ts";
import { sessionKeyProblem } from "../names/session-key.ts";
import { isTaskId } from "../names/task-id.ts";
import { isThreadId } from "../names/thread-id.ts";
import { TERM_LENGTH_MAX, tidyTerm } from "../notes/memory-terms.ts";
import { type CodexSetting, codexSetting, codexSettingFromText } from "../rights/codex-setting.ts";
import { environmentNameProblem, MODEL_NAME, pathProblem, SANDBOX_LEVELS, treePathProblem } from "../rights/rights.ts";
import { quoted } from "../spec/task-problem.ts";
import { FOLLOW_UP_DEPTH_MAX } from "../spec/task-spec.ts";
import type { YamlValue } from "../spec/yaml-mapping.ts";
import { WORKTREE_CHOICES } from "../workplace/choose-workplace.ts";
import {
  booleanField,
  type Fault,
  type FieldReading,
  fault,
  field,
  listField,
  shown,
  textField,
  wholeNumberField,
  wordField,
  zonedTimeField,
} from "./task-field.ts";

const TASK_ID_EXPECTED = "a task id: date, time and six characters";
const PATH_EXPECTED = "a path relative to the working tree that stays inside it";
const DEPENDENCIES_MAX = 100;
const IMAGES_MAX = 20;
const PATHS_MAX = 50;
const CODEX_SETTINGS_MAX = 20;
const ENVIRONMENT_NAMES_MAX = 20;
const MEMORY_TERMS_MAX = 20;
const MEMORY_TERM_CHARACTERS_MIN = 2;

const VERIFY_COMMAND_LENGTH_MAX = 10_000;

const path = textField(pathProblem);

/** Every key of the front matter that has a meaning. docs/spec-task-file.md lists the same. */
export const TASK_FIELDS = {
  id: field("id", TASK_ID_EXPECTED, "id: 20261120-141530-k3f9x2", textField(taskIdProblem)),
  sessionKey: field("sessionKey", 'one to four names joined by "/"', "sessionKey: docs", textField(sessionKeyProblem)),
  resume: field(
    "resume",
    "true (go on with the session's thread), false (a new thread), or the id of a thread, in lower case",
    "resume: true",
    readResume,
  ),
  verifyCommand: field("verifyCommand", "a shell command", "verifyCommand: npm test", textField(commandProblem)),
  verifyTimeoutMs: field(
    "verifyTimeoutMs",
    "milliseconds, a whole number from 1000 to 86400000 (a day)",
    "verifyTimeoutMs: 600000",
    wholeNumberField(1_000, 86_400_000),
  ),
  maxVerifyAttempts: field(
    "maxVerifyAttempts",
    "a whole number from 1 to 20",
    "maxVerifyAttempts: 3",
    wholeNumberField(1, 20),
  ),
  followUp: field(
    "followUp",
    "true (in the same session), false, or the key of a session",
    "followUp: true",
    readFollowUp,
  ),
  parent: field("parent", TASK_ID_EXPECTED, "parent: 20261120-141530-k3f9x2", textField(taskIdProblem)),
  followUpDepth: field(
    "followUpDepth",
    `a whole number from 0 to ${FOLLOW_UP_DEPTH_MAX}`,
    "followUpDepth: 1",
    wholeNumberField(0, FOLLOW_UP_DEPTH_MAX),
  ),
  title: field("title", "one line of text", "title: Fix the login redirect", textField(controlCharacterProblem)),
  priority: field("priority", "a whole number from 0 (first) to 4", "priority: 2", wholeNumberField(0, 4)),
  dependsOn: field(
    "dependsOn",
    "one task id, or a list of them",
    "dependsOn: [20261120-141530-k3f9x2]",
    listField(textField(taskIdProblem), DEPENDENCIES_MAX),
  ),
  notBefore: field(
    "notBefore",
    "a date and a time with its zone (ISO 8601)",
    "notBefore: 2026-11-21T06:00:00Z",
    zonedTimeField,
  ),
  timeoutMs: field(
    "timeoutMs",
    "milliseconds, a whole number from 1000 to 86400000 (a day)",
    "timeoutMs: 1800000",
    wholeNumberField(1_000, 86_400_000),
  ),
  stallTimeoutMs: field(
    "stallTimeoutMs",
    "milliseconds, a whole number from 1000 to 86400000 (a day)",
    "stallTimeoutMs: 900000",
    wholeNumberField(1_000, 86_400_000),
  ),
  maxAttempts: field("maxAttempts", "a whole number from 1 to 20", "maxAttempts: 3", wholeNumberField(1, 20)),
  retryMaxMs: field(
    "retryMaxMs",
    "milliseconds, a whole number from 0 to 86400000 (a day)",
    "retryMaxMs: 60000",
    wholeNumberField(0, 86_400_000),
  ),
  model: field("model", "the name of a model", "model: gpt-5.5", textField(modelProblem)),
  oss: field("oss", "true or false", "oss: true", booleanField),
  sandbox: field(
    "sandbox",
    "read-only, workspace-write or danger-full-access",
    "sandbox: workspace-write",
    wordField(SANDBOX_LEVELS),
  ),
  workdir: field("workdir", PATH_EXPECTED, "workdir: packages/api", path),
  images: field(
    "images",
    `${PATH_EXPECTED}, or a list of them`,
    "images: [docs/login.png]",
    listField(path, IMAGES_MAX),
  ),
  outputSchema: field("outputSchema", PATH_EXPECTED, "outputSchema: schemas/answer.json", textField(treePathProblem)),
  codexConfig: field(
    "codexConfig",
    'a mapping of settings, or a list of "key=value"',
    "codexConfig: { model_reasoning_effort: high }",
    readCodexConfig,
  ),
  environment: field(
    "environment",
    "the name of an environment variable, or a list of them",
    "environment: [DATABASE_URL]",
    listField(textField(environmentNameProblem), ENVIRONMENT_NAMES_MAX),
  ),
  memory: field(
    "memory",
    "true, false, or a list of terms to search the notes for",
    "memory: [login, query string]",
    readMemory,
  ),
  worktree: field(
    "worktree",
    "always (in a worktree of its session), never, or auto (as it seems best)",
    "worktree: always",
    wordField(WORKTREE_CHOICES),
  ),
  touches: field(
    "touches",
    "a file, a folder or a pattern of the working tree, or a list of them",
    "touches: [src/refunds/]",
    listField(textField(treePathProblem), PATHS_MAX),
  ),
  locks: field(
    "locks",
    "a file or a folder of the working tree that no other session is to have meanwhile, or a list of them",
    "locks: [db/migrations/]",
    listField(textField(treePathProblem), PATHS_MAX),
  ),
  runsOn: field("runsOn", "the name or a label of a clone", "runsOn: build-server", textField(cloneNameProblem)),
  merge: field("merge", "true or false", "merge: true", booleanField),
  cancel: field("cancel", "true, in the file of a task that waits", "cancel: true", booleanField),
} as const;

export type TaskKey = keyof typeof TASK_FIELDS;

export const TASK_KEYS: readonly TaskKey[] = Object.values(TASK_FIELDS).map(({ key }) => key);

/** Returns the canonical name of a key, whether written in camelCase or snake_case; `undefined` for a key without a meaning. */
export function canonicalKey(written: string): TaskKey | undefined {
  return CANONICAL.get(written);
}

const CANONICAL: ReadonlyMap<string, TaskKey> = new Map(
  Object.values(TASK_FIELDS).flatMap(({ key }) => [
    [key, key],
    [key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), key],
  ]),
);

function taskIdProblem(text: string): string | undefined {
  return isTaskId(text) ? undefined : "is not a task id";
}

function controlCharacterProblem(text: string): string | undefined {
  return /\p{Cc}/u.test(text) ? "contains a line break or another control character" : undefined;
}

function modelProblem(text: string): string | undefined {
  return MODEL_NAME.test(text) ? undefined : "is not the name of a model";
}

function readResume(value: YamlValue): FieldReading<boolean | string> {
  if (typeof value.plain === "boolean") return { value: value.plain };
  if (typeof value.plain === "string" && isThreadId(value.plain)) return { value: value.plain };
  return fault(value, `${shown(value)} is neither true nor false nor a thread id`);
}

function readMemory(value: YamlValue): FieldReading<boolean | readonly string[]> {
  if (typeof value.plain === "boolean") return { value: value.plain };
  if (value.items === undefined) return fault(value, `${shown(value)} is neither true nor false nor a list`);
  return listField(textField(memoryTermProblem), MEMORY_TERMS_MAX)(value);
}

function memoryTermProblem(text: string): string | undefined {
  const length = tidyTerm(text).length;
  if (length > TERM_LENGTH_MAX) return `is longer than ${TERM_LENGTH_MAX} characters`;
  return length < MEMORY_TERM_CHARACTERS_MIN ? "is too short to search for" : controlCharacterProblem(text);
}

function readCodexConfig(value: YamlValue): FieldReading<readonly string[]> {
  const settings: readonly { readonly value: YamlValue; readonly name: string; readonly setting: CodexSetting }[] =
    value.entries?.map(({ key, value: inner }) => ({
      value: inner,
      name: key,
      setting: codexSetting(key, inner.text ?? ""),
    })) ??
    (value.items ?? [value]).map((item) => ({
      value: item,
      name: item.text ?? "",
      setting: codexSettingFromText(item.text ?? ""),
    }));
  if (settings.length > CODEX_SETTINGS_MAX)
    return fault(value, `has ${settings.length} entries; at most ${CODEX_SETTINGS_MAX} are read`);
  const faults: Fault[] = [];
  const kept: string[] = [];
  for (const { value: inner, name, setting } of settings) {
    if ("setting" in setting) kept.push(setting.setting);
    else faults.push({ place: inner.place, message: `${quoted(name)} ${setting.problem}` });
  }
  return faults.length > 0 ? { faults } : { value: kept };
}

function commandProblem(text: string): string | undefined {
  if (text.includes("\0")) return "contains a zero byte, which no command can be passed";
  return text.length > VERIFY_COMMAND_LENGTH_MAX ? `is longer than ${VERIFY_COMMAND_LENGTH_MAX} characters` : undefined;
}

function readFollowUp(value: YamlValue): FieldReading<boolean | string> {
  if (typeof value.plain === "boolean") return { value: value.plain };
  const key = value.text?.trim();
  const problem = key === undefined ? "is neither true nor false nor a session key" : sessionKeyProblem(key);
  return key === undefined || problem !== undefined ? fault(value, `${shown(value)} ${problem}`) : { value: key };
}
