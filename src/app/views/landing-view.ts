import type { LandAnswer } from "../actions/sessions/land-session.ts";

/** What became of a session's work that was to land, as interfaces show it. */
export interface LandingView {
  readonly session: string;
  /** Of the session, and the one that it goes to; without `refs/heads/`. */
  readonly branch: string;
  readonly target: string;
  /**
   * `landed`: the target holds it. `ready`: the merge is made, and `command` moves the checkout to it. `conflict`: both have changed the
   * same places. `nothing`: the target holds it already.
   */
  readonly state: LandAnswer["state"];
  /** The session's commit that was merged, and the merge. */
  readonly head: string | null;
  readonly commit: string | null;
  readonly conflicts: readonly string[];
  /** Why the checkout was not moved, and what moves it. */
  readonly why: string | null;
  readonly command: string | null;
  /** The task in which the session settles the conflict, where that was asked for. */
  readonly repairTask: string | null;
  /** The commit of what somebody has edited in the session's worktree since its last run, made first. */
  readonly edited: string | null;
  /** What of that worktree is in no commit, so that it was not landed, and why. */
  readonly left: string | null;
}

export function presentLanding(answer: LandAnswer): LandingView {
  const { session, branch, target, state } = answer;
  return {
    ...{ session, branch, target, state },
    head: "head" in answer ? answer.head : null,
    commit: "commit" in answer ? answer.commit : null,
    conflicts: answer.state === "conflict" ? answer.conflicts : [],
    why: answer.state === "ready" ? answer.why : null,
    command: answer.state === "ready" ? answer.command : null,
    repairTask: answer.repair ?? null,
    ...answer.edits,
  };
}
