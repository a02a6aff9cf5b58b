import { asObject, asText, type JsonObject, parseObject } from "../../../base/json-shape.ts";
import type { RunAccount, Usage } from "../../../task/state/run.ts";
import { linesFromEnd } from "../../worker/bounded-file.ts";
import { parseUsage } from "../events/events.ts";
import type { Rollouts } from "./rollout.ts";

/** Of a longer turn the newest notes have to do. */
const TURN_BYTES_MAX = 32 * 1024 * 1024;
const LINE_START = /^\{"timestamp":"([^"]{1,40})"/;

/**
 * Returns what codex noted in the thread's own file of the turn that began after `sinceMs`: its model, and the tokens of that turn alone and of
 * the thread up to its end. They are noted with each answer of the model, so a turn that failed or was stopped has them as well, which
 * its events have not (codex 0.169.0). Of a turn under way it is what was used until now. `undefined` where there is no such file, or nothing of that turn in it.
 */
export async function readRunAccount(
  rollouts: Rollouts,
  threadId: string,
  sinceMs: number,
  bytesMax = TURN_BYTES_MAX,
): Promise<RunAccount | undefined> {
  const path = await rollouts.find(threadId);
  if (path === undefined) return undefined;
  let model: string | undefined;
  let usage: Usage | undefined;
  let threadUsage: Usage | undefined;
  // Backwards, to the first line that is older than the turn.
  for await (const line of linesFromEnd(path, bytesMax)) {
    if (Date.parse(LINE_START.exec(line)?.[1] ?? "") < sinceMs) break;
    if (threadUsage === undefined && line.includes('"token_usage_record"')) {
      const payload = payloadOf(line, "token_usage_record");
      usage = parseUsage(asObject(payload?.turn_token_usage));
      threadUsage = parseUsage(asObject(payload?.thread_token_usage));
    } else if (model === undefined && line.includes('"turn_context"'))
      model = asText(payloadOf(line, "turn_context")?.model);
    if (model !== undefined && threadUsage !== undefined) break;
  }
  return model === undefined && threadUsage === undefined ? undefined : { model, usage, threadUsage };
}

function payloadOf(line: string, type: string): JsonObject | undefined {
  const parsed = parseObject(line);
  return parsed?.type === type ? asObject(parsed.payload) : undefined;
}
