import { CoordinatorError } from "../../../base/errors.ts";
import { readOutage } from "../../../dispatch/circuit-breaker.ts";
import { openPauseStore } from "../../../dispatch/pauses.ts";
import { openStopRequests } from "../../../dispatch/stop-requests.ts";
import type { StatePaths } from "../../../store/state-paths.ts";
import { sessionKeyProblem } from "../../../task/names/session-key.ts";
import { breakerHold } from "../../../task/schedule/breaker.ts";
import { describePause, type Pause, type Pauses } from "../../../task/schedule/pause.ts";

export interface PauseRequest {
  /** That session alone; `undefined`: the whole queue. */
  readonly session: string | undefined;
  /** Shown wherever a task is held by it. */
  readonly reason: string | undefined;
}

/** What is paused after a request, and whether that changed anything. */
export interface PauseAnswer {
  readonly changed: boolean;
  readonly pauses: Pauses;
  /** What holds all tasks although nothing is paused: a usage limit, a login; and until when (UTC), where that is known. */
  readonly held?: { readonly reason: string; readonly until: string | undefined } | undefined;
}

/**
 * Starts no more tasks, or none of one session; durable when it returns. What is paused already keeps its time, and its reason unless
 * another is given. A coordinator at work goes by it at its next tick.
 *
 * @throws CoordinatorError `USAGE` where `session` is no session's name
 */
export function pauseQueue(paths: StatePaths, { session, reason }: PauseRequest, nowMs: number): PauseAnswer {
  requireSessionName(session);
  const store = openPauseStore(paths.paused);
  const before = pauseOf(store.read(), session);
  const pause = store.pause(session, reason, nowMs);
  const changed = before === undefined || describePause(before) !== describePause(pause);
  return { changed, pauses: store.read() };
}

/**
 * Ends the pause of the whole queue, or that of one session; durable when it returns. `tryNow`: what holds all tasks is tried at once
 * too, by the coordinator at work or the next one.
 *
 * @throws CoordinatorError `USAGE`
 */
export function resumeQueue(
  paths: StatePaths,
  session: string | undefined,
  nowMs: number,
  tryNow = false,
): PauseAnswer {
  requireSessionName(session);
  const store = openPauseStore(paths.paused);
  const before = store.read();
  store.resume(session);
  const pauses = store.read();
  const changed = session === undefined ? before.queue !== undefined : before.sessions.length > pauses.sessions.length;
  const outage = breakerHold(readOutage(paths.codexHold), nowMs);
  if (tryNow) openStopRequests(paths.stopRequests).requestTryNow();
  if (outage === undefined) return { changed, pauses };
  const until = outage.untilMs === undefined ? undefined : new Date(outage.untilMs).toISOString();
  return { changed, pauses, held: { reason: outage.problem, until } };
}

/** Returns the pause of the whole queue, or the one that names `session`. */
export function pauseOf(pauses: Pauses, session: string | undefined): Pause | undefined {
  return session === undefined ? pauses.queue : pauses.sessions.find((pause) => pause.session === session);
}

function requireSessionName(session: string | undefined): void {
  const problem = session === undefined ? undefined : sessionKeyProblem(session);
  if (problem !== undefined) throw new CoordinatorError("USAGE", `--session: a session's name ${problem}`);
}
