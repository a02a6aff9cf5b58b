import fc from "fast-check";
import { expect, it } from "vitest";
import { plainView } from "../../src/redact/plain-view.ts";

const WRAPPED = `${"QUJD".repeat(19)}\n${"REVG".repeat(19)}`;
/** Each with what it reads as. */
const PARTS: readonly (readonly [text: string, view: string])[] = [
  ["plain words ", "plain words "],
  ["\n", "\n"],
  ["é 日本 🎉", "é 日本 🎉"],
  ["\\n", "\n"],
  ["\\\\\\u0041", "A"],
  ["&amp;", "&"],
  ["&", "&"],
  ["&#x41;", "A"],
  ["%41", "A"],
  ["% ", "% "],
  ["\u001b[31m", ""],
  ["\0", ""],
  ["\u200b", ""],
  ["\u00ad", ""],
  ["\u{e0101}", ""],
  [` ${WRAPPED} `, ` ${WRAPPED.replace("\n", "")} `],
];

it("a text reads without what hides a part of it, whatever stands beside it, and each place is found again", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PARTS), { maxLength: 12 }), (parts) => {
      // A blank between them, so that none goes on in the next.
      const text = parts.map(([one]) => one).join(" ");
      const expected = parts.map(([, one]) => one).join(" ");
      const view = plainView(text);
      expect(view?.text ?? text).toBe(expected);
      if (text === expected) expect(view).toBeUndefined();
      const word = expected.indexOf("plain words");
      if (view !== undefined && word !== -1)
        expect(text.slice(view.start(word), view.end(word + 11))).toBe("plain words");
    }),
  );
});
