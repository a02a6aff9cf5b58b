import type { RightsByOrigin } from "../../src/task/rights/origin-rights.ts";
import type { Rights } from "../../src/task/rights/rights.ts";

/** The same rights whoever asks, for tests of something else. */
export function sameRights(rights: Rights): RightsByOrigin {
  return { widest: rights, of: () => rights, ofKind: () => rights, heldAuthor: () => undefined };
}
