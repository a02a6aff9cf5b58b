import { expect, it } from "vitest";
import { inlineCode, parseInlineCode } from "../../../src/task/text/inline-code.ts";

it.each([
  ["src/a.ts", "`src/a.ts`"],
  ["a`b", "`` a`b ``"],
  ["`", "`` ` ``"],
  ["a``b`", "``` a``b` ```"],
])("writes %j as %s and reads it back", (text, markdown) => {
  expect(inlineCode(text)).toBe(markdown);
  expect(parseInlineCode(markdown)).toBe(text);
});

it("stays on one line", () => expect(inlineCode("a\nb\u0007")).toBe("`a b`"));

it("is not read from anything else", () => expect(parseInlineCode("src/a.ts")).toBeUndefined());
