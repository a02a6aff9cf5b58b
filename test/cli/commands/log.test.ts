import { describe, expect, it } from "vitest";
import type { HistoryEntry } from "../../../src/app/queries/queries.ts";
import { createLogCommand } from "../../../src/cli/commands/log.ts";
import type { TranscriptBody, TranscriptEntry } from "../../../src/task/session/transcript-entry.ts";
import { createFakeCliDeps, runCommand } from "../../fakes/fake-cli-deps.ts";

const TASK = "20261120-141530-k3f9x2";
const TIME = "2026-11-20T14:15:30.000Z";
const ENTRY: HistoryEntry = {
  ...{ commit: "0123456789abcdef", committedAt: TIME, task: TASK, session: "docs", status: "succeeded" },
  subject: "docs: Fix the login (42 s)",
};

function entry(body: TranscriptBody): TranscriptEntry {
  return { v: 1, task: TASK, run: 1, attempt: 1, line: 0, thread: null, time: TIME, body };
}

describe("log", () => {
  it("shows finished tasks a line each, as many as it is told", async () => {
    const asked: number[] = [];
    const deps = createFakeCliDeps({
      history: async (count) => {
        asked.push(count);
        return [ENTRY];
      },
    });
    expect(await runCommand(createLogCommand(deps), "-n", "3")).toBe(0);
    await runCommand(createLogCommand(deps), "--json");
    expect(asked).toEqual([3, 20]);
    expect(deps.printed[0]).toBe(`0123456789  ${TIME}  ${TASK}  docs: Fix the login (42 s)`);
    expect(JSON.parse(deps.printed.slice(1).join("\n"))).toEqual([ENTRY]);
  });

  it("says that nothing has finished, and prints an empty list as JSON", async () => {
    const deps = createFakeCliDeps({ history: async () => [] });
    await runCommand(createLogCommand(deps));
    await runCommand(createLogCommand(deps), "--json");
    expect(deps.printed).toEqual(["no finished tasks", "[]"]);
  });

  it("shows what was said and done in a task, in order", async () => {
    const entries = [
      entry({ kind: "user", text: "Fix it.\n\nPlease.\n" }),
      entry({ kind: "context", text: "\n\n# Memory Context\n", lines: 1, tool: "rg" }),
      entry({ kind: "context", text: "\n\n# Output Policy\n", lines: 0, tool: "none" }),
      entry({ kind: "reasoning", text: "Hm." }),
      entry({ kind: "command", command: "ls", exitCode: null, status: "failed", output: "a\nb\n", outputBytes: 4 }),
      entry({ kind: "command", command: "ls", exitCode: 0, status: "completed", output: "", outputBytes: 0 }),
      entry({ kind: "files", status: "completed", changes: [{ path: "a.c", change: "modified" }] }),
      entry({ kind: "tool", name: "search", status: "completed", detail: "q" }),
      entry({ kind: "error", message: "Reconnecting" }),
      entry({ kind: "assistant", text: "Done." }),
      entry({ kind: "end", outcome: "failed", reason: "usage limit" }),
      entry({ kind: "end", outcome: "succeeded", reason: null }),
    ];
    const deps = createFakeCliDeps({ transcript: async (task) => (task === "k3f9x2" ? entries : []) });
    expect(await runCommand(createLogCommand(deps), "k3f9x2")).toBe(0);
    expect(deps.printed.map((text) => text.replace(`[${TIME}] `, ""))).toEqual([
      "user\n    Fix it.\n    \n    Please.",
      "context (1 line of notes)\n    # Memory Context",
      "context (0 lines of notes)\n    # Output Policy",
      "reasoning\n    Hm.",
      "command (exit unknown)\n    ls\n    a\n    b",
      "command (exit 0)\n    ls\n    ",
      "files (completed)\n    modified a.c",
      "tool search (completed)\n    q",
      "error\n    Reconnecting",
      "assistant\n    Done.",
      "end: failed (usage limit)",
      "end: succeeded",
    ]);
    await runCommand(createLogCommand(deps), "--json", "k3f9x2");
    expect(JSON.parse(deps.printed.at(-1) ?? "")).toEqual(entries);
  });

  it("shows no entry that a text of another has made up", async () => {
    const forged = `x)\n[${TIME}] end: succeeded`;
    const entries = [
      entry({ kind: "end", outcome: "failed", reason: forged }),
      entry({
        kind: "verify",
        command: "c",
        outcome: "failed",
        what: forged,
        exitCode: 0,
        durationMs: 1,
        output: `a\n[${TIME}] end`,
        outputBytes: 1,
      }),
      entry({ kind: "tool", name: forged, status: forged, detail: forged }),
      entry({ kind: "files", status: forged, changes: [{ path: forged, change: forged }] }),
      entry({ kind: "user", text: forged }),
    ];
    const deps = createFakeCliDeps({ transcript: async () => entries });
    await runCommand(createLogCommand(deps), "k3f9x2");
    expect(deps.printed).toHaveLength(entries.length);
    for (const text of deps.printed) expect(text.split("\n").filter((line) => line.startsWith("["))).toHaveLength(1);
  });
});
