import { describe, expect, it } from "vitest";
import { judgeRun } from "../../src/codex/verdict.ts";
import type { RunVerdict } from "../../src/task/run.ts";
import { type EndedRun, endedRun } from "../support/ended-run.ts";

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

function said(text: string): object {
  return { type: "item.completed", item: { id: "item_0", type: "agent_message", text } };
}
function failed(message: string): readonly object[] {
  return [...STARTED, { type: "error", message }, { type: "turn.failed", error: { message } }];
}

describe("a verdict", () => {
  it("is whole", () => {
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
    expect(judgeRun(runDir, THREAD)).toEqual({
      ...{
        outcome: "succeeded",
        reason: undefined,
        retryable: false,
        threadId: THREAD,
        wrongThread: false,
        threadMissing: false,
        codexMissing: false,
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
      verdict: { outcome: "succeeded", reason: undefined, lastMessage: "a" },
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
        reason: "codex ended with exit 0 and without a turn",
        threadId: undefined,
        retryable: false,
      },
    },
    {
      name: "a torn last line does not count",
      run: { events: [...STARTED, said("a"), '{"type":"turn.completed"'], exitCode: 137 },
      verdict: { outcome: "interrupted", reason: "codex was ended by SIGKILL", lastMessage: "", retryable: true },
    },
    {
      name: "another thread than the one asked for is a failure, although its turn completed",
      run: { events: [...STARTED, said("a"), COMPLETED], exitCode: 0 },
      asked: OTHER_THREAD,
      verdict: { outcome: "failed", wrongThread: true, retryable: false, threadId: THREAD, lastMessage: "" },
    },
    {
      name: "SIGINT is an interruption, whatever was logged before",
      run: {
        events: STARTED,
        exitCode: 1,
        stderr: `warning: Untrusted project-local configuration is disabled.\n${LOG_LINE}as you like\n`,
      },
      verdict: { outcome: "interrupted", reason: "codex was interrupted before the end of its turn", retryable: true },
    },
    {
      name: "a signal is an interruption",
      run: { events: STARTED, exitCode: 143, stderr: "Terminated\n" },
      verdict: { outcome: "interrupted", reason: "codex was ended by SIGTERM", retryable: true },
    },
    {
      name: "a prompt that is too long is a failure, although the thread was announced",
      run: {
        events: STARTED.slice(0, 1),
        exitCode: 1,
        stderr: `${LOG_LINE}Error: turn/start: Input exceeds the maximum length\n`,
      },
      verdict: { outcome: "failed", reason: "Error: turn/start: Input exceeds the maximum length", retryable: false },
    },
    {
      name: "a thread in use is a failure that passes",
      run: {
        events: [],
        exitCode: 1,
        stderr: `${LOG_LINE}Error: thread/resume failed: thread x already has an active writer (code -32600)\n`,
      },
      verdict: { outcome: "failed", retryable: true, threadId: undefined },
    },
    {
      name: "a thread that is not there is told apart from other failures",
      run: {
        events: [],
        exitCode: 1,
        stderr: `Error: thread/resume: thread/resume failed: no rollout found for thread id ${THREAD} (code -32600)\n`,
      },
      asked: THREAD,
      verdict: { outcome: "failed", threadMissing: true, wrongThread: false, retryable: false },
    },
    {
      name: "so is one that has nothing in it",
      run: {
        events: [],
        exitCode: 1,
        stderr: "Error: thread/resume: thread/resume failed: rollout at /x/rollout-1.jsonl is empty (code -32600)\n",
      },
      asked: THREAD,
      verdict: { outcome: "failed", threadMissing: true },
    },
    {
      name: "a thread in use is there",
      run: {
        events: [],
        exitCode: 1,
        stderr: `Error: thread/resume failed: thread ${THREAD} already has an active writer (code -32600)\n`,
      },
      asked: THREAD,
      verdict: { outcome: "failed", threadMissing: false, retryable: true },
    },
    {
      name: "a wrong command line is a failure with its first line",
      run: {
        events: [],
        exitCode: 2,
        stderr:
          "error: unexpected argument '-x' found\n\n  tip: to pass '-x' as a value, use '-- -x'\n\nUsage: codex exec [OPTIONS] [PROMPT]\n\nFor more information, try '--help'.\n",
      },
      verdict: { outcome: "failed", reason: "error: unexpected argument '-x' found", retryable: false },
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
        reason: "Not inside a trusted directory and --skip-git-repo-check was not specified.",
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
        reason: "codex crashed: failed printing to stdout",
        retryable: true,
      },
    },
    {
      name: "a run whose worker died with it has vanished",
      run: { events: STARTED, exitCode: undefined },
      verdict: { outcome: "vanished", retryable: true, threadId: THREAD, durationMs: undefined },
    },
    {
      name: "a sealed run never started",
      run: { events: [], exitCode: undefined, claim: "sealed" },
      verdict: { outcome: "vanished", reason: "the run never started", retryable: true },
    },
    {
      name: "a failed turn without a record is a failure",
      run: { events: failed("Quota exceeded. Check your plan"), exitCode: undefined },
      verdict: { outcome: "failed", reason: "Quota exceeded. Check your plan", retryable: false },
    },
  ])("$name", ({ run, asked, verdict }) => expect(judgeRun(endedRun(run), asked)).toMatchObject(verdict));

  it.each<{ message: string; retryable: boolean }>([
    { message: "Connection failed: error sending request", retryable: true },
    { message: "stream disconnected before completion: idle timeout waiting for SSE", retryable: true },
    { message: "We’re currently experiencing high demand, which may cause temporary errors.", retryable: true },
    { message: "Selected model is at capacity. Please try a different model.", retryable: true },
    { message: "exceeded retry limit, last status: 429 Too Many Requests", retryable: true },
    { message: "exceeded retry limit, last status: 502 Bad Gateway", retryable: true },
    { message: "rate limit exceeded: please slow down", retryable: true },
    { message: "unexpected status 503 Service Unavailable", retryable: true },
    { message: "You've hit your usage limit. Upgrade, or try again at 3:28 PM.", retryable: false },
    { message: "Quota exceeded. Check your plan and billing details.", retryable: false },
    { message: "unexpected status 401 Unauthorized: timed out session", retryable: false },
    { message: "Codex ran out of room in the model's context window.", retryable: false },
    { message: "This content was flagged for possible cybersecurity risk.", retryable: false },
    { message: '{"error":{"message":"bad","type":"invalid_request_error"}}', retryable: false },
    { message: "Missing environment variable: `KEY`.", retryable: false },
    { message: "", retryable: false },
  ])("of a failed turn: $message", ({ message, retryable }) => {
    const verdict = judgeRun(endedRun({ events: failed(message), exitCode: 1 }), undefined);
    expect(verdict).toMatchObject({
      outcome: "failed",
      retryable,
      reason: message === "" ? expect.any(String) : message,
    });
  });

  it("has a reason of one bounded line", () => {
    const verdict = judgeRun(endedRun({ events: failed(`a\n\tb ${"😀".repeat(10_000)}`), exitCode: 1 }), undefined);
    expect(verdict.reason).toMatch(/^a b 😀.*…$/u);
    expect(verdict.reason?.length).toBeLessThanOrEqual(500);
  });
});
