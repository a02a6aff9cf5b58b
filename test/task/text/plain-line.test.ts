import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainLine, shortenAround } from "../../../src/task/text/plain-line.ts";
import { anyText } from "../../support/any-text.ts";

describe("plainLine", () => {
  it.each([
    { name: "puts everything on one line", text: " a\tb \r\n c\u2028d\u0085e\vf ", plain: "a b c d e f" },
    { name: "takes control characters out", text: "a\x00b\x1b[31mc\x7fd\u0090e", plain: "ab[31mcde" },
    {
      name: "takes out what cannot be seen",
      text: "a\u202eb\u200bc\u{e0041}d\u{e0101}e\ufefff\u00adg",
      plain: "abcde fg",
    },
    {
      name: "leaves joiners and pictures",
      text: "می\u200cخواهم 👩\u200d💻 ❤\ufe0f",
      plain: "می\u200cخواهم 👩\u200d💻 ❤\ufe0f",
    },
    { name: "replaces half characters", text: "a\ud800b", plain: "a\ufffdb" },
  ])("$name", ({ text, plain }) => expect(plainLine(text)).toBe(plain));

  it("changes nothing the second time", () => {
    fc.assert(fc.property(anyText(), (text) => plainLine(plainLine(text)) === plainLine(text)));
  });
});

describe("shortenAround", () => {
  const text = `${"a".repeat(50)} match ${"z".repeat(50)}`;

  it.each([
    { name: "leaves a short text alone", text: "short", index: 3, max: 5, short: "short" },
    { name: "cuts the end where the match is at the front", text, index: 0, max: 10, short: "aaaaaaaaa…" },
    { name: "cuts both ends around a match", text, index: 51, max: 20, short: "…aaaa match zzzzzzz…" },
    { name: "cuts the front where the match is at the end", text, index: 105, max: 10, short: "…zzzzzzzzz" },
    { name: "splits no character", text: "😀".repeat(20), index: 20, max: 8, short: "…😀😀😀😀😀😀…" },
  ])("$name", ({ text, index, max, short }) => expect(shortenAround(text, index, max)).toBe(short));

  it("is never longer than it may be, and keeps the place in it", () => {
    fc.assert(
      fc.property(anyText(60), fc.nat(60), fc.integer({ min: 8, max: 30 }), (raw, index, max) => {
        const whole = plainLine(raw);
        const short = shortenAround(whole, index, max);
        expect([...short].length).toBeLessThanOrEqual(max);
        expect(short.isWellFormed()).toBe(true);
        if (whole.length <= max) expect(short).toBe(whole);
      }),
    );
  });
});
