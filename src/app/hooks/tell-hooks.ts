import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { asNumber, parseObject } from "../../base/json-shape.ts";
import type { Log, Surroundings } from "../../base/surroundings.ts";
import type { EventLog } from "../../store/events/event-log.ts";
import type { StoredEvent } from "../../store/events/event-reader.ts";
import { callProgram, callWebhook, type HookCall, type HookSettings } from "./call-hook.ts";
import { isHookEvent } from "./hook-events.ts";

/** Waits before the second try and those after it; then an event is given up. */
const RETRY_DELAYS_MS = [1_000, 5_000, 30_000, 120_000] as const;

export interface HooksDeps {
  readonly events: Pick<EventLog, "reader">;
  /** Up to which event hooks were told. */
  readonly cursorPath: string;
  readonly settings: () => HookSettings;
  readonly clone: string;
  readonly workspaceDir: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly surroundings: Pick<Surroundings, "now" | "after">;
  readonly log: Log;
}

/**
 * Tells the program and the webhook of the policy what has ended and what holds the queue, one event after the other and beside everything
 * else: nothing waits for them. Each is told again until it was taken, a bounded number of times; after a crash the last one may come twice,
 * and what was told while no coordinator listened comes when the next one does.
 *
 * @returns what ends that; a program that runs is killed
 */
export function startHooks(deps: HooksDeps): () => void {
  const aborter = new AbortController();
  follow(deps, aborter.signal).catch((error: unknown) => deps.log("hooks-ended", { reason: String(error) }));
  return () => aborter.abort();
}

async function follow(deps: HooksDeps, signal: AbortSignal): Promise<void> {
  const { settings, cursorPath, log } = deps;
  const isOn = (): boolean => settings().hook !== undefined || settings().webhook !== undefined;
  const reader = deps.events.reader(isOn() ? readCursor(cursorPath) : undefined);
  if (isOn()) writeCursor(deps, reader.seq);
  for (let next = await reader.next(signal); next !== undefined; next = await reader.next(signal)) {
    if (!isOn()) continue;
    if (next === "gone") log("hooks-missed", { reason: "events that were not told are not kept any more" });
    for (const event of next === "gone" ? [] : next.filter(({ text }) => isHookEvent(text))) {
      await tell(deps, event, signal);
      if (signal.aborted) return; // The next coordinator tells it.
      writeCursor(deps, event.seq);
    }
  }
}

async function tell(deps: HooksDeps, { seq, text }: StoredEvent, signal: AbortSignal): Promise<void> {
  const { settings, workspaceDir, environment, surroundings, clone, log } = deps;
  const call: HookCall = { event: text, seq, delivery: `${clone}-${seq}`, workspaceDir };
  const once: Readonly<Record<"hook" | "webhook", () => Promise<string | undefined>>> = {
    async hook() {
      const { hook } = settings();
      return hook === undefined ? undefined : callProgram(hook, call, environment, signal);
    },
    async webhook() {
      const { webhook, webhookSecret } = settings();
      const nowMs = surroundings.now();
      return webhook === undefined ? undefined : callWebhook(webhook, webhookSecret, call, nowMs, signal);
    },
  };
  const untilTaken = async (name: keyof typeof once): Promise<void> => {
    for (const [tries, delayMs] of [...RETRY_DELAYS_MS, undefined].entries()) {
      const problem = await once[name]();
      if (problem === undefined || signal.aborted) return;
      const willRetry = delayMs !== undefined;
      log(willRetry ? "hook-retried" : "hook-failed", { hook: name, seq, tries: tries + 1, reason: problem });
      if (willRetry) await pause(surroundings, delayMs, signal);
      if (signal.aborted) return;
    }
  };
  await Promise.all([untilTaken("hook"), untilTaken("webhook")]);
}

function pause({ after }: Pick<Surroundings, "after">, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = after(ms, resolve);
  const give = (): void => {
    cancel();
    resolve();
  };
  signal.addEventListener("abort", give, { once: true });
  return promise.finally(() => signal.removeEventListener("abort", give));
}

/** `undefined` where nobody was ever told: from now on. */
function readCursor(path: string): number | undefined {
  try {
    const cursor = parseObject(readBoundedText(path, SMALL_FILE_BYTES_MAX) ?? "");
    return cursor?.v === 1 ? asNumber(cursor.seq) : undefined;
  } catch {
    return undefined; // Not a file of ours.
  }
}

/** A disk that is full costs that an event is told twice after the next start. */
function writeCursor({ cursorPath, log }: HooksDeps, seq: number): void {
  try {
    writeFileAtomic(cursorPath, `${JSON.stringify({ v: 1, seq })}\n`, 0o600);
  } catch (error) {
    log("hooks-not-noted", { reason: String(error) });
  }
}
