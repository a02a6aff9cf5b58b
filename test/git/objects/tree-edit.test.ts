import { join } from "node:path";
import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { createObjectReader } from "../../../src/git/objects/object-reader.ts";
import { createObjectStore } from "../../../src/git/objects/object-store.ts";
import { createOwnPacks } from "../../../src/git/objects/own-packs.ts";
import { createTreeEditor } from "../../../src/git/objects/tree-edit.ts";
import { FILE_MODE, type TreeEntry } from "../../../src/git/objects/tree-format.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { tempRepo } from "../../support/temp-repo.ts";

function editorOf(repo: GitRepo) {
  const commonDir = join(repo.dir, ".git");
  const place = { objectsDir: join(commonDir, "objects"), format: "sha1" } as const;
  const packs = createOwnPacks({ ...place, commonDir, owner: "me" });
  const store = createObjectStore({ ...place, objects: createObjectReader({ gitDir: commonDir }), packs });
  onTestFinished(() => store.close());
  const file = (text: string): TreeEntry => ({ mode: FILE_MODE, id: store.add("blob", Buffer.from(text)) });
  return { store, file, trees: createTreeEditor(store, "sha1") };
}

it("makes the same trees as git, whatever is added and removed", async () => {
  const repo = tempRepo({ empty: true });
  const { store, file, trees } = editorOf(repo);
  const name = fc.constantFrom("a", "a.b", "a-b", "a0", "b", "é");
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `${names.join("/")}/f`);
  const edits = fc.array(fc.record({ path, text: fc.option(fc.constantFrom("1\n", "2\n"), { nil: undefined }) }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(edits, async (list) => {
      let root: string | undefined;
      for (const { path: at, text } of list)
        root = await trees.rewrite(root, new Map([[at, text === undefined ? undefined : file(text)]]));
      await store.flush();
      const expected = new Map(list.map(({ path: at, text }) => [at, text]));
      repo.git("read-tree", "--empty");
      for (const [at, text] of expected)
        if (text !== undefined) repo.git("update-index", "--add", "--cacheinfo", `${FILE_MODE},${file(text).id},${at}`);
      expect(root).toBe(repo.git("write-tree"));
    }),
    { numRuns: 15 },
  );
});

it("lets a folder take the place of a file that the same change removes", async () => {
  const { file, trees } = editorOf(tempRepo({ empty: true }));
  const root = await trees.rewrite(
    undefined,
    new Map([
      ["a", file("a\n")],
      ["b", file("b\n")],
    ]),
  );
  const next = await trees.rewrite(
    root,
    new Map([
      ["a", undefined],
      ["a/c", file("c\n")],
    ]),
  );
  expect(await trees.find(next, "a/c")).toEqual(file("c\n"));
  expect(await trees.find(next, "b")).toEqual(file("b\n"));
});

it("refuses to write over a folder or below a file", async () => {
  const { file, trees } = editorOf(tempRepo({ empty: true }));
  const root = await trees.rewrite(undefined, new Map([["a/b", file("b\n")]]));
  await expect(trees.rewrite(root, new Map([["a", file("a\n")]]))).rejects.toThrow("a");
  await expect(trees.rewrite(root, new Map([["a/b/c", file("c\n")]]))).rejects.toThrow("a/b");
  expect(await trees.rewrite(root, new Map([["a/b/c", undefined]]))).toBe(root);
});
