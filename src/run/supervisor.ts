import type { Surroundings } from "../base/surroundings.ts";
import type { StopCause } from "../task/state/task-event.ts";
import type { RunEvent, RunHandle } from "./driver.ts";

/** What a run may use. Times in milliseconds. */
export interface RunLimits {
  /** `undefined`: as long as it takes; so with the next one. */
  readonly timeoutMs: number | undefined;
  /** How long it may go without a sign of life, while no command of it runs. */
  readonly stallMs: number | undefined;
  /** What it may write before it is ended. */
  readonly outputBytesMax: number;
  /** What an adopted run has used of its time, by the wall clock. */
  readonly usedMs: number;
}

/** What is told of a supervised run. What these throw is logged, and ends nothing. */
export interface RunObserver {
  noticed(event: RunEvent): void;
  /** A limit was reached; to be recorded before the run is ended. Told again while the run goes on. */
  overdue(cause: Extract<StopCause, "timeout" | "stall" | "output">): void;
  /** Its process is gone, its outcome not known yet. */
  exited(exitCode: number | undefined): void;
  /** It has ended, and its outcome can be asked for. */
  ended(): void;
  /**
   * It cannot be followed just now. Returns true where that passes, and it will be taken up anew: then it is left alone, however long it
   * goes on. Otherwise it is ended, and `failed` is told.
   */
  interrupted(error: unknown): boolean;
  /** It cannot be followed: our own fault. Its processes have been ended as far as that was possible. */
  failed(error: unknown): void;
  log(event: string, error: unknown): void;
}

/** A run that is watched until it ends. */
export interface SupervisedRun {
  /** Asks for its end; tried again until it has ended. */
  stop(graceMs: number): void;
  detach(): void;
}

/** A timer that comes later than this was late: events that arrived meanwhile are read before anything is concluded from it. */
const LATE_MS = 1_000;
const AGAIN_MS = 500;
/** Codex runs a handful of commands side by side. */
const UNDER_WAY_MAX = 1_000;
/** One timer never waits longer: Node's own overflow after 24 days. */
const TIMER_MAX_MS = 3_600_000;
/** What an adopted run is left of a limit at the least, however long ago it seems to have begun: a clock may have been set. */
const GRACE_PART = 0.1;
const GRACE_MAX_MS = 60_000;

/**
 * Watches one run until it ends: its signs of life, its limits, its end. Limits are measured by the monotonic clock, so a suspended
 * machine and a clock that is set end no run. The earlier limit is the cause, even if it is checked late.
 */
export function supervise(
  handle: RunHandle<unknown>,
  { timeoutMs = Number.POSITIVE_INFINITY, stallMs = Number.POSITIVE_INFINITY, outputBytesMax, usedMs }: RunLimits,
  { monotonicMs, after }: Pick<Surroundings, "monotonicMs" | "after">,
  observer: RunObserver,
): SupervisedRun {
  const deadlineMs = monotonicMs() + leftOf(timeoutMs, usedMs);
  let stalledAtMs = monotonicMs() + leftOf(stallMs, handle.silentMs);
  /** Commands and tools that have begun and not ended: one that takes hours says nothing meanwhile. */
  const underWay = new Set<string>();
  let isOver = false;
  let isStopping = false;
  let isDeferred = false;
  let isDetached = false;
  let cancel: () => void = () => undefined;

  const guarded = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      observer.log("event-failed", error);
    }
  };
  const arm = (ms: number): void => {
    cancel();
    if (!isOver) cancel = after(Math.max(0, Math.min(ms, TIMER_MAX_MS)), check);
  };
  const dueMs = (): number => (underWay.size > 0 ? deadlineMs : Math.min(deadlineMs, stalledAtMs));
  const check = (): void => {
    if (isOver || isStopping) return;
    const lateMs = monotonicMs() - dueMs();
    if (lateMs < 0) arm(-lateMs);
    else if (lateMs > LATE_MS && !isDeferred) {
      isDeferred = true;
      arm(LATE_MS);
    } else {
      guarded(() => observer.overdue(deadlineMs === dueMs() ? "timeout" : "stall"));
      arm(AGAIN_MS); // Where the cause could not be recorded.
    }
  };
  const noteItem = ({ id, phase, body }: RunEvent & { readonly kind: "item" }): void => {
    if (body.kind !== "command" && body.kind !== "tool") return;
    if (phase !== "completed" && underWay.size < UNDER_WAY_MAX) underWay.add(id);
    else if (underWay.delete(id) && underWay.size === 0 && !isStopping) arm(dueMs() - monotonicMs());
  };
  const see = (event: RunEvent): void => {
    if (event.kind === "exited") {
      isOver = true;
      cancel();
      guarded(() => observer.exited(event.exitCode));
    } else if (event.kind === "output") {
      if (event.bytes > outputBytesMax && !isOver && !isStopping) guarded(() => observer.overdue("output"));
    } else {
      if (!event.isOld) stalledAtMs = monotonicMs() + stallMs;
      if (event.kind === "item") noteItem(event);
    }
    guarded(() => observer.noticed(event));
  };
  const stop = (graceMs: number): void => {
    if (isStopping || isOver) return;
    isStopping = true;
    handle.stop(graceMs).catch((error: unknown) => {
      observer.log("stop-failed", error);
      isStopping = false;
      if (!isOver) cancel = after(AGAIN_MS, () => stop(graceMs));
    });
  };
  const follow = async (): Promise<void> => {
    for await (const event of handle.events()) see(event);
  };

  arm(dueMs() - monotonicMs());
  follow()
    .then(
      () => {
        if (isOver && !isDetached) observer.ended();
      },
      async (error: unknown) => {
        isOver = true;
        cancel();
        if (isDetached || observer.interrupted(error)) return handle.detach();
        await handle.stop(0).catch((problem: unknown) => observer.log("stop-failed", problem));
        observer.failed(error);
      },
    )
    .catch((error: unknown) => observer.log("end-failed", error));

  return {
    stop,
    detach() {
      isDetached = true;
      isOver = true;
      cancel();
      handle.detach();
    },
  };
}

function leftOf(limitMs: number, usedMs: number): number {
  if (usedMs <= 0) return limitMs;
  return Math.max(limitMs - usedMs, Math.min(limitMs * GRACE_PART, GRACE_MAX_MS));
}
