import { join } from "node:path";
import { systemErrorCode } from "../../../base/errors.ts";
import { asObject, asText, type JsonObject, parseObject } from "../../../base/json-shape.ts";
import type { RunAccount, Usage } from "../../../task/state/run.ts";
import { readTail } from "../../worker/file-tail.ts";
import { parseUsage } from "../events/events.ts";
import { findRollout } from "./rollout.ts";

/** The end of a thread's file is read in steps until the whole turn is there; of a longer turn the newest notes have to do. */
const TAIL_BYTES = [512 * 1024, 4 * 1024 * 1024, 32 * 1024 * 1024] as const;
const LINE_START = /^\{"timestamp":"([^"]{1,40})"/;

/**
 * Returns what codex noted in the thread's own file of the turn that began after `sinceMs`: its model, and the tokens of that turn alone and of
 * the thread up to its end. They are noted with each answer of the model, so a turn that failed or was stopped has them as well, which
 * its events have not (codex 0.169.0). `undefined` where there is no such file, or nothing of that turn in it.
 */
export function readRunAccount(codexHome: string, threadId: string, sinceMs: number): RunAccount | undefined {
  const path = findRollout(join(codexHome, "sessions"), threadId);
  if (path === undefined) return undefined;
  for (const bytes of TAIL_BYTES) {
    const text = tailOf(path, bytes);
    const { account, isWhole } = readTurn(text, sinceMs);
    if (isWhole || Buffer.byteLength(text) < bytes || bytes === TAIL_BYTES.at(-1))
      return account.model === undefined && account.threadUsage === undefined ? undefined : account;
  }
  return undefined;
}

/** Reads backwards, to the first line that is older than the turn. */
function readTurn(text: string, sinceMs: number): { readonly account: RunAccount; readonly isWhole: boolean } {
  let [model, usage, threadUsage]: [string | undefined, Usage | undefined, Usage | undefined] = [
    undefined,
    undefined,
    undefined,
  ];
  let isWhole = false;
  for (const line of text.split("\n").toReversed()) {
    const writtenAtMs = Date.parse(LINE_START.exec(line)?.[1] ?? "");
    isWhole = writtenAtMs < sinceMs || (model !== undefined && threadUsage !== undefined);
    if (isWhole) break;
    if (threadUsage === undefined && line.includes('"token_usage_record"')) {
      const payload = payloadOf(line, "token_usage_record");
      usage = parseUsage(asObject(payload?.turn_token_usage));
      threadUsage = parseUsage(asObject(payload?.thread_token_usage));
    } else if (model === undefined && line.includes('"turn_context"'))
      model = asText(payloadOf(line, "turn_context")?.model);
  }
  return { account: { model, usage, threadUsage }, isWhole };
}

function tailOf(path: string, bytes: number): string {
  try {
    return readTail(path, bytes);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return ""; // Not ours to read: how a run ended matters more than what it took.
  }
}

function payloadOf(line: string, type: string): JsonObject | undefined {
  const parsed = parseObject(line);
  return parsed?.type === type ? asObject(parsed.payload) : undefined;
}
