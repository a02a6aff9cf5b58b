import { asObject, asText, parseObject } from "../../../base/json-shape.ts";
import type { Failure, FailureKind } from "../../../task/state/failure.ts";
import { oneLine } from "./failure-reason.ts";
import { namedTime, resetTime } from "./reset-time.ts";
import type { CodexErrorInfo, LimitWindow } from "./rollout.ts";

/** Classes of codex's own (`codex_error_info`, 0.169.0) that say all by themselves. */
const BY_INFO: Readonly<Record<string, FailureKind>> = {
  context_window_exceeded: "contextWindow",
  server_overloaded: "overloaded",
  flex_unavailable: "overloaded",
  policy_capacity_unavailable: "overloaded",
  internal_server_error: "serverError",
  rate_limit_exceeded: "rateLimited",
  invalid_prompt: "contentRefused",
  cyber_policy: "contentRefused",
  misalignment_policy_violation: "contentRefused",
  inference_hook_denied: "contentRefused",
  bad_request: "badRequest",
  model_not_found: "unknownModel",
  unauthorized: "notLoggedIn",
  sandbox_error: "sandboxDenied",
  too_many_denials: "sandboxDenied",
  response_stream_disconnected: "connection",
  response_stream_connection_failed: "connection",
};

type Pattern = readonly [RegExp, FailureKind];

/** What the message of a failed turn says, the most telling first: "stream disconnected" is said of many causes. */
const TURN_MESSAGES: readonly Pattern[] = [
  [/hit your usage limit/i, "usageLimit"],
  [/quota exceeded|to use codex with your chatgpt plan|out of credits|usage not included/i, "quotaExceeded"],
  [/context window/i, "contextWindow"],
  [/missing environment variable|not logged in|please log in|sign in again/i, "notLoggedIn"],
  [/incomplete response returned.*content_filter|flagged for possible/i, "contentRefused"],
  [/incomplete response returned/i, "incomplete"],
  [/at capacity|overloaded/i, "overloaded"],
  [/high demand/i, "serverError"],
  [/rate limit/i, "rateLimited"],
  [/model .*(does not exist|not found|not supported)/i, "unknownModel"],
  [/^connection failed|stream disconnected|error sending request|timed? ?out|timeout/i, "connection"],
];

/** What standard error says of a run that was refused before its turn. */
const REFUSALS: readonly Pattern[] = [
  [/\bbwrap: |requires bubblewrap/, "sandboxUnavailable"],
  [/no rollout found for thread id|rollout .* is empty|session \S+ is archived/i, "threadNotFound"],
  [/already has an active writer/i, "threadBusy"],
  [/uses model provider .* no longer configured/i, "threadForeign"],
  [/exceeds the maximum length|no prompt provided|not valid utf-8/i, "promptRefused"],
  [/model provider .* not found/i, "unknownModel"],
  [/output schema file/i, "badRequest"],
  [/required mcp servers failed/i, "configuration"],
  [
    /error loading config|codex home|in-process app-server client|trusted directory|unexpected argument|list_turns is not supported/i,
    "configuration",
  ],
];

/** The status that stands in "unexpected status 401 Unauthorized" and "exceeded retry limit, last status: 429". */
const STATUS = /\bstatus:? (\d{3})\b/;

/** Says why a turn failed, from its message and, where there is one, the class that codex noted of it. */
export function classifyTurn(message: string, info: CodexErrorInfo | undefined, failedAtMs: number): Failure {
  const kind = turnKind(message, info);
  return {
    kind,
    detail: oneLine(serverWords(message)),
    untilMs: untilOf(kind, message, failedAtMs, info?.limits ?? []),
  };
}

/** Says why codex refused to begin a turn, from its words on standard error. */
export function classifyRefusal(words: string, exitCode: number): Failure {
  const [, found] = REFUSALS.find(([pattern]) => pattern.test(words)) ?? [];
  // A wrong command line meets every task alike: it is not the one codex understands.
  const kind = found ?? (exitCode === 2 ? "configuration" : "unknown");
  return { kind, detail: words, untilMs: undefined };
}

function turnKind(message: string, info: CodexErrorInfo | undefined): FailureKind {
  if (info?.name === "usage_limit_exceeded") return /usage limit/i.test(message) ? "usageLimit" : "quotaExceeded";
  const named = info === undefined ? undefined : BY_INFO[info.name];
  if (named !== undefined) return named;
  const status = info?.httpStatus ?? Number(STATUS.exec(message)?.[1]);
  const byStatus = Number.isNaN(status) ? undefined : statusKind(status);
  if (byStatus !== undefined) return byStatus;
  if (info?.name === "http_connection_failed") return "connection";
  // The body of a refused request comes as it is; a plan that does not have the model says so in its own form, `{"detail":"…"}`.
  const body = parseObject(message);
  if (asObject(body?.error) !== undefined) return "badRequest";
  const told = TURN_MESSAGES.find(([pattern]) => pattern.test(message))?.[1];
  return told ?? (asText(body?.detail) === undefined ? "unknown" : "badRequest");
}

function statusKind(status: number): FailureKind | undefined {
  if (status === 401 || status === 403) return "notLoggedIn";
  if (status === 402) return "quotaExceeded";
  if (status === 404) return "unknownModel";
  if (status === 408) return "connection";
  if (status === 429) return "rateLimited";
  if (status >= 500) return "serverError";
  return status >= 400 ? "badRequest" : undefined;
}

function untilOf(
  kind: FailureKind,
  message: string,
  failedAtMs: number,
  limits: readonly LimitWindow[],
): number | undefined {
  if (kind === "usageLimit") return resetTime(message, failedAtMs, limits);
  return kind === "rateLimited" ? namedTime(message, failedAtMs) : undefined;
}

/** Returns the message within the body of a refused request, or all of it. */
function serverWords(message: string): string {
  const body = parseObject(message);
  return asText(asObject(body?.error)?.message) ?? asText(body?.detail) ?? message;
}
