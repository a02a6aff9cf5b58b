/** Where a run works, as its journal has it: enough to find the place again after a crash. Plain data. */
export type WorkplaceLease =
  /** The checkout that the user works in as well. */
  | { readonly kind: "shared" }
  /** A linked worktree of its session's own. */
  | {
      readonly kind: "worktree";
      readonly slug: string;
      /** Without `refs/heads/`: "codex-inbox/docs-9f31c2". */
      readonly branch: string;
      /** Absolute path of its top. */
      readonly dir: string;
      /** The commit that the session's branch began from. */
      readonly base: string;
      /** From 0, the smallest that no other worktree has: neighbours get ports and names apart by it. */
      readonly slot: number;
    };

/** What branches of sessions begin with. */
export const SESSION_BRANCH_PREFIX = "codex-inbox/";

const KEY_CHARACTERS_MAX = 40;
const HASH_CHARACTERS = 6;

/**
 * Returns the name that a session's worktree and branch have: "docs/api" gives "docs-api-1a2b3c". `docs` and `docs/api` could not both
 * be branches otherwise.
 *
 * @param hash of the key, in lower-case hexadecimal digits
 */
export function worktreeSlug(sessionKey: string, hash: string): string {
  const dashed = sessionKey.toLowerCase().replaceAll(/[^a-z0-9]/g, "-");
  const plain = wordsOf(wordsOf(dashed).slice(0, KEY_CHARACTERS_MAX));
  return [plain, hash.slice(0, HASH_CHARACTERS)].filter((part) => part !== "").join("-");
}

/** Leaves one dash between two words, and none around them. */
function wordsOf(dashed: string): string {
  return dashed
    .split("-")
    .filter((word) => word !== "")
    .join("-");
}
