import fc from "fast-check";
import { expect, it } from "vitest";
import {
  FILE_MODE,
  FOLDER_MODE,
  formatTree,
  spliceTree,
  type TreeEntry,
} from "../../../src/git/objects/tree-format.ts";

/** Names that begin with each other, and go on with what sorts before and after the "/" that a folder's name ends in for git. */
const name = fc.constantFrom("a", "a-", "a.", "a0", "a.b", "aa", "b", "\u00e9", "");
const entry = fc.record({
  mode: fc.constantFrom(FILE_MODE, FOLDER_MODE, "100755"),
  id: fc.stringMatching(/^[0-9a-f]{40}$/),
});

it("puts entries into a tree's bytes where git wants them, and takes them out", () => {
  const tree = fc.array(fc.tuple(name, entry));
  const changes = fc.array(fc.tuple(name, fc.option(entry, { nil: undefined })));
  fc.assert(
    fc.property(tree, changes, (before, changed) => {
      const after = new Map<string, TreeEntry>(before);
      for (const [at, next] of new Map(changed))
        if (next === undefined) after.delete(at);
        else after.set(at, next);
      expect(spliceTree(formatTree(new Map(before)), new Map(changed), "sha1")).toEqual(formatTree(after));
    }),
  );
});
