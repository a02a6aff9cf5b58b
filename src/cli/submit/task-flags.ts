import type { GivenKey } from "../../app/actions/tasks/compose-submission.ts";
import { CoordinatorError } from "../../base/errors.ts";
import type { TaskKey } from "../../task/file/task-fields.ts";
import { isTaskId } from "../../task/names/task-id.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, type CommandInput, textsFlag } from "../command.ts";

/** A flag that sets a key of the front matter. */
interface TaskFlag {
  readonly flag: string;
  readonly key: TaskKey;
  /** What it takes, and what it means, for the help. */
  readonly takes: string;
  readonly meaning: string;
  readonly repeatable?: boolean;
  /** Returns the value of the key. */
  readonly read?: (text: string, name: string, nowMs: number) => unknown;
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** What people set of a task without writing front matter. docs/spec-task-file.md says what each key means. */
const TASK_FLAGS: readonly TaskFlag[] = [
  { flag: "session", key: "sessionKey", takes: "<key>", meaning: "the conversation to continue or begin" },
  { flag: "title", key: "title", takes: "<text>", meaning: "instead of the prompt's first line" },
  {
    flag: "verify",
    key: "verifyCommand",
    takes: "<command>",
    meaning: "run after the agent; decides whether it has succeeded",
  },
  {
    ...{ flag: "depends-on", key: "dependsOn", takes: "<task>", repeatable: true },
    meaning: "starts once that task has succeeded; may be given several times",
  },
  {
    ...{ flag: "not-before", key: "notBefore", takes: "<time>", read: readTime },
    meaning: "2026-11-21T06:00:00Z, with its zone; or from now: +30m, +2h, +1d",
  },
  {
    ...{ flag: "priority", key: "priority", takes: "<0-4>", read: readNumber },
    meaning: "0 goes first; default 2",
  },
  { flag: "model", key: "model", takes: "<name>", meaning: "instead of the one that codex is configured for" },
  { flag: "sandbox", key: "sandbox", takes: "<level>", meaning: "read-only, workspace-write or danger-full-access" },
  {
    ...{ flag: "timeout", key: "timeoutMs", takes: "<duration>", read: readDuration },
    meaning: "the longest a run may take: 90s, 30m, 2h",
  },
  { flag: "attempts", key: "maxAttempts", takes: "<count>", meaning: "1 to 20", read: readNumber },
  {
    ...{ flag: "image", key: "images", takes: "<path>", repeatable: true },
    meaning: "shown to the agent, relative to the working tree; may be given several times",
  },
  { flag: "worktree", key: "worktree", takes: "<choice>", meaning: "always, never or auto: its session works apart" },
  {
    ...{ flag: "touches", key: "touches", takes: "<path>", repeatable: true },
    meaning: "likely to change; may be given several times",
  },
  {
    ...{ flag: "locks", key: "locks", takes: "<path>", repeatable: true },
    meaning: "kept from other sessions until its work is landed; may be given several times",
  },
];

type Without = readonly TaskKey[];

function flagsBut(without: Without): readonly TaskFlag[] {
  return TASK_FLAGS.filter(({ key }) => !without.includes(key));
}

/** Returns the flags of tasks for a command's parser, but those of some keys. */
export function taskOptions(without: Without = []): Command["options"] {
  return Object.fromEntries(
    flagsBut(without).map(({ flag, repeatable }) => [flag, { type: "string", multiple: repeatable === true } as const]),
  );
}

/** Returns their lines of the help. */
export function taskHelp(without: Without = []): readonly string[] {
  return flagsBut(without).map(({ flag, takes, meaning }) => `--${flag} ${takes}  ${meaning}`);
}

/**
 * Returns the keys that the flags of a command set. A part of a task's id becomes the whole one.
 *
 * @throws CoordinatorError `USAGE`; `NOT_FOUND`, `REFUSED` for a task that is not there
 */
export async function givenKeys(deps: CliDeps, input: CommandInput, nowMs: number): Promise<readonly GivenKey[]> {
  const given: GivenKey[] = [];
  for (const { flag, key, repeatable, read } of TASK_FLAGS) {
    const value = input.flags[flag];
    const name = `--${flag}`;
    const values = textsFlag(input, flag);
    if ([value, ...values].some((text) => typeof text === "string" && text.trim() === ""))
      throw new CoordinatorError("USAGE", `${name} is given without a value; leave it out for what holds without it`);
    if (repeatable === true && values.length > 0)
      given.push({ key, name, value: key === "dependsOn" ? await wholeIds(deps, values) : values });
    else if (typeof value === "string") given.push({ key, name, value: read?.(value, name, nowMs) ?? value });
  }
  return given;
}

/** One that no coordinator has taken yet is known by its whole id alone. */
async function wholeIds(deps: CliDeps, parts: readonly string[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const part of parts) ids.push(isTaskId(part) ? part : (await deps.app.find(part)).id);
  return ids;
}

function readNumber(text: string, name: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new CoordinatorError("USAGE", `${name} takes a whole number, not "${text}"`);
}

function readDuration(text: string, name: string): number {
  const timeMs = durationMs(text);
  if (timeMs !== undefined) return timeMs;
  throw new CoordinatorError("USAGE", `${name} takes a duration with its unit, such as 90s, 30m or 2h, not "${text}"`);
}

/** What else a time may look like, the key itself says. */
function readTime(text: string, name: string, nowMs: number): string {
  if (!text.startsWith("+")) return text;
  const timeMs = durationMs(text.slice(1));
  if (timeMs !== undefined) return new Date(nowMs + timeMs).toISOString();
  throw new CoordinatorError(
    "USAGE",
    `${name} takes a time, or how long from now, such as +30m, +2h or +1d, not "${text}"`,
  );
}

function durationMs(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}
