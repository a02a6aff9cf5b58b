import { CoordinatorError } from "../../base/errors.ts";
import type { ClaimsRemote, RemoteSeen, SeenClaim } from "../../dispatch/claims/claims-remote.ts";
import { createBranchReader } from "../../git/commit/branch-reader.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import type { Remote } from "../../git/sync/remote.ts";
import { refsBelow } from "../../git/worktrees/session-branch.ts";
import { createBranchLedger } from "../../store/branch/branch-ledger.ts";
import { claimRef, parseClaim, renderClaim, taskOfClaimRef } from "../../task/claims/claim.ts";

/** Larger is no claim of ours. */
const CLAIM_BYTES_MAX = 4_096;
/** Texts of claims that are remembered by their ids; each clone has two for each of its workers. */
const TEXTS_MAX = 5_000;

/** The claims of a remote, and what its branch says of tasks: as the last fetch, or an accepted push, has left it here. */
interface ClaimsOfRemote extends ClaimsRemote {
  /** Ends its git. */
  close(): void;
}

/** @param branch without `refs/heads/` */
function createClaimsOfRemote(place: WorkspacePlace, remote: Remote, branch: string): ClaimsOfRemote {
  const root = `refs/codex-inbox/remotes/${remote.name}/`;
  const reader = createBranchReader(place, `${root}heads/${branch}`);
  const ledger = createBranchLedger(reader);
  const texts = new Map<string, string>();

  const textsOf = async (ids: readonly string[]): Promise<void> => {
    const missing = ids.filter((id) => !texts.has(id));
    const read = await remote.readTexts(missing, CLAIM_BYTES_MAX);
    if (texts.size + missing.length > TEXTS_MAX) texts.clear();
    for (const id of missing) texts.set(id, read.get(id) ?? "");
  };

  /** @param refs object by name below `CLAIMS` */
  const asSeen = async (refs: ReadonlyMap<string, string>): Promise<RemoteSeen> => {
    await textsOf([...refs.values()]);
    const claims = new Map<string, SeenClaim>();
    for (const [name, blob] of refs) {
      const task = taskOfClaimRef(claimRef(name));
      if (task !== undefined) claims.set(task, { blob, claim: parseClaim(task, texts.get(blob) ?? "") });
    }
    return { claims, row: (task) => ledger.find(task) };
  };

  return {
    async seen() {
      const below = `${root}claims/`;
      const refs = await refsBelow(place, below);
      return asSeen(new Map(Array.from(refs, ([ref, id]) => [ref.slice(below.length), id])));
    },
    look: async (signal) => asSeen((await remote.fetch(signal)).claims),
    async swap(swaps, signal) {
      const updates = [];
      for (const { task, expected, claim } of swaps) {
        const to = claim === undefined ? undefined : await remote.writeText(renderClaim(claim));
        updates.push({ ref: claimRef(task), to, lease: { from: expected } });
      }
      const outcomes = await remote.push(updates, signal);
      const refused = [...outcomes.values()].find((outcome) => outcome.kind === "refused");
      const moved = swaps.filter(({ task }) => outcomes.get(claimRef(task))?.kind === "accepted");
      if (moved.length === 0 && refused !== undefined)
        throw new CoordinatorError("TRY_AGAIN", `the remote ${remote.name} takes no claims: ${refused.reason}`);
      return new Set(moved.map(({ task }) => task));
    },
    close: () => reader.close(),
  };
}

/** Returns what opens the claims of a remote, those of the last one being kept. @param branch of the remote that the settings name now */
export function claimsOpener(
  place: WorkspacePlace,
  branch: () => string,
): (synced: Remote | undefined) => ClaimsOfRemote | undefined {
  let last: { readonly remote: Remote; readonly claims: ClaimsOfRemote } | undefined;
  return (remote) => {
    if (remote === undefined) return undefined;
    if (last?.remote !== remote) {
      last?.claims.close();
      last = { remote, claims: createClaimsOfRemote(place, remote, branch()) };
    }
    return last.claims;
  };
}
