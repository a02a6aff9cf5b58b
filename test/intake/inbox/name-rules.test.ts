import fc from "fast-check";
import { expect, it } from "vitest";
import {
  decodeName,
  hasControlCharacters,
  isDropName,
  isIgnoredName,
  keptName,
  placeInInbox,
  shownBytes,
  shownName,
  stemOf,
} from "../../../src/intake/inbox/name-rules.ts";
import { errorFilePath } from "../../../src/task/file/error-file.ts";

const ID = "20261120-141530-k3f9x2";

it.each([
  { name: "fix.md", drop: true, ignored: false },
  { name: "FIX.MD", drop: true, ignored: false },
  { name: "error.md", drop: true, ignored: false },
  { name: "x.errors.md", drop: true, ignored: false },
  { name: "readme.old.md", drop: true, ignored: false },
  { name: "fix.markdown", drop: false, ignored: false },
  { name: "fix.md.txt", drop: false, ignored: false },
  { name: "md", drop: false, ignored: false },
  { name: ".md", drop: false, ignored: true },
  { name: ".fix.md", drop: false, ignored: true },
  { name: "_fix.md", drop: false, ignored: true },
  { name: "ReadMe.md", drop: false, ignored: true },
  { name: "fix.error.md", drop: false, ignored: true },
  { name: "fix.Error.MD", drop: false, ignored: true },
])("$name: meant as a task $drop, ignored $ignored", ({ name, drop, ignored }) => {
  expect({ drop: isDropName(name), ignored: isIgnoredName(name) }).toEqual({ drop, ignored });
});

it("a name gives its error file, which is ignored, and its kept name, which is ignored too", () => {
  expect(isIgnoredName(errorFilePath("fix.md"))).toBe(true);
  expect(keptName("fix.md", ID)).toBe(`_fix.${ID}.md`);
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 300 }), (stem) => {
      const kept = keptName(`${stem}.md`, ID);
      expect(isIgnoredName(kept)).toBe(true);
      expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(255);
      expect(kept.endsWith(`.${ID}.md`)).toBe(true);
      expect(stemOf(`${stem}.md`)).toBe(stem);
    }),
  );
});

it("a path of the inbox is taken apart, and no other has a place in it", () => {
  expect(placeInInbox("inbox/fix.md")).toEqual({ folders: [], name: "fix.md" });
  expect(placeInInbox("inbox/a/b/fix.md")).toEqual({ folders: ["a", "b"], name: "fix.md" });
  for (const path of [
    "",
    "inbox",
    "inbox/",
    "/inbox/x.md",
    "inbox/../x.md",
    "inbox/./x.md",
    "inbox//x.md",
    "in/x.md",
  ]) {
    expect(placeInInbox(path), path).toBeUndefined();
  }
  expect(placeInInbox("inbox/a\0b.md")).toBeUndefined();
});

it("names are shown on one line, and bytes that are no text as numbers", () => {
  expect(decodeName(Buffer.from("grün.md"))).toBe("grün.md");
  expect(decodeName(Buffer.from([0x63, 0xe9]))).toBeUndefined();
  expect(decodeName(Buffer.from([0xed, 0xa0, 0x80]))).toBeUndefined(); // Half a surrogate pair.
  expect(shownBytes(Buffer.from([0x63, 0xe9, 0x0a]))).toBe("c\\xe9\\x0a");
  expect(shownName("a\nb\u0085ü\u007f")).toBe("a\\x0ab\\x85ü\\x7f");
  expect(hasControlCharacters("a b ü ☂")).toBe(false);
  expect(hasControlCharacters("a\u001bb")).toBe(true);
});
