import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TERM_LENGTH_MAX, TERMS_MAX, termsOf, tidyTerm } from "../../../src/task/notes/memory-terms.ts";
import { anyText } from "../../support/any-text.ts";

describe("termsOf", () => {
  it.each<{ name: string; prompt: string; extra?: readonly string[]; terms: readonly string[] }>([
    {
      name: "takes words in their order, without stop words and short ones",
      prompt: "Please fix the login redirect: it goes to /a/b and not to src/login.ts.",
      terms: ["fix", "login", "redirect", "src"],
    },
    { name: "takes a word once, whatever its case", prompt: "Login LOGIN login", terms: ["Login"] },
    { name: "keeps identifiers whole", prompt: "`max_workers` and maxWorkers", terms: ["max_workers", "maxWorkers"] },
    { name: "takes underscores for marks at the ends of a word", prompt: "__init__ _x_ ___", terms: ["init"] },
    { name: "takes numbers of three digits and more", prompt: "Issue 4711, 42 of them", terms: ["Issue", "4711"] },
    { name: "reads other scripts", prompt: "Привет größe ÉTÉ", terms: ["Привет", "größe", "ÉTÉ"] },
    { name: "composes letters", prompt: "cafe\u0301s", terms: ["cafés"] },
    { name: "divides a script without blanks", prompt: "ログインの修正", terms: ["ログイン", "修正"] },
    { name: "counts characters, not halves of them", prompt: "𝒜𝒷 𝒜𝒷𝒸", terms: ["𝒜𝒷𝒸"] },
    {
      name: "takes extra terms first and as they are",
      prompt: "the login",
      extra: ["C#", "the", "query  string ", "LOGIN"],
      terms: ["C#", "the", "query string", "LOGIN"],
    },
    { name: "finds nothing in nothing", prompt: "", extra: ["", " "], terms: [] },
  ])("$name", ({ prompt, extra = [], terms }) => expect(termsOf(prompt, extra)).toEqual(terms));

  it("leaves out words that are too long to be words", () => {
    const longest = "x".repeat(TERM_LENGTH_MAX);
    expect(termsOf(`${longest} ${longest}y`, [`${longest}z`])).toEqual([longest]);
  });

  it("is bounded, whatever it is given", () => {
    const many = Array.from({ length: 5_000 }, (_, n) => `word${n}`);
    expect(termsOf(many.join(" "), [])).toEqual(many.slice(0, TERMS_MAX));
    expect(termsOf("login", many)).toEqual(many.slice(0, TERMS_MAX));
    expect(termsOf(`${" ".repeat(1_000_000)}login`, [])).toEqual([]);
    fc.assert(
      fc.property(anyText(500), fc.array(anyText()), (prompt, extra) => {
        const terms = termsOf(prompt, extra);
        expect(terms.length).toBeLessThanOrEqual(TERMS_MAX);
        expect(new Set(terms.map((term) => term.toLowerCase())).size).toBe(terms.length);
        for (const term of terms) {
          expect(tidyTerm(term)).toBe(term);
          expect(term.length).toBeGreaterThan(0);
          expect(term.length).toBeLessThanOrEqual(TERM_LENGTH_MAX);
          expect(term).not.toMatch(/\p{Cc}/u);
        }
      }),
    );
  });
});
