import { describe, expect, it } from "vitest";
import { classifyRefusal, classifyTurn } from "../../../../src/run/codex/failure/classify.ts";
import type { CodexErrorInfo } from "../../../../src/run/codex/failure/rollout.ts";
import type { FailureKind } from "../../../../src/task/state/failure.ts";

const OTHER: CodexErrorInfo = { name: "other", httpStatus: undefined, limits: [] };

describe("a failed turn is told by codex's own class first", () => {
  it.each<{ name: string; status?: number; message?: string; kind: FailureKind }>([
    { name: "usage_limit_exceeded", message: "You’ve hit your usage limit. Try again at 6:47 PM.", kind: "usageLimit" },
    { name: "usage_limit_exceeded", message: "Quota exceeded. Check your plan.", kind: "quotaExceeded" },
    { name: "usage_limit_exceeded", message: "To use Codex with your ChatGPT plan, upgrade.", kind: "quotaExceeded" },
    { name: "context_window_exceeded", kind: "contextWindow" },
    { name: "server_overloaded", kind: "overloaded" },
    { name: "internal_server_error", kind: "serverError" },
    { name: "rate_limit_exceeded", kind: "rateLimited" },
    { name: "response_too_many_failed_attempts", status: 429, kind: "rateLimited" },
    { name: "response_too_many_failed_attempts", status: 502, kind: "serverError" },
    { name: "http_connection_failed", status: 401, kind: "notLoggedIn" },
    { name: "http_connection_failed", status: 403, kind: "notLoggedIn" },
    { name: "http_connection_failed", status: 404, kind: "unknownModel" },
    { name: "http_connection_failed", status: 418, kind: "badRequest" },
    { name: "http_connection_failed", kind: "connection" },
    { name: "invalid_prompt", message: "bad", kind: "contentRefused" },
    { name: "cyber_policy", message: "no", kind: "contentRefused" },
    { name: "misalignment_policy_violation", kind: "contentRefused" },
    { name: "inference_hook_denied", kind: "contentRefused" },
    { name: "flex_unavailable", kind: "overloaded" },
    { name: "policy_capacity_unavailable", kind: "overloaded" },
    { name: "too_many_denials", kind: "sandboxDenied" },
    { name: "http_connection_failed", status: 402, kind: "quotaExceeded" },
    { name: "http_connection_failed", status: 408, kind: "connection" },
    { name: "model_not_found", kind: "unknownModel" },
    { name: "sandbox_error", kind: "sandboxDenied" },
    { name: "something_new", message: "a new word", kind: "unknown" },
    { name: "something_new", message: "Selected model is at capacity.", kind: "overloaded" },
  ])("$name $status: $kind", ({ name, status, message = "in words", kind }) => {
    expect(classifyTurn(message, { name, httpStatus: status, limits: [] }, 0).kind).toBe(kind);
  });
});

describe("a failed turn is told by its words where the class says nothing", () => {
  it.each<{ message: string; kind: FailureKind }>([
    { message: "Connection failed: error sending request", kind: "connection" },
    { message: "stream disconnected before completion: idle timeout waiting for SSE", kind: "connection" },
    { message: "stream disconnected before completion: Rate limit reached", kind: "rateLimited" },
    {
      message: "stream disconnected before completion: Incomplete response returned, reason: content_filter",
      kind: "contentRefused",
    },
    { message: "Incomplete response returned, reason: max_output_tokens", kind: "incomplete" },
    { message: "We’re currently experiencing high demand, which may cause temporary errors.", kind: "serverError" },
    { message: "Selected model is at capacity. Please try a different model.", kind: "overloaded" },
    { message: "exceeded retry limit, last status: 429 Too Many Requests", kind: "rateLimited" },
    { message: "exceeded retry limit, last status: 502 Bad Gateway", kind: "serverError" },
    { message: "unexpected status 503 Service Unavailable", kind: "serverError" },
    { message: "unexpected status 401 Unauthorized: timed out session", kind: "notLoggedIn" },
    { message: "You've hit your usage limit. Upgrade, or try again at 3:28 PM.", kind: "usageLimit" },
    { message: "Quota exceeded. Check your plan and billing details.", kind: "quotaExceeded" },
    { message: "Codex ran out of room in the model's context window.", kind: "contextWindow" },
    { message: "This content was flagged for possible cybersecurity risk.", kind: "contentRefused" },
    { message: "Missing environment variable: `KEY`.", kind: "notLoggedIn" },
    { message: '{"error":{"message":"bad","type":"invalid_request_error"}}', kind: "badRequest" },
    { message: '{"detail":"something about the request"}', kind: "badRequest" },
    {
      message: '{"detail":"The \'x\' model is not supported when using Codex with a ChatGPT account."}',
      kind: "unknownModel",
    },
    { message: "no such luck", kind: "unknown" },
    { message: "", kind: "unknown" },
  ])("$message", ({ message, kind }) => {
    for (const info of [undefined, OTHER]) expect(classifyTurn(message, info, 0).kind).toBe(kind);
  });

  it("says what the server said, without its envelope", () => {
    expect(classifyTurn('{"error":{"message":"the model\\nsays no"}}', OTHER, 0)).toEqual({
      ...{ kind: "badRequest", detail: "the model says no", untilMs: undefined },
    });
  });

  it("says what a plan says, without its envelope", () => {
    expect(classifyTurn('{"detail":"not in your plan"}', OTHER, 0).detail).toBe("not in your plan");
  });

  it("keeps the time that a limit names", () => {
    expect(classifyTurn("rate limit exceeded: try again in 2.5s", undefined, 1_000).untilMs).toBe(3_500);
    expect(classifyTurn("You’ve hit your usage limit.", undefined, 1_000).untilMs).toBe(1_801_000);
  });
});

describe("a run that codex refused is told by its standard error", () => {
  it.each<{ words: string; exitCode?: number; kind: FailureKind }>([
    {
      words: "Error: thread/resume: thread/resume failed: no rollout found for thread id x (code -32600)",
      kind: "threadNotFound",
    },
    {
      words: "Error: thread/resume failed: rollout at /x/rollout-1.jsonl is empty (code -32600)",
      kind: "threadNotFound",
    },
    { words: "Error: session x is archived. Run codex unarchive x", kind: "threadNotFound" },
    { words: "Error: thread/resume failed: thread x already has an active writer (code -32600)", kind: "threadBusy" },
    { words: 'Error: This chat uses model provider "x", which is no longer configured', kind: "threadForeign" },
    {
      words: "Error: turn/start failed: Input exceeds the maximum length of 1048576 characters.",
      kind: "promptRefused",
    },
    { words: "No prompt provided via stdin.", kind: "promptRefused" },
    {
      words: "Failed to read prompt from stdin: input is not valid UTF-8 (invalid byte at offset 1).",
      kind: "promptRefused",
    },
    { words: "Error: Model provider `nope` not found", kind: "unknownModel" },
    { words: "Output schema file /x is not valid JSON: expected value at line 1 column 1", kind: "badRequest" },
    {
      words:
        "Error: thread/start failed: error creating thread: required MCP servers failed to initialize: x: No such file",
      kind: "configuration",
    },
    { words: "Error loading config.toml: unknown variant `nope`", kind: "configuration" },
    { words: "Not inside a trusted directory and --skip-git-repo-check was not specified.", kind: "configuration" },
    { words: "error: something about the command line", exitCode: 2, kind: "configuration" },
    { words: "Error: a new one", kind: "unknown" },
  ])("$words", ({ words, exitCode = 1, kind }) => {
    expect(classifyRefusal(words, exitCode)).toEqual({ kind, detail: words, untilMs: undefined });
  });
});
