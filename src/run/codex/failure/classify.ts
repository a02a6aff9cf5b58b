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

/** What a message in lower case says, and for some what it says further on in the same line. */
type Pattern = readonly [says: RegExp, kind: FailureKind, andThen?: RegExp];

/** What the message of a failed turn says, the most telling first: "stream disconnected" is said of many causes. */
const TURN_MESSAGES: readonly Pattern[] = [
  [/hit your usage limit/, "usageLimit"],
  [/quota exceeded|to use codex with your chatgpt plan|out of credits|usage not included/, "quotaExceeded"],
  [/context window/, "contextWindow"],
  [/missing environment variable|not logged in|please log in|sign in again/, "notLoggedIn"],
  [/incomplete response returned/, "contentRefused", /content_filter/],
  [/flagged for possible/, "contentRefused"],
  [/incomplete response returned/, "incomplete"],
  [/at capacity|overloaded/, "overloaded"],
  [/high demand/, "serverError"],
  [/rate limit/, "rateLimited"],
  [/model /, "unknownModel", /does not exist|not found|not supported/],
  [/^connection failed|stream disconnected|error sending request|timed? ?out|timeout/, "connection"],
];

/** What standard error says of a run that was refused before its turn. */
const REFUSALS: readonly Pattern[] = [
  [/\bbwrap: |requires bubblewrap/, "sandboxUnavailable"],
  [/no rollout found for thread id|session \S+ is archived/, "threadNotFound"],
  [/rollout /, "threadNotFound", / is empty/],
  [/already has an active writer/, "threadBusy"],
  [/uses model provider /, "threadForeign", / no longer configured/],
  [/exceeds the maximum length|no prompt provided|not valid utf-8/, "promptRefused"],
  [/model provider /, "unknownModel", / not found/],
  [/output schema file/, "badRequest"],
  [/required mcp servers failed/, "configuration"],
  [
    /error loading config|codex home|in-process app-server client|trusted directory|unexpected argument|list_turns is not supported/,
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
  const found = kindIn(REFUSALS, words);
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
  const told = kindIn(TURN_MESSAGES, message);
  return told ?? (asText(body?.detail) === undefined ? "unknown" : "badRequest");
}

/** Takes time in proportion to `text`: a part that follows another is looked for behind its first place in the line alone. */
function kindIn(patterns: readonly Pattern[], text: string): FailureKind | undefined {
  const lines = text.toLowerCase().split("\n");
  const isSaid = ([says, , andThen]: Pattern): boolean =>
    lines.some((line) => {
      const found = says.exec(line);
      return found !== null && (andThen?.test(line.slice(found.index + found[0].length)) ?? true);
    });
  return patterns.find(isSaid)?.[1];
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
