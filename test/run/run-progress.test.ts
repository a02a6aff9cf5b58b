import { expect, it } from "vitest";
import type { RunEvent } from "../../src/run/driver.ts";
import { createProgressTracker } from "../../src/run/run-progress.ts";
import type { TranscriptBody } from "../../src/task/session/transcript-entry.ts";
import { AN_ITEM } from "../support/an-item.ts";

function item(id: string, phase: "started" | "completed", body: TranscriptBody, atMs: number): RunEvent {
  return { ...AN_ITEM, phase, id, body, paths: [], atMs, isOld: false };
}

function command(text: string, exitCode: number | null): TranscriptBody {
  return { kind: "command", command: text, exitCode, status: "", output: "", outputBytes: 0 };
}

it("tells the command under way and since when, what was seen last, and how many commands have ended", () => {
  const tracker = createProgressTracker();
  expect(tracker.progress()).toEqual({
    ...{ lastAtMs: undefined, last: undefined, command: undefined, commands: 0, usage: undefined },
  });
  tracker.noticed({ kind: "thread", thread: "t", atMs: 1, isOld: false });
  tracker.noticed(item("1", "started", command("npm test\n--all", null), 2));
  tracker.noticed(item("2", "started", command("sleep 60", null), 3));
  expect(tracker.progress()).toMatchObject({ command: { text: "sleep 60", sinceMs: 3 }, commands: 0 });
  tracker.noticed(item("2", "completed", command("sleep 60", 0), 5));
  expect(tracker.progress()).toMatchObject({
    ...{ lastAtMs: 5, last: "$ sleep 60 (exit code 0)", command: { text: "npm test --all", sinceMs: 2 }, commands: 1 },
  });
  tracker.noticed(item("1", "completed", command("npm test", 1), 6));
  tracker.noticed(item("3", "completed", { kind: "assistant", text: "All\n is well." }, 7));
  const usage = { inputTokens: 9, cachedInputTokens: 0, outputTokens: 1, reasoningOutputTokens: 0 };
  tracker.noticed({ kind: "usage", usage, atMs: 7, isOld: false });
  tracker.noticed({ kind: "output", bytes: 9 });
  expect(tracker.progress()).toMatchObject({
    usage,
    lastAtMs: 7,
    last: "All is well.",
    command: undefined,
    commands: 2,
  });
});

it("stays small whatever a run does", () => {
  const tracker = createProgressTracker();
  for (let at = 0; at < 1_000; at += 1)
    tracker.noticed(item(String(at), "started", command("x".repeat(9_999), null), at));
  const { command: last } = tracker.progress();
  expect([last?.text.length, last?.sinceMs]).toEqual([200, 999]);
});
