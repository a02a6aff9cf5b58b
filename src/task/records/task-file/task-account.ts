import type { Usage } from "../../state/run.ts";

/** What the runs of a task have taken. Times in ms; `undefined`: not known. */
export interface TaskAccount {
  /** Of the last run. */
  readonly commands: number | undefined;
  /** Files that differed after the last run; its file may not list them all. */
  readonly filesChanged: number;
  /** Of all runs together. */
  readonly totalUsage: Usage | undefined;
  readonly totalDurationMs: number | undefined;
}

/** What one run adds to it. */
export interface RunShare {
  readonly usage: Usage | null;
  readonly durationMs: number;
  readonly commands: number;
  readonly filesChanged: number;
}

/** Keys of a task file that tell of its account. */
export const ACCOUNT_KEYS = ["usage", "totalUsage", "totalDurationMs", "commands", "filesChanged"] as const;

/** Returns what a task's runs, in their order, come to; `undefined` without any. */
export function accountOf(runs: readonly RunShare[]): TaskAccount | undefined {
  const last = runs.at(-1);
  if (last === undefined) return undefined;
  return {
    commands: last.commands,
    filesChanged: last.filesChanged,
    totalUsage: sumUsage(runs.map(({ usage }) => usage)),
    totalDurationMs: runs.reduce((sum, { durationMs }) => sum + durationMs, 0),
  };
}

/** Returns the sum of what is known; `undefined` where nothing is. */
export function sumUsage(usages: Iterable<Usage | null | undefined>): Usage | undefined {
  let sum: Usage | undefined;
  for (const usage of usages) {
    if (usage === null || usage === undefined) continue;
    sum = {
      inputTokens: usage.inputTokens + (sum?.inputTokens ?? 0),
      cachedInputTokens: usage.cachedInputTokens + (sum?.cachedInputTokens ?? 0),
      outputTokens: usage.outputTokens + (sum?.outputTokens ?? 0),
      reasoningOutputTokens: usage.reasoningOutputTokens + (sum?.reasoningOutputTokens ?? 0),
    };
  }
  return sum;
}

/** Returns `value` where it is token counts, such as a file holds them. */
export function asUsage(value: unknown): Usage | undefined {
  return isUsage(value) ? value : undefined;
}

const NUMBERS = ["inputTokens", "cachedInputTokens", "outputTokens", "reasoningOutputTokens"] as const;

export function isUsage(value: unknown): value is Usage {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return NUMBERS.every((name) => isCount(fields.get(name)));
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Returns the pairs that a task file shows of its account. `usage`: of the last run. */
export function accountValues(
  usage: Usage | undefined,
  account: TaskAccount | undefined,
): readonly (readonly [string, unknown])[] {
  return [
    ["usage", usage],
    ["totalUsage", account?.totalUsage],
    ["totalDurationMs", account?.totalDurationMs],
    ["commands", account?.commands],
    ["filesChanged", account?.filesChanged],
  ];
}
