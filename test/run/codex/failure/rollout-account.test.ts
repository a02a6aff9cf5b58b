import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { createRollouts } from "../../../../src/run/codex/failure/rollout.ts";
import { readRunAccount } from "../../../../src/run/codex/failure/rollout-account.ts";
import { tempDir } from "../../../support/temp-dir.ts";

/** Born on 20 November 2026. */
const THREAD = "01a1fa12-7ad3-73a3-8982-5b976e962472";
const SINCE_MS = Date.UTC(2026, 10, 20, 17, 47);

function line(second: number, type: string, payload: unknown): string {
  return JSON.stringify({ timestamp: new Date(SINCE_MS + second * 1_000).toISOString(), ordinal: 1, type, payload });
}

const counts = (n: number) => ({
  ...{ input_tokens: n, cached_input_tokens: 1, output_tokens: 2, reasoning_output_tokens: 0, total_tokens: 9 },
});
const usage = (n: number) => ({ inputTokens: n, cachedInputTokens: 1, outputTokens: 2, reasoningOutputTokens: 0 });
const context = (second: number, model: string): string => line(second, "turn_context", { model, cwd: "/x" });
const tokens = (second: number, turn: number, thread: number): string =>
  line(second, "token_usage_record", { turn_token_usage: counts(turn), thread_token_usage: counts(thread) });
/** What an agent's command printed: it may say anything, and much of it. */
const output = (second: number, text: string): string => line(second, "response_item", { output: text });

function homeWith(...lines: readonly string[]): string {
  const home = tempDir();
  const file = join(home, "sessions/2026/11/20", `rollout-2026-11-20T17-47-57-${THREAD}.jsonl`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, lines.map((text) => `${text}\n`).join(""));
  return home;
}

it.each<{ name: string; lines: readonly string[]; account: Awaited<ReturnType<typeof readRunAccount>> }>([
  {
    name: "the last note of the turn counts",
    lines: [context(-9, "old"), tokens(-8, 90, 90), context(1, "new"), tokens(2, 5, 95), tokens(3, 7, 97)],
    account: { model: "new", usage: usage(7), threadUsage: usage(97) },
  },
  {
    name: "a turn that the model never answered has none",
    lines: [context(-9, "old"), tokens(-8, 90, 90), context(1, "new")],
    account: { model: "new", usage: undefined, threadUsage: undefined },
  },
  { name: "an earlier turn is another run's", lines: [context(-9, "old"), tokens(-8, 90, 90)], account: undefined },
  {
    name: "a torn last line is passed over",
    lines: [
      context(1, "new"),
      tokens(2, 5, 5),
      '{"timestamp":"2026-11-20T17:48:00.000Z","type":"token_usage_record","pay',
    ],
    account: { model: "new", usage: usage(5), threadUsage: usage(5) },
  },
  {
    name: "what an agent's command printed is no note",
    lines: [context(1, "new"), tokens(2, 5, 5), output(3, tokens(3, 999, 999)), output(3, context(3, "evil"))],
    account: { model: "new", usage: usage(5), threadUsage: usage(5) },
  },
  {
    name: "a long turn is read to its beginning",
    lines: [context(-9, "old"), context(1, "new"), tokens(2, 5, 5), output(3, "x".repeat(5_000_000))],
    account: { model: "new", usage: usage(5), threadUsage: usage(5) },
  },
  { name: "junk is none", lines: ["turn_context", "{}", "\0", '"token_usage_record"'], account: undefined },
])("$name", async ({ lines, account }) => {
  expect(await readRunAccount(createRollouts(homeWith(...lines)), THREAD, SINCE_MS)).toEqual(account);
});

it("there is none without a file of the thread", async () => {
  expect(await readRunAccount(createRollouts(tempDir()), THREAD, SINCE_MS)).toBeUndefined();
});

it("there is none in a file that cannot be read", async () => {
  const home = tempDir();
  mkdirSync(join(home, "sessions/2026/11/20", `rollout-2026-11-20T17-47-57-${THREAD}.jsonl`), { recursive: true });
  expect(await readRunAccount(createRollouts(home), THREAD, SINCE_MS)).toBeUndefined();
});
