import type { Claim } from "../../task/claims/claim.ts";
import type { LedgerRow } from "../../task/ledger/ledger.ts";

/** A claim as a remote holds it. */
export interface SeenClaim {
  /** Id of its blob: what the next swap of it expects. */
  readonly blob: string;
  readonly claim: Claim;
}

/** What a remote holds, all as of one moment. */
export interface RemoteSeen {
  /** By task. */
  readonly claims: ReadonlyMap<string, SeenClaim>;
  /** Returns the winning row of a task in the branch of the remote. */
  row(task: string): Promise<Pick<LedgerRow, "run" | "status"> | undefined>;
}

export interface ClaimSwap {
  readonly task: string;
  /** The blob that is to be there; `undefined`: none. */
  readonly expected: string | undefined;
  /** What is to be there then; `undefined`: nothing. */
  readonly claim: Claim | undefined;
}

/**
 * The claims of the remote that the clones of a workspace share. What asks the network rejects with a CoordinatorError where the remote
 * cannot be used, and with an AbortError where `signal` aborts.
 */
export interface ClaimsRemote {
  /** Returns what was seen last; asks nobody. */
  seen(): Promise<RemoteSeen>;
  /** Asks the remote. */
  look(signal: AbortSignal): Promise<RemoteSeen>;
  /** Makes, moves and removes claims, each by compare-and-swap, all by one push; returns the tasks whose claims are now as was asked. */
  swap(swaps: readonly ClaimSwap[], signal: AbortSignal): Promise<ReadonlySet<string>>;
}
