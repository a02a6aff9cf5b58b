import { parseDropText } from "../../src/task/file/task-file.ts";
import type { TaskRecord } from "../../src/task/records/task-file/task-record.ts";

/** A task that succeeded, made from a dropped text; `change` replaces what a test is about. */
export function taskRecord(
  change: Partial<TaskRecord> = {},
  text = "# Fix the login redirect\n\nPlease.\n",
): TaskRecord {
  const drop = parseDropText(text, undefined);
  if (!drop.ok) throw new Error(JSON.stringify(drop.problems));
  return {
    id: "20261120-141530-k3f9x2",
    sessionKey: "docs",
    spec: drop.spec,
    prompt: drop.prompt,
    warnings: drop.warnings,
    status: "succeeded",
    attempts: 1,
    run: 1,
    thread: undefined,
    source: undefined,
    parentRun: undefined,
    origin: { kind: "cli", user: "ada" },
    editor: undefined,
    acceptedAt: "2026-11-20T14:15:30.000Z",
    startedAt: undefined,
    endedAt: undefined,
    durationMs: 42_000,
    workedMs: 42_000,
    reason: undefined,
    failure: undefined,
    lastMessage: "",
    changedFiles: [],
    changes: [],
    usage: undefined,
    account: undefined,
    codexVersion: undefined,
    model: undefined,
    verification: undefined,
    followUpTask: undefined,
    acceptedBy: "c1",
    ...change,
  };
}
