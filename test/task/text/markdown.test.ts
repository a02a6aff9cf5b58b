import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fenced, inlineCode, parseInlineCode, withoutTerminalCodes } from "../../../src/task/text/markdown.ts";

describe("a fenced block", () => {
  it("nothing in a text can close the fence around it", () => {
    const text = fc.string({ unit: fc.constantFrom("`", "~", "\n", "a", " ") });
    fc.assert(
      fc.property(text, (inner) => {
        const lines = fenced(inner, "text").split("\n");
        const fence = /^`+/.exec(lines[0] ?? "")?.[0] ?? "";
        const closing = lines.findIndex((line, index) => index > 0 && new RegExp(`^ {0,3}${fence}\`*\\s*$`).test(line));
        expect(closing).toBe(lines.length - 1);
      }),
    );
  });

  it("keeps the text as it is, with a line of its own for the end", () => {
    expect(fenced("a\nb")).toBe("```\na\nb\n```");
    expect(fenced("a\n", "sh")).toBe("```sh\na\n```");
    expect(fenced("")).toBe("```\n```");
    expect(fenced("```\n")).toBe("````\n```\n````");
  });

  it("what only a terminal understands is left out", () => {
    expect(withoutTerminalCodes("\u001B[31mred\u001B[0m \u001B]0;title\u0007x\u001B[2K\rback\u0000\n")).toBe(
      "red x\nback\n",
    );
  });
});

describe("a code span", () => {
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

  it("is looked for in linear time", () => {
    const begun = performance.now();
    expect(parseInlineCode(`${"`".repeat(1_000_000)}a`)).toBeUndefined();
    expect(parseInlineCode("`".repeat(1_000_000))).toBeUndefined();
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
