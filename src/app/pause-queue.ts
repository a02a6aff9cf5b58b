import { CoordinatorError } from "../base/errors.ts";
import { openPauseStore } from "../dispatch/pauses.ts";
import type { StatePaths } from "../store/state-paths.ts";
import { sessionKeyProblem } from "../task/names/session-key.ts";
import { describePause, type Pause, type Pauses } from "../task/schedule/pause.ts";

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

/** Ends the pause of the whole queue, or that of one session; durable when it returns. @throws CoordinatorError `USAGE` */
export function resumeQueue(paths: StatePaths, session: string | undefined): PauseAnswer {
  requireSessionName(session);
  const store = openPauseStore(paths.paused);
  const before = store.read();
  store.resume(session);
  const pauses = store.read();
  const changed = session === undefined ? before.queue !== undefined : before.sessions.length > pauses.sessions.length;
  return { changed, pauses };
}

/** Returns the pause of the whole queue, or the one that names `session`. */
export function pauseOf(pauses: Pauses, session: string | undefined): Pause | undefined {
  return session === undefined ? pauses.queue : pauses.sessions.find((pause) => pause.session === session);
}

function requireSessionName(session: string | undefined): void {
  const problem = session === undefined ? undefined : sessionKeyProblem(session);
  if (problem !== undefined) throw new CoordinatorError("USAGE", `--session: a session's name ${problem}`);
}
