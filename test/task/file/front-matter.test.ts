import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { parseDropText } from "../../../src/task/file/task-file.ts";

function problemsOf(text: string): readonly string[] {
  const parsed = parseDropText(text, undefined);
  if (parsed.ok) return [];
  return parsed.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

function drop(block: string): string {
  return `---\n${block}\n---\nDo it.\n`;
}

describe("front matter in another language", () => {
  afterEach(() => {
    Reflect.deleteProperty(globalThis, "evaluated");
  });

  it.each(["js", "javascript", "coffee", "cson", "json", "toml", "constructor"])("is refused: %s", (language) => {
    for (const opening of [`---${language}`, `--- ${language} `, `---${language}\r`, `\uFEFF---${language}`]) {
      const text = `${opening}\n{ title: (globalThis.evaluated = true) }\n---\nDo it.\n`;
      expect(problemsOf(text)).toEqual([expect.stringContaining("only YAML is read")]);
      expect(problemsOf(text)).toHaveLength(1);
    }
    expect(Reflect.has(globalThis, "evaluated")).toBe(false);
  });
});

describe("broken front matter", () => {
  it("is as broken the second time", () => {
    const text = drop("title: [unclosed");
    const first = problemsOf(text);
    expect(first).toHaveLength(1);
    expect(problemsOf(text)).toEqual(first);
  });

  it.each<{ name: string; block: string; says: string }>([
    {
      name: "a colon in a value",
      block: "a: 1\ntitle: Login: fix",
      says: '3:8 a value with ": " in it is not in quotes, or a line is indented',
    },
    { name: "a key twice", block: "a: 1\na: 2", says: '3:1 the key "a" is there twice' },
    { name: "a tab", block: "a:\n\tb: 1", says: "3:1 a tab is used as indentation" },
    {
      name: "a reserved character",
      block: "a: @x",
      says: "2:4 a value begins with a character that has a meaning in YAML",
    },
    { name: "an unclosed quote", block: 'a: "x', says: '2:6 not valid YAML: Missing closing "quote' },
    {
      name: "a line without a colon",
      block: "a: 1\nfoo",
      says: "3:1 not valid YAML: Implicit map keys need to be followed by map values",
    },
    { name: "a document end", block: "a: 1\n...\nb: 2", says: '4:1 a line "..." ends the YAML early' },
    {
      name: "a directive",
      block: "%YAML 1.1\na: yes",
      says: "3:1 not valid YAML: Missing directives-end/doc-start indicator line",
    },
    { name: "a list", block: "- a", says: "2:1 the front matter is not a mapping" },
    { name: "text", block: "just text", says: "2:1 the front matter is not a mapping" },
    { name: "a colon without a space", block: "title:x", says: "2:1 the front matter is not a mapping" },
    {
      name: "a function tag",
      block: "a: !!js/function 'x'",
      says: '2:18 the tag "tag:yaml.org,2002:js/function" is not read',
    },
    { name: "a tag of YAML's own", block: "a: !!str 1", says: '2:10 the tag "tag:yaml.org,2002:str" is not read' },
    { name: "an own tag", block: "a: [!x {b: 1}]", says: '2:8 the tag "!x" is not read' },
    { name: "a tag on everything", block: "!!map\na: 1", says: '3:1 the tag "tag:yaml.org,2002:map" is not read' },
    { name: "an anchor", block: "a: &x 1", says: "2:7 the anchor &x is not read" },
    { name: "an alias", block: "a: *x", says: "2:4 the alias *x is not read" },
    { name: "a merge key", block: "<<: { a: 1 }", says: '2:1 the merge key "<<" is not read' },
    { name: "a list as key", block: "? [a]\n: b", says: "2:3 this key is not a word" },
    { name: "an empty key", block: ": b", says: "2:1 this key is not a word" },
  ])("is told with its place: $name", ({ block, says }) => expect(problemsOf(drop(block))[0]).toBe(says));

  it("counts lines and columns alike with CRLF", () => {
    expect(problemsOf("---\r\na: 1\r\nb: @x\r\n---\r\nDo it.\r\n")[0]).toMatch(/^3:4 /);
  });

  it("with line ends of its own is not mistaken for a prompt", () => {
    expect(problemsOf("---\rtitle: x\r---\rDo it.\r")).toEqual([
      "1:1 the lines of this file end with a carriage return alone",
    ]);
  });

  it("that is never closed is told at its beginning", () => {
    expect(problemsOf("---\ntitle: x\nDo it.\n")).toEqual([
      expect.stringMatching(/^1:1 the front matter that begins here is never closed/),
    ]);
    expect(problemsOf("---")).toHaveLength(1);
    expect(problemsOf("---\n\nA prompt after a rule.\n")[0]).toContain('writes it "***"');
  });

  it("closed by something else is told there", () => {
    expect(problemsOf("---\ntitle: x\n-----\nDo it.\n")).toEqual([
      expect.stringMatching(/^3:1 the line "-----" neither closes/),
    ]);
  });
});

it("leaves the prompt byte for byte, whatever follows the closing mark", () => {
  const openings = ["---\n", "---\r\n", "--- \n", "---yaml\n", "---\tyml \r\n", "\uFEFF---\n"];
  const blocks = ["", "title: x\n", "title: x\r\n", "# only a comment\n", "\n \n"];
  const closings = ["---\n", "---\r\n", "--- \t\n", "---  \r\n"];
  const pieces = ["\n", "\r", "\r\n", " ", "---", "\t", "\uFEFF", "ä", "😀", "#", "excerpt_separator: x", "\n---\n"];
  fc.assert(
    fc.property(
      fc.constantFrom(...openings),
      fc.constantFrom(...blocks),
      fc.constantFrom(...closings),
      fc.array(fc.constantFrom(...pieces), { maxLength: 6 }),
      (opening, block, closing, parts) => {
        const prompt = `${parts.join("")}Do it.`;
        const parsed = parseDropText(`${opening}${block}${closing}${prompt}`, undefined);
        expect(parsed).toMatchObject({ ok: true, prompt });
      },
    ),
    { numRuns: 1_000 },
  );
});

it("never throws, and never refuses without a reason", () => {
  const parts = [
    "---",
    "\n",
    "\r\n",
    " ",
    ": ",
    "- ",
    "? ",
    "a",
    "title",
    "#",
    "'",
    '"',
    "[",
    "]",
    "{",
    "}",
    ",",
    "&x ",
    "*x",
    "!",
    "|",
    ">",
    "%",
    "...",
    "\t",
    "\uFEFF",
  ];
  const texts = fc.array(fc.constantFrom(...parts), { maxLength: 30 }).map((list) => `---\n${list.join("")}\n---\nx`);
  fc.assert(
    fc.property(texts, (text) => {
      const parsed = parseDropText(text, undefined);
      expect(parsed.ok || parsed.problems.length > 0).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});

describe("hostile front matter costs little", () => {
  const KILO = 60_000;
  it.each<{ name: string; block: string }>([
    { name: "nested lists", block: `a: ${"[".repeat(KILO)}` },
    { name: "nested mappings", block: `a: ${"{".repeat(KILO)}` },
    { name: "nested mappings with keys", block: `a: ${"{a: ".repeat(KILO / 4)}` },
    { name: "lists in one line", block: "- ".repeat(KILO / 2) },
    { name: "questions in one line", block: "? ".repeat(KILO / 2) },
    { name: "brackets", block: `a: ${"[]".repeat(KILO / 2)}` },
    { name: "quotes", block: '"'.repeat(KILO) },
    { name: "anchors", block: "&a ".repeat(KILO / 3) },
    { name: "empty lines", block: "\n".repeat(KILO) },
    { name: "carriage returns", block: "\r".repeat(KILO) },
    { name: "line separators", block: "\u2028".repeat(KILO / 3) },
    { name: "lines of blanks", block: `${`${" ".repeat(60)}\n`.repeat(990)}a: 1` },
    { name: "lists below lists", block: Array.from({ length: 340 }, (_, n) => `${" ".repeat(n)}-`).join("\n") },
    { name: "many keys", block: Array.from({ length: 6_000 }, (_, n) => `k${n}: 1`).join("\n") },
    { name: "one long key", block: `${"a".repeat(KILO)}: 1` },
    { name: "one long value", block: `a: ${"b".repeat(70_000)}` },
    {
      name: "a billion laughs",
      block: `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(9)}]`).join("\n")}`,
    },
  ])("$name", ({ block }) => {
    const begun = performance.now();
    expect(problemsOf(drop(block)).length).toBeGreaterThan(0);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});
