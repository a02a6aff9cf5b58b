import type { Claim } from "./claim.ts";

/** A claim of this clone, as the journal of its task has it. */
export interface HeldClaim {
  readonly generation: number;
  /** Unix ms. */
  readonly atMs: number;
}

/** Why a task may not start in this clone, as far as other clones go. */
export type ClaimNeed =
  /** It has to be claimed here first. */
  | { readonly kind: "wanted" }
  /** Another clone has it. */
  | { readonly kind: "theirs"; readonly name: string; readonly sinceMs: number }
  /** Another clone has ended it, and its result is still to come. */
  | { readonly kind: "ended" }
  /** It says that it runs in another clone. */
  | { readonly kind: "elsewhere"; readonly runsOn: string };

/** How an open task stands between this clone and the others. */
export type Standing =
  /** No clone has it. */
  | { readonly kind: "free" }
  /** The journal and the remote agree: this clone runs it. */
  | { readonly kind: "ours" }
  /** The remote says that this clone has it and the journal does not know yet: a crash came between the two. */
  | { readonly kind: "unnoted"; readonly claim: Claim }
  /** The journal says so and the remote has lost it, or an earlier one is back there: it has to be put there again. */
  | { readonly kind: "lost"; readonly held: HeldClaim }
  /** Another clone has it, and this one never had. */
  | { readonly kind: "theirs"; readonly claim: Claim }
  /** Another clone has taken it over from this one. */
  | { readonly kind: "superseded"; readonly claim: Claim };

/**
 * Returns how a task stands.
 *
 * @param clone id of this clone
 * @param held what the task's journal says
 * @param seen what the remote was last seen to say
 */
export function standingOf(clone: string, held: HeldClaim | undefined, seen: Claim | undefined): Standing {
  if (seen === undefined) return held === undefined ? { kind: "free" } : { kind: "lost", held };
  if (held !== undefined && held.generation > seen.generation) return { kind: "lost", held };
  if (seen.clone !== clone) return { kind: held === undefined ? "theirs" : "superseded", claim: seen };
  return held?.generation === seen.generation ? { kind: "ours" } : { kind: "unnoted", claim: seen };
}

/** Returns the claim to ask for after what was seen: the first, or the next generation where another clone's is taken over. */
export function nextGeneration(seen: Claim | undefined): number {
  return (seen?.generation ?? 0) + 1;
}

/** What is known of a task whose claim this clone has on the remote although no task of that id is open here. */
export interface EndedTask {
  /** The branch of this clone has its result. */
  readonly isEndedHere: boolean;
  /** The branch of the remote has it, as last seen. */
  readonly isEndedThere: boolean;
}

/**
 * Tells whether a claim of ours can go from the remote: its result is there, or there will be none, because the drop was replaced
 * before anything ran. One whose result only this clone has yet stays, or another clone would run it once more.
 */
export function mayRelease({ isEndedHere, isEndedThere }: EndedTask): boolean {
  return isEndedThere || !isEndedHere;
}
