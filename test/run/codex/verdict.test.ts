import { describe, expect, it } from "vitest";
import { createRollouts } from "../../../src/run/codex/failure/rollout.ts";
import { judgeRun } from "../../../src/run/codex/verdict.ts";
import type { Failure, FailureKind } from "../../../src/task/state/failure.ts";
import type { RunVerdict } from "../../../src/task/state/run.ts";
import { type EndedRun, endedRun, recordOf } from "../../support/ended-run.ts";
import { PLAIN_KEEPER } from "../../support/kept.ts";

const THREAD = "01a1f983-68c0-73f0-b052-b819acb45957";
const OTHER_THREAD = "01a1f984-1111-7222-8333-444455556666";
const STARTED = [{ type: "thread.started", thread_id: THREAD }, { type: "turn.started" }];
const USAGE = {
  input_tokens: 7,
  cached_input_tokens: 3,
  cache_write_input_tokens: 0,
  output_tokens: 2,
  reasoning_output_tokens: 1,
};
const COMPLETED = { type: "turn.completed", usage: USAGE };
const LOG_LINE =
  "2026-11-20T15:09:52.828284Z ERROR codex_core::session: failed to record rollout items: thread x not found\n";

async function judge(runDir: string, asked?: string): Promise<RunVerdict> {
  return judgeRun(runDir, (await recordOf(runDir)).summary(), asked, {
    rollouts: createRollouts(undefined),
    keeper: PLAIN_KEEPER,
  });
}
function said(text: string): object {
  return { type: "item.completed", item: { id: "item_0", type: "agent_message", text } };
}
const NO_SANDBOX =
  "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)";

/** A command that failed, as codex reports it. */
function command(output: string, line = "npm test"): object {
  const item = { id: "item_1", type: "command_execution", command: line, aggregated_output: `${output}\n` };
  return { type: "item.completed", item: { ...item, exit_code: 1, status: "failed" } };
}
function failed(message: string): readonly object[] {
  return [...STARTED, { type: "error", message }, { type: "turn.failed", error: { message } }];
}

describe("a verdict", () => {
  it("is whole", async () => {
    const command = {
      id: "item_1",
      type: "command_execution",
      command: "ls",
      aggregated_output: "",
      exit_code: null,
      status: "in_progress",
    };
    const events = [
      ...STARTED,
      said("working on it"),
      { type: "item.started", item: command },
      { type: "item.completed", item: { ...command, exit_code: 1, status: "failed" } },
      { type: "error", message: "Reconnecting... 1/5 (stream disconnected before completion)" },
      said("the answer"),
      COMPLETED,
    ];
    const runDir = endedRun({ events, exitCode: 0, claimedAtMs: 1_000, endedAtMs: 43_250 });
    expect(await judge(runDir, THREAD)).toEqual({
      ...{
        outcome: "succeeded",
        failure: undefined,
        threadId: THREAD,
      },
      ...{ lastMessage: "the answer", commandCount: 1, durationMs: 42_250 },
      usageTotal: { inputTokens: 7, cachedInputTokens: 3, outputTokens: 2, reasoningOutputTokens: 1 },
    });
  });

  it.each<{ name: string; run: EndedRun; asked?: string; verdict: Partial<RunVerdict> }>([
    {
      name: "a completed turn without an exit record is a success",
      run: { events: [...STARTED, said("a"), COMPLETED], exitCode: undefined },
      verdict: { outcome: "succeeded", lastMessage: "a", durationMs: undefined },
    },
    {
      name: "a completed turn is a success even if codex was stopped a moment later",
      run: { events: [...STARTED, said("a"), COMPLETED], exitCode: 137 },
      verdict: { outcome: "succeeded", failure: undefined, lastMessage: "a" },
    },
    {
      name: "a completed turn is no success where the sandbox let no command begin",
      run: { events: [...STARTED, command(NO_SANDBOX), command(NO_SANDBOX), said("done"), COMPLETED], exitCode: 0 },
      verdict: { outcome: "failed", failure: { kind: "sandboxUnavailable", detail: NO_SANDBOX, untilMs: undefined } },
    },
    {
      name: "it is one where another command began",
      run: { events: [...STARTED, command(NO_SANDBOX), command("1 test failed"), COMPLETED], exitCode: 0 },
      verdict: { outcome: "succeeded" },
    },
    {
      name: "and where a command ran bubblewrap itself",
      run: { events: [...STARTED, command(NO_SANDBOX, "bwrap --version"), COMPLETED], exitCode: 0 },
      verdict: { outcome: "succeeded" },
    },
    {
      name: "the answer comes from codex's own copy where the events have none",
      run: { events: [...STARTED, COMPLETED], exitCode: 0, lastMessage: "from the file" },
      verdict: { outcome: "succeeded", lastMessage: "from the file" },
    },
    {
      name: "a success may have no answer at all",
      run: { events: [...STARTED, COMPLETED], exitCode: 0 },
      verdict: { outcome: "succeeded", lastMessage: "" },
    },
    {
      name: "exit 0 without a turn is no success",
      run: { events: ["Codex CLI\n", "Usage: codex\n"], exitCode: 0 },
      verdict: {
        outcome: "failed",
        failure: because("outputUnusable", "exit 0"),
        threadId: undefined,
      },
    },
    {
      name: "an answer in the shape that was asked for is a success",
      run: { events: [...STARTED, said('{"a":1}'), COMPLETED], exitCode: 0, outputSchema: { required: ["a"] } },
      verdict: { outcome: "succeeded", lastMessage: '{"a":1}' },
    },
    {
      name: "an answer in another shape is a failure, and is kept",
      run: { events: [...STARTED, said('{"b":1}'), COMPLETED], exitCode: 0, outputSchema: { required: ["a"] } },
      verdict: {
        outcome: "failed",
        failure: because("outputUnusable", 'the answer has no "a"'),
        lastMessage: '{"b":1}',
      },
    },
    {
      name: "a torn last line does not count",
      run: { events: [...STARTED, said("a"), '{"type":"turn.completed"'], exitCode: 137 },
      verdict: { outcome: "interrupted", failure: because("killed", "by SIGKILL"), lastMessage: "" },
    },
    {
      name: "another thread than the one asked for is a failure, although its turn completed",
      run: { events: [...STARTED, said("a"), COMPLETED], exitCode: 0 },
      asked: OTHER_THREAD,
      verdict: {
        outcome: "failed",
        failure: because("threadMismatch", `${THREAD} instead of ${OTHER_THREAD}`),
        threadId: THREAD,
        lastMessage: "",
      },
    },
    {
      name: "SIGINT is an interruption, whatever was logged before",
      run: {
        events: STARTED,
        exitCode: 1,
        stderr: `warning: Untrusted project-local configuration is disabled.\n${LOG_LINE}as you like\n`,
      },
      verdict: { outcome: "interrupted", failure: because("killed", "before the end of its turn") },
    },
    {
      name: "a signal is an interruption",
      run: { events: STARTED, exitCode: 143, stderr: "Terminated\n" },
      verdict: { outcome: "interrupted", failure: because("killed", "by SIGTERM") },
    },
    {
      name: "a prompt that is too long is a failure, although the thread was announced",
      run: {
        events: STARTED.slice(0, 1),
        exitCode: 1,
        stderr: `${LOG_LINE}Error: turn/start: Input exceeds the maximum length\n`,
      },
      verdict: {
        outcome: "failed",
        failure: because("promptRefused", "Error: turn/start: Input exceeds the maximum length"),
      },
    },
    {
      name: "a thread in use is a failure that passes",
      run: {
        events: [],
        exitCode: 1,
        stderr: `${LOG_LINE}Error: thread/resume failed: thread x already has an active writer (code -32600)\n`,
      },
      verdict: { outcome: "failed", failure: expect.objectContaining({ kind: "threadBusy" }), threadId: undefined },
    },
    {
      name: "a thread that is not there is told apart from other failures",
      run: {
        events: [],
        exitCode: 1,
        stderr: `Error: thread/resume: thread/resume failed: no rollout found for thread id ${THREAD} (code -32600)\n`,
      },
      asked: THREAD,
      verdict: { outcome: "failed", failure: expect.objectContaining({ kind: "threadNotFound" }) },
    },
    {
      name: "so is one that has nothing in it",
      run: {
        events: [],
        exitCode: 1,
        stderr: "Error: thread/resume: thread/resume failed: rollout at /x/rollout-1.jsonl is empty (code -32600)\n",
      },
      asked: THREAD,
      verdict: { outcome: "failed", failure: expect.objectContaining({ kind: "threadNotFound" }) },
    },
    {
      name: "a thread in use is there",
      run: {
        events: [],
        exitCode: 1,
        stderr: `Error: thread/resume failed: thread ${THREAD} already has an active writer (code -32600)\n`,
      },
      asked: THREAD,
      verdict: { outcome: "failed", failure: expect.objectContaining({ kind: "threadBusy" }) },
    },
    {
      name: "a wrong command line is a failure with its first line",
      run: {
        events: [],
        exitCode: 2,
        stderr:
          "error: unexpected argument '-x' found\n\n  tip: to pass '-x' as a value, use '-- -x'\n\nUsage: codex exec [OPTIONS] [PROMPT]\n\nFor more information, try '--help'.\n",
      },
      verdict: { outcome: "failed", failure: because("configuration", "error: unexpected argument '-x' found") },
    },
    {
      name: "a directory codex does not trust is a failure with its words",
      run: {
        events: [],
        exitCode: 1,
        stderr:
          "WARNING: proceeding, even though x\nNot inside a trusted directory and --skip-git-repo-check was not specified.\n",
      },
      verdict: {
        outcome: "failed",
        failure: because(
          "configuration",
          "Not inside a trusted directory and --skip-git-repo-check was not specified.",
        ),
      },
    },
    {
      name: "a panic is a crash that may pass",
      run: {
        events: STARTED,
        exitCode: 101,
        stderr:
          "thread 'codex-main' (1) panicked at stdio.rs:1165:9:\nfailed printing to stdout\nnote: run with `RUST_BACKTRACE=1`\n",
      },
      verdict: {
        outcome: "failed",
        failure: because("crashed", "failed printing to stdout"),
      },
    },
    {
      name: "a run whose worker died with it has vanished",
      run: { events: STARTED, exitCode: undefined },
      verdict: {
        outcome: "vanished",
        failure: because("vanished", "it left no record of how the run ended"),
        threadId: THREAD,
        durationMs: undefined,
      },
    },
    {
      name: "a sealed run never started",
      run: { events: [], exitCode: undefined, claim: "sealed" },
      verdict: { outcome: "vanished", failure: because("vanished", "it never started") },
    },
    {
      name: "a failed turn without a record is a failure",
      run: { events: failed("Quota exceeded. Check your plan"), exitCode: undefined },
      verdict: { outcome: "failed", failure: because("quotaExceeded", "Quota exceeded. Check your plan") },
    },
  ])("$name", async ({ run, asked, verdict }) => expect(await judge(endedRun(run), asked)).toMatchObject(verdict));

  it("has a reason of one bounded line", async () => {
    const { failure } = await judge(endedRun({ events: failed(`a\n\tb ${"😀".repeat(10_000)}`), exitCode: 1 }));
    expect(failure?.detail).toMatch(/^a b 😀.*…$/u);
    expect(failure?.detail.length).toBeLessThanOrEqual(500);
  });

  it("dates a wait by the end of the run, whenever it is judged", async () => {
    const endedAtMs = Date.UTC(2026, 0, 5, 12);
    const events = failed("You’ve hit your usage limit. Try again in 2 hours.");
    const { failure } = await judge(endedRun({ events, exitCode: 1, endedAtMs }));
    expect(failure).toMatchObject({ kind: "usageLimit", untilMs: endedAtMs + 2 * 3_600_000 });
  });
});

function because(kind: FailureKind, detail: string): Failure {
  return { kind, detail, untilMs: undefined };
}
