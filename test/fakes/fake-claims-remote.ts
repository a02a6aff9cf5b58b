import { createHash } from "node:crypto";
import { CoordinatorError } from "../../src/base/errors.ts";
import type { ClaimSwap, ClaimsRemote, RemoteSeen, SeenClaim } from "../../src/dispatch/claims/claims-remote.ts";
import { type Claim, renderClaim } from "../../src/task/claims/claim.ts";
import type { LedgerRow } from "../../src/task/ledger/ledger.ts";

/** What one clone sees of a remote that lives in memory. */
export interface FakeClaimsRemote extends ClaimsRemote {
  /** Another part of the clone looks, as the sync does from time to time. */
  fetch(): void;
  onSeen(listener: () => void): void;
  /** What was asked for, push by push. */
  readonly pushes: (readonly ClaimSwap[])[];
  /** Called when a push was taken and before the clone hears of it. */
  afterPush: () => void;
}

/** A remote of several clones. */
export interface FakeClaims {
  readonly claims: Map<string, SeenClaim>;
  /** The ledger of its branch. */
  readonly rows: Map<string, Pick<LedgerRow, "run" | "status">>;
  /** Why it cannot be reached. */
  problem: string | undefined;
  set(claim: Claim): void;
  connect(): FakeClaimsRemote;
}

export function createFakeClaims(): FakeClaims {
  const claims = new Map<string, SeenClaim>();
  const rows: FakeClaims["rows"] = new Map();
  const remote: FakeClaims = {
    claims,
    rows,
    problem: undefined,
    set: (claim) => void claims.set(claim.task, seenClaim(claim)),
    connect() {
      let last: RemoteSeen = { claims: new Map(), row: async () => undefined };
      const listeners: (() => void)[] = [];
      const look = (): RemoteSeen => {
        if (remote.problem !== undefined) throw new CoordinatorError("TRY_AGAIN", remote.problem);
        const rowsNow = new Map(rows);
        last = { claims: new Map(claims), row: async (task) => rowsNow.get(task) };
        return last;
      };
      const mine: FakeClaimsRemote = {
        pushes: [],
        afterPush: () => undefined,
        seen: async () => last,
        look: async () => look(),
        fetch() {
          look();
          for (const listener of listeners) listener();
        },
        onSeen: (listener) => void listeners.push(listener),
        async swap(swaps) {
          if (remote.problem !== undefined) throw new CoordinatorError("TRY_AGAIN", remote.problem);
          mine.pushes.push(swaps);
          const moved = swaps.filter(({ task, expected, claim }) => {
            if (claims.get(task)?.blob !== expected) return false;
            if (claim === undefined) claims.delete(task);
            else claims.set(task, seenClaim(claim));
            return true;
          });
          mine.afterPush();
          return new Set(moved.map(({ task }) => task));
        },
      };
      return mine;
    },
  };
  return remote;
}

function seenClaim(claim: Claim): SeenClaim {
  return { claim, blob: createHash("sha1").update(renderClaim(claim)).digest("hex") };
}
