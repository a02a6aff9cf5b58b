import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { visibleLine, visibleText } from "../../../src/task/text/visible-text.ts";
import { anyText } from "../../support/any-text.ts";

describe("text for a terminal", () => {
  it.each([
    { what: "a colour", text: "\u001b[31mred", shown: "\\u001b[31mred" },
    { what: "a window title", text: "\u001b]0;sudo\u0007", shown: "\\u001b]0;sudo\\u0007" },
    {
      what: "a sequence in its one-byte form",
      text: "\u009b2J\u009d8;;http://x\u009c",
      shown: "\\u009b2J\\u009d8;;http://x\\u009c",
    },
    { what: "a backspace that hides", text: "rm -rf\b\b\b\b\b\bls", shown: `rm -rf${"\\u0008".repeat(6)}ls` },
    { what: "a carriage return that writes over the line", text: "failed\rok    ", shown: "failed\\u000dok    " },
    { what: "delete and null", text: "a\u007f\0", shown: "a\\u007f\\u0000" },
    { what: "a turned direction", text: "a\u202egpj.exe", shown: "a\\u202egpj.exe" },
    {
      what: "an isolate and marks",
      text: "\u2066\u2069\u200e\u200f\u061c",
      shown: "\\u2066\\u2069\\u200e\\u200f\\u061c",
    },
    { what: "other line ends", text: "a\u2028b\u2029c\u0085", shown: "a\\u2028b\\u2029c\\u0085" },
    { what: "text without width", text: "a\u200bb\ufeff", shown: "a\\u200bb\\ufeff" },
    { what: "a tag", text: "\u{e0041}", shown: "\\udb40\\udc41" },
    { what: "half a character", text: "\ud83d!", shown: "\\ud83d!" },
  ])("shows what would act: $what", ({ text, shown }) => {
    expect(visibleText(text)).toBe(shown);
    expect(visibleLine(text)).toBe(shown);
  });

  it("leaves everything else, joined pictures and joined letters too", () => {
    const text = "Grüße 👩‍💻 نمی‌خواهم 漢字 \t\\u001b";
    expect(visibleText(text)).toBe(text);
    expect(visibleText("a\r\nb\nc")).toBe("a\nb\nc");
  });

  it("is one line where one is asked for", () => {
    expect(visibleLine("a\nb\r\nc")).toBe("a\\u000ab\\u000d\\u000ac");
  });

  it("never acts, and JSON keeps its value", () => {
    fc.assert(
      fc.property(anyText(40), (text) => {
        expect(visibleText(text)).not.toMatch(/(?![\n\t])[\p{Cc}\p{Cs}\p{Bidi_C}\u2028\u2029]/u);
        expect(visibleLine(text)).not.toContain("\n");
        const value = { [text]: [text] };
        expect(JSON.parse(visibleText(JSON.stringify(value, null, 2)))).toEqual(value);
      }),
    );
  });
});
