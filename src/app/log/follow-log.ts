import { setTimeout as delay } from "node:timers/promises";
import { CoordinatorError } from "../../base/errors.ts";
import type { EventFilter, LiveEvent } from "../../task/events/live-event.ts";
import { isFinal, TASK_STATUSES } from "../../task/ledger/ledger.ts";
import type { CoordinatorAddress } from "../queries/server-record.ts";
import type { LogEntry, LogOptions, LogView } from "../views/log-view.ts";

/** What one who follows a log is told. */
export type LogPiece =
  | { readonly kind: "entry"; readonly entry: LogEntry }
  | { readonly kind: "event"; readonly event: LiveEvent }
  /** Earlier entries were left out. */
  | { readonly kind: "left-out"; readonly count: number }
  /** The task that was followed has ended while no event told it: a coordinator was away. */
  | { readonly kind: "ended"; readonly status: string; readonly time: string | null }
  /** Nothing more will come: nobody serves the workspace. */
  | { readonly kind: "nobody"; readonly reason: string };

export interface FollowLogDeps {
  /** How to ask the coordinator that serves now. */
  readonly address: () => CoordinatorAddress | undefined;
  /** Some coordinator serves, though it may have no interface (`--port off`): then the files are all there is to ask. */
  readonly isServed: () => boolean;
  readonly log: (address: CoordinatorAddress | undefined, part: string, options: LogOptions) => Promise<LogView>;
  readonly events: (
    address: CoordinatorAddress,
    filter: EventFilter & { readonly after: number | undefined },
    signal: AbortSignal,
  ) => AsyncIterable<"begun" | LiveEvent>;
  /** Between two looks, or two tries to reach a coordinator. */
  readonly pauseMs?: number;
}

const PAUSE_MS = 500;
/** A coordinator that was there may be started again: so long that is waited for. */
const GRACE_MS = 10_000;
/** Of a log that is followed so much is looked through. */
const ENTRIES_MAX = 10_000;

/**
 * Yields what was said and done until now, and then what happens: from the coordinator, over its restarts; from the files of the run while
 * there is none. A task is followed to its end, a session until `signal` is aborted.
 *
 * @throws CoordinatorError as `Queries.log`
 */
export async function* followLog(
  deps: FollowLogDeps,
  part: string,
  { last = Number.POSITIVE_INFINITY }: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogPiece> {
  const begun = await deps.log(deps.address(), part, { last: 0 });
  const { task, session } = begun;
  const named = task ?? session;
  const filter = task === null ? { session } : { task, session };
  const shown = new Set<string>();
  let after: number | undefined;
  let isFirst = true;
  let shownOfVerify = "";
  let servedAtMs = Number.NEGATIVE_INFINITY;

  /** Yields what of the log was not shown. Returns the log. */
  const readLog = async function* (address: CoordinatorAddress | undefined): AsyncGenerator<LogPiece, LogView> {
    const view = await deps.log(address, named, { last: ENTRIES_MAX });
    const hidden = isFirst ? Math.max(0, view.entries.length - last) : 0;
    if (hidden + view.leftOut > 0 && isFirst) yield { kind: "left-out", count: hidden + view.leftOut };
    isFirst = false;
    for (const [index, entry] of view.entries.entries()) {
      const key = keyOf(entry.task, entry.run, entry.line, entry.body.kind);
      const goesOn = isUnfinishedVerify(entry) ? `${key} ${entry.body.outputBytes}` : undefined;
      if (shown.has(key) || (goesOn !== undefined && goesOn === shownOfVerify)) continue;
      if (goesOn === undefined) shown.add(key);
      else shownOfVerify = goesOn;
      if (index >= hidden) yield { kind: "entry", entry };
    }
    return view;
  };

  /** Yields what of the log was not shown, and that the task has ended. Returns the log; `undefined` where nothing more comes. */
  const readOn = async function* (
    address: CoordinatorAddress | undefined,
  ): AsyncGenerator<LogPiece, LogView | undefined> {
    const view = yield* readLog(address);
    if (!hasEnded(view)) return view;
    if (!hasEnded(begun)) yield { kind: "ended", status: view.status ?? "", time: view.entries.at(-1)?.time ?? null };
    return undefined;
  };

  /** Yields what of an event was not shown. Returns whether the task has ended. */
  const takeEvent = async function* (event: LiveEvent, address: CoordinatorAddress): AsyncGenerator<LogPiece, boolean> {
    if (event.kind === "reload" || event.kind === "serving") return (yield* readOn(address)) === undefined;
    const key = eventKey(event);
    if (key !== undefined && shown.has(key)) return false;
    if (key !== undefined) shown.add(key);
    const isState = event.kind === "state";
    const isEnd =
      task !== null && (event.kind === "committed" || event.kind === "gone" || (isState && isFinal(event.status)));
    const begins = isState && event.status === "running";
    if (isEnd || (isState && !begins)) yield* readLog(address); // How a run has ended stands before what the task is then,
    if (event.kind !== "committed" && event.kind !== "gone") yield { kind: "event", event };
    if (begins) yield* readLog(address); // and what the next one is told behind it.
    return isEnd;
  };

  while (!signal.aborted) {
    const address = deps.address();
    if (address === undefined) {
      const view = yield* readOn(undefined);
      if (view === undefined) return;
      if (deps.isServed()) servedAtMs = performance.now();
      const isAwaited = performance.now() - servedAtMs < GRACE_MS;
      const reason = task === null || isAwaited ? undefined : whyNothingComes(view);
      if (reason !== undefined) {
        yield { kind: "nobody", reason };
        return;
      }
    } else {
      servedAtMs = performance.now();
      try {
        for await (const event of deps.events(address, { ...filter, after }, signal)) {
          if (event === "begun") {
            if ((yield* readOn(address)) === undefined) return;
            continue;
          }
          after = event.seq;
          if (yield* takeEvent(event, address)) return;
        }
      } catch (error) {
        if (error instanceof CoordinatorError && error.code !== "TRY_AGAIN") throw error;
      }
    }
    await delay(deps.pauseMs ?? PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
}

function hasEnded({ task, status }: LogView): boolean {
  const known = TASK_STATUSES.find((one) => one === status);
  return task !== null && known !== undefined && isFinal(known);
}

function whyNothingComes({ task, status, run }: LogView): string | undefined {
  if (run === null) return `${task} is ${status}, and nobody serves this workspace; start with: codex-inbox serve`;
  return run.isOver
    ? `the run of ${task} is over, and nobody serves this workspace to take it in; start with: codex-inbox serve`
    : undefined;
}

/** It comes again: with what was printed since, and with its end. */
function isUnfinishedVerify(entry: LogEntry): entry is LogEntry & { readonly body: { readonly outputBytes: number } } {
  return entry.body.kind === "verify" && entry.body.outcome === "running";
}

/** An entry of the log and the event that tells the same have one key. */
function keyOf(task: string, run: number, line: number, kind: string): string {
  return `${task} ${run} ${line}${kind === "context" ? " context" : ""}`;
}

function eventKey(event: LiveEvent): string | undefined {
  if (event.kind === "item") return keyOf(event.task, event.run, event.line, event.body.kind);
  return event.kind === "output" && event.outcome !== "running" ? keyOf(event.task, event.run, 0, "verify") : undefined;
}
