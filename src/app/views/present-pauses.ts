import type { Pause, Pauses } from "../../task/schedule/pause.ts";

/** What is paused, as interfaces show it; times are UTC. */
export interface PausedView {
  /** `null` while the whole queue is not. */
  readonly queue: PauseView | null;
  readonly sessions: readonly (PauseView & { readonly session: string })[];
}

interface PauseView {
  readonly since: string;
  readonly reason: string | null;
  /** Who works in the session's worktree meanwhile. */
  readonly takenBy: string | null;
}

export function presentPauses({ queue, sessions }: Pauses): PausedView {
  return {
    queue: queue === undefined ? null : presentPause(queue),
    sessions: sessions.map((pause) => ({ session: pause.session ?? "", ...presentPause(pause) })),
  };
}

function presentPause({ sinceMs, reason, takenBy }: Pause): PauseView {
  return { since: new Date(sinceMs).toISOString(), reason: reason ?? null, takenBy: takenBy ?? null };
}
