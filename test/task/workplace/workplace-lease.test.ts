import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { worktreeSlug } from "../../../src/task/workplace/workplace-lease.ts";

describe("the name of a session's worktree", () => {
  it.each([
    ["docs", "9f31c2aa", "docs-9f31c2"],
    ["docs/api", "1a2b3caa", "docs-api-1a2b3c"],
    ["Über/Straße", "1a2b3caa", "ber-stra-e-1a2b3c"],
    ["日本", "1a2b3caa", "1a2b3c"],
    ["a".repeat(100), "1a2b3caa", `${"a".repeat(40)}-1a2b3c`],
  ])("of %s with %s is %s", (key, hash, slug) => expect(worktreeSlug(key, hash)).toBe(slug));

  it("is one plain word, whatever the key", () =>
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(worktreeSlug(key, "0123456789")).toMatch(/^([a-z0-9][a-z0-9-]*-)?012345$/);
      }),
    ));
});
