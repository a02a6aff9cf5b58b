import { sessionKeyProblem } from "../names/session-key.ts";
import { isTaskId } from "../names/task-id.ts";
import { type FieldReading, fault, field, shown, textField, wholeNumberField } from "./task-field.ts";
import type { YamlValue } from "./yaml-mapping.ts";

const VERIFY_COMMAND_LENGTH_MAX = 10_000;
/** A chain of follow-ups is never longer, whatever the settings say. */
export const FOLLOW_UP_DEPTH_MAX = 10;

/** The keys that say how a task's outcome is verified, and what comes of it. docs/spec-verify.md explains them. */
export const VERIFY_FIELDS = {
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
  parent: field(
    "parent",
    "a task id: date, time and six characters",
    "parent: 20261120-141530-k3f9x2",
    textField((text) => (isTaskId(text) ? undefined : "is not a task id")),
  ),
  followUpDepth: field(
    "followUpDepth",
    `a whole number from 0 to ${FOLLOW_UP_DEPTH_MAX}`,
    "followUpDepth: 1",
    wholeNumberField(0, FOLLOW_UP_DEPTH_MAX),
  ),
} as const;

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
