/** One change of a source: `from` stands there exactly once. */
export interface SourceChange {
  /** Relative to the repository. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface ControlSpec {
  /** What a promise hangs on, in words. */
  readonly without: string;
  readonly changes: readonly SourceChange[];
  /** Said to the layer below the file calls. */
  readonly layer?: string;
}

const SWAP = "src/git/commit/swap.ts";
const REMOTE = "src/git/sync/remote.ts";
const REMOVAL = "src/run/workplace/worktrees/worktree-removal.ts";

/**
 * What can be switched off to see the torture run find it: with each of these a promise is broken. The sources are changed on their way
 * into the package that is tortured; the product has no such switch.
 */
export const CONTROLS = {
  "journal-fsync": { without: "the journal is synced", changes: [], layer: "journal-fsync" },
  "branch-swap": {
    without: "the branch moves by compare-and-swap",
    changes: [
      { file: SWAP, from: "if (parts.refs.tip() !== chain.base) return MISSED;", to: "" },
      { file: SWAP, from: "if (refs.tip() !== chain.base) return false;", to: "" },
    ],
  },
  "index-lock": {
    without: "the index is written under its lock",
    changes: [{ file: SWAP, from: 'takeAll(parts, ["index"])', to: "undefined as SwapResult | undefined" }],
  },
  "claim-by-ref": {
    without: "a claim is a ref of the remote that moves by compare-and-swap (--clones)",
    changes: [
      { file: REMOTE, from: "[...PUSH, ...leases, ACCESS_NAME,", to: "[...PUSH, ACCESS_NAME," },
      {
        file: REMOTE,
        from: "const refspecs = some.map(({ ref, to }) =>",
        to: 'const refspecs = some.map(({ ref, to, lease }) => (lease === undefined ? "" : "+") +',
      },
    ],
  },
  "run-claim": {
    without: "a run is claimed by link",
    changes: [{ file: "src/run/worker/claim.ts", from: "linkSync(temporary, claim);", to: "" }],
  },
  "removal-snapshot": {
    without: "what lies in a worktree is in a commit before it is removed",
    changes: [
      {
        file: REMOVAL,
        from: "(await obstacle(record, worktree)) ?? (await uncommitted(record, worktree))",
        to: "await obstacle(record, worktree)",
      },
      {
        file: REMOVAL,
        from: "pid === undefined ? await uncommitted(record, moved) :",
        to: "pid === undefined ? undefined :",
      },
      {
        file: REMOVAL,
        from: "await salvage(record, worktree, await strangers(record, worktree))",
        to: "undefined as Awaited<ReturnType<typeof salvage>>",
      },
    ],
  },
} as const satisfies Readonly<Record<string, ControlSpec>>;

export type Control = keyof typeof CONTROLS;
