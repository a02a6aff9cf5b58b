import { describe, expect, it } from "vitest";
import type { LogPiece } from "../../../../src/app/log/follow-log.ts";
import type { HistoryEntry } from "../../../../src/app/queries/queries.ts";
import type { LogEntry, LogView } from "../../../../src/app/views/log-view.ts";
import { createLogCommand } from "../../../../src/cli/commands/tasks/log.ts";
import type { TranscriptBody, TranscriptEntry } from "../../../../src/task/session/transcript-entry.ts";
import { createFakeCliDeps, runCommand } from "../../../fakes/fake-cli-deps.ts";

const TASK = "20261120-141530-k3f9x2";
const TIME = "2026-11-20T14:15:30.000Z";
const ENTRY: HistoryEntry = {
  ...{ commit: "0123456789abcdef", committedAt: TIME, task: TASK, session: "docs", status: "succeeded" },
  subject: "docs: Fix the login (42 s)",
};

function entry(body: TranscriptBody): TranscriptEntry {
  return { v: 1, task: TASK, run: 1, attempt: 1, line: 0, thread: null, time: TIME, body };
}

function logView(entries: readonly LogEntry[], change: Partial<LogView> = {}): LogView {
  const view = { v: 1, task: TASK, session: "docs", status: "succeeded", hold: null, run: null, leftOut: 0 } as const;
  return { ...view, entries, ...change };
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
    expect(JSON.parse(deps.printed.slice(1).join("\n"))).toEqual({ version: 1, tasks: [ENTRY] });
    const abroad = createFakeCliDeps({ history: async () => [{ ...ENTRY, committedAt: "2026-11-20T16:15:30+02:00" }] });
    await runCommand(createLogCommand(abroad));
    expect(abroad.printed[0]).toContain(`  ${TIME}  `);
  });

  it("says that nothing has finished, and prints an empty list as JSON", async () => {
    const deps = createFakeCliDeps({ history: async () => [] });
    await runCommand(createLogCommand(deps));
    await runCommand(createLogCommand(deps), "--json");
    expect([deps.printed[0], JSON.parse(deps.printed[1] ?? "")]).toEqual([
      "no finished tasks",
      { version: 1, tasks: [] },
    ]);
  });

  it("shows what was said and done in a task, in order", async () => {
    const entries = [
      entry({ kind: "user", text: "Fix it.\n\nPlease.\n" }),
      entry({ kind: "context", text: "\n\n# Memory Context\n", lines: 1, tool: "rg" }),
      entry({ kind: "context", text: "\n\n# Output Policy\n", lines: 0, tool: "none" }),
      entry({ kind: "reasoning", text: "Hm." }),
      entry({ kind: "command", command: "ls", exitCode: null, status: "failed", output: "a\nb\n", outputBytes: 4 }),
      {
        ...entry({ kind: "command", command: "ls", exitCode: 0, status: "completed", output: "", outputBytes: 0 }),
        durationMs: 61_000,
      },
      entry({ kind: "command", command: "ls", exitCode: null, status: "unfinished", output: "", outputBytes: 0 }),
      entry({ kind: "files", status: "completed", changes: [{ path: "a.c", change: "modified" }] }),
      entry({ kind: "tool", name: "search", status: "completed", detail: "q" }),
      entry({ kind: "error", message: "Reconnecting" }),
      entry({ kind: "assistant", text: "Done." }),
      entry({ kind: "end", outcome: "failed", reason: "usage limit" }),
      entry({ kind: "end", outcome: "succeeded", reason: null }),
    ];
    const asked: unknown[] = [];
    const deps = createFakeCliDeps({
      async log(part, options) {
        asked.push([part, options]);
        return logView(entries);
      },
    });
    expect(await runCommand(createLogCommand(deps), "k3f9x2")).toBe(0);
    expect(deps.printed.map((text) => text.replace(`[${TIME}] `, ""))).toEqual([
      "user\n    Fix it.\n    \n    Please.",
      "context (1 line of notes)\n    # Memory Context",
      "context (0 lines of notes)\n    # Output Policy",
      "reasoning\n    Hm.",
      "command (exit unknown)\n    ls\n    a\n    b",
      "command (exit 0, 1 min 1 s)\n    ls",
      "command (not ended)\n    ls",
      "files (completed)\n    modified a.c",
      "tool search (completed)\n    q",
      "error\n    Reconnecting",
      "assistant\n    Done.",
      "end: failed (usage limit)",
      "end: succeeded",
    ]);
    await runCommand(createLogCommand(deps), "--json", "-n", "3", "k3f9x2");
    expect(JSON.parse(deps.printed.at(-1) ?? "")).toEqual({ version: 1, ...logView(entries) });
    expect(asked).toEqual([
      ["k3f9x2", { last: undefined }],
      ["k3f9x2", { last: 3 }],
    ]);
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
    const deps = createFakeCliDeps({ log: async () => logView(entries) });
    await runCommand(createLogCommand(deps), "k3f9x2");
    expect(deps.printed).toHaveLength(entries.length);
    for (const text of deps.printed) expect(text.split("\n").filter((line) => line.startsWith("["))).toHaveLength(1);
  });
});

describe("log of what goes on", () => {
  it.each<{ name: string; change: Partial<LogView>; says: readonly string[] }>([
    {
      name: "a run under way",
      change: { status: "running", run: { number: 2, isOver: false } },
      says: ["assistant\n    Hm.", "running (run 2); -f follows it"],
    },
    {
      name: "a run whose process has ended",
      change: { status: "running", run: { number: 2, isOver: true } },
      says: ["assistant\n    Hm.", "running (run 2, which is over); -f follows it"],
    },
    {
      name: "a task that waits",
      change: { entries: [], status: "queued", hold: "paused since 2026-11-20T14:15:30Z" },
      says: ["queued: paused since 2026-11-20T14:15:30Z"],
    },
    {
      name: "one that was cancelled before it began",
      change: { entries: [], status: "cancelled" },
      says: ["cancelled, and nothing was said"],
    },
    {
      name: "more than is shown",
      change: { leftOut: 7 },
      says: ["[… 7 earlier entries left out; -n <count> shows more …]", "assistant\n    Hm."],
    },
  ])("says so: $name", async ({ change, says }) => {
    const deps = createFakeCliDeps({
      log: async () => logView([{ ...entry({ kind: "assistant", text: "Hm." }), time: null }], change),
    });
    expect(await runCommand(createLogCommand(deps), "k3f9x2")).toBe(0);
    expect(deps.printed).toEqual(says);
  });

  const HEAD = { v: 1, at: TIME, task: TASK, session: "docs" } as const;
  const COMMAND = { kind: "command", command: "npm test", exitCode: null, output: "", outputBytes: 0 } as const;
  const item = (phase: "started" | "updated" | "completed", exitCode: number | null, durationMs: number | null) => ({
    ...{ ...HEAD, seq: 9, kind: "item" as const, run: 1, item: 2, line: 3, phase, durationMs },
    body: { ...COMMAND, exitCode, status: phase === "completed" ? "failed" : "in_progress" },
  });
  const PIECES: readonly LogPiece[] = [
    { kind: "left-out", count: 2 },
    { kind: "entry", entry: entry({ kind: "user", text: "Fix it." }) },
    {
      kind: "event",
      event: { ...HEAD, seq: 5, kind: "held", hold: "workers", why: "all workers\nare busy", until: null },
    },
    {
      kind: "event",
      event: { ...HEAD, seq: 6, kind: "state", status: "running", run: 1, reason: "attempt 1", until: null },
    },
    { kind: "event", event: item("started", null, null) },
    { kind: "event", event: item("updated", null, null) },
    { kind: "event", event: item("completed", 1, 1_500) },
    {
      kind: "event",
      event: {
        ...{ ...HEAD, seq: 10, kind: "queue", what: "breaker-open", session: null, reason: "usage limit" },
        until: "2026-11-20T15:00:00.000Z",
      },
    },
    {
      kind: "event",
      event: {
        ...{ ...HEAD, seq: 11, kind: "output", run: 2, command: "make check", outcome: "failed" },
        ...{ what: "ended with exit code 2", exitCode: 2, durationMs: 2_000, output: "no", outputBytes: 2 },
      },
    },
    {
      kind: "event",
      event: {
        ...{ ...HEAD, seq: 12, kind: "usage", run: 1 },
        usage: { inputTokens: 100, cachedInputTokens: 40, outputTokens: 10, reasoningOutputTokens: 0 },
      },
    },
    { kind: "event", event: { ...HEAD, seq: 13, kind: "state", status: "failed", run: 2, reason: "why", until: null } },
  ];

  function following(pieces: readonly LogPiece[]) {
    const asked: unknown[] = [];
    const deps = createFakeCliDeps({
      async *followLog(part, options) {
        asked.push([part, options]);
        yield* pieces;
      },
    });
    return { deps, asked };
  }

  it("is followed, each thing on a line of its own", async () => {
    const { deps, asked } = following(PIECES);
    expect(await runCommand(createLogCommand(deps), "-f", "-n", "1", "k3f9x2")).toBe(0);
    expect(asked).toEqual([["k3f9x2", { last: 1 }]]);
    expect(deps.printed.map((text) => text.replace(`[${TIME}] `, ""))).toEqual([
      "[… 2 earlier entries left out; -n <count> shows more …]",
      "user\n    Fix it.",
      "waits: all workers\\u000aare busy",
      "running: attempt 1",
      "command (not ended)\n    npm test",
      "command (exit 1, 1 s)\n    npm test",
      "no task is started: usage limit, until 2026-11-20T15:00:00.000Z",
      "verify: ended with exit code 2 (2 s)\n    make check\n    no",
      "tokens: 100 read (40 cached), 10 written",
      "failed: why",
    ]);
  });

  it("shows what a verification prints as it comes, whole lines, each once, and of a long one the end", async () => {
    const verify = { command: "make check", outcome: "running", what: "is under way", exitCode: null, durationMs: 5 };
    const output = (text: string, change: object = {}): LogPiece => ({
      kind: "event",
      event: {
        ...{ ...HEAD, seq: 9, kind: "output", run: 2, ...verify, output: text, outputBytes: text.length },
        ...change,
      },
    });
    const numbers = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, index) => `ok ${from + index}\n`).join("");
    const cut = (to: number): string => `ok 1\n[… much …]\n${numbers(to - 60, to)}`;
    const over = { outcome: "failed", what: "ended with exit code 2", durationMs: 2_000 };
    const { deps } = following([
      { kind: "entry", entry: entry({ kind: "verify", ...verify, output: "ok 1\nok", outputBytes: 7 }) },
      output("ok 1\nok 2"),
      output("ok 1\nok 2\nok 3\n"),
      output("ok 1\nok 2\nok 3\n"),
      output(cut(100)),
      output(cut(102)),
      output(`${cut(103)}no`, over),
    ]);
    await runCommand(createLogCommand(deps), "-f", "k3f9x2");
    expect(deps.printed.map((text) => text.replace(`[${TIME}] `, ""))).toEqual([
      "verify: is under way (0.0 s)\n    make check\n    ok 1",
      "    ok 2\n    ok 3",
      `    ${cut(100).trimEnd().replaceAll("\n", "\n    ")}`,
      "    ok 100\n    ok 101",
      "    ok 102\n    no\nverify: ended with exit code 2 (2 s)",
    ]);
  });

  it("is followed as JSON, a line each", async () => {
    const { deps } = following(PIECES);
    await runCommand(createLogCommand(deps), "--follow", "--json", "k3f9x2");
    const expected = PIECES.map((piece): unknown => {
      if (piece.kind === "entry") return piece.entry;
      return piece.kind === "event" ? piece.event : undefined;
    }).filter((value) => value !== undefined);
    expect(deps.printed.map((text) => JSON.parse(text))).toEqual(expected);
    for (const text of deps.printed) expect(text).not.toContain("\n");
  });

  it("says that nobody serves, with an exit code that tells", async () => {
    const { deps } = following([{ kind: "nobody", reason: "nobody serves" }]);
    expect(await runCommand(createLogCommand(deps), "-f", "k3f9x2")).toBe(75);
    expect([deps.printed, deps.warned]).toEqual([[], ["nobody serves"]]);
  });

  it("shows what codex wrote itself, a line each", async () => {
    const asked: unknown[] = [];
    const deps = createFakeCliDeps({
      async *rawLog(part, options) {
        asked.push([part, options]);
        yield '{"type":"turn.started"}';
      },
    });
    await runCommand(createLogCommand(deps), "--raw", "k3f9x2");
    await runCommand(createLogCommand(deps), "--raw", "-f", "k3f9x2");
    expect(asked).toEqual([
      ["k3f9x2", { follow: false }],
      ["k3f9x2", { follow: true }],
    ]);
    expect(deps.printed).toEqual(['{"type":"turn.started"}', '{"type":"turn.started"}']);
  });

  it.each([
    [["-f"], "-f takes a task or a session;"],
    [["--raw"], "--raw takes a task;"],
    [["--raw", "--json", "k3"], "leave out --json"],
    [["--raw", "-n", "3", "k3"], "leave out --json and -n"],
    [["-n", "x", "k3"], "-n takes a whole number"],
    [["a", "b"], '"b" is one word too many'],
  ])("refuses %j: %s", async (argv, says) => {
    const { deps } = following([]);
    const refusal = { code: "USAGE", message: expect.stringContaining(says) };
    await expect(runCommand(createLogCommand(deps), ...argv)).rejects.toMatchObject(refusal);
  });
});
