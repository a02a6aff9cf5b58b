import { type Node, Parser } from "commonmark";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quotedBelow, readQuotedText } from "../../../src/task/text/quoted-text.ts";
import { appendRows, renderErrorFile, renderTaskFile } from "../../support/kept.ts";
import { taskRecord } from "../../support/task-record.ts";
import { FAILED_VERIFICATION } from "../../support/verification.ts";

const ATTACKS = [
  "![](https://evil.example/seen.png)",
  "![x][p]\n\n[p]: https://evil.example/seen.png",
  '<img src="https://evil.example/seen.png">',
  "\\<img src=x onerror=y>",
  "text <!-- and nothing is seen from here",
  "<details><summary>Result</summary>",
  "<style>* { display: none }</style>",
  "<script>",
  "<?php",
  "<![CDATA[",
  "```",
  "~~~~\n```",
  "    code\n\n\t```",
  "- a\n\n      ```",
  "## Result\n\n**succeeded** after 1 s (1 attempt)",
  "Result\n------",
  "---\nstatus: succeeded\n---",
  "<!-- codex-inbox:result -->",
  "a\r## Result\r<img src=x>",
  "````markdown\nx\n````\n<img src=x>",
  "```mermaid\ngraph TD; A[<img src=x>]\n```",
  "> quoted\n<img src=x>",
  "[p]: https://evil.example",
  "| a |\n| - |\n| ![](x) |",
] as const;

interface Seen {
  readonly images: number;
  /** HTML, but for that of ours: the line that begins an error file or a ledger, and what folds the account. */
  readonly html: readonly string[];
  /** Headings that stand in no quote and no list, and the first words of what does not. */
  readonly headings: readonly string[];
  /** The highest level of the others. */
  readonly highestInside: number;
}

const OUR_HTML =
  /^(?:<!-- codex-inbox(?::error| ledger v2: [^<>]*) -->|<details>\n<summary>Account<\/summary>|<\/details>)$/;

/** What a viewer makes of Markdown, as CommonMark's own implementation reads it; front matter is none of it. */
function view(markdown: string): Seen {
  const walker = new Parser().parse(markdown.replace(/^---\n[\s\S]*?\n---\n/, "")).walker();
  const html: string[] = [];
  const headings: string[] = [];
  let [images, highestInside] = [0, 6];
  for (let event = walker.next(); event !== null; event = walker.next()) {
    const { entering, node } = event;
    if (!entering) continue;
    if (node.type === "image") images += 1;
    if (/^html/.test(node.type) && !OUR_HTML.test(node.literal ?? "")) html.push(node.literal ?? "");
    if (node.type !== "heading") continue;
    if (node.parent?.type === "document") headings.push(wordsOf(node));
    else highestInside = Math.min(highestInside, node.level);
  }
  return { images, html, headings, highestInside };
}

/** What stands behind the fences of a file, as a viewer reads it. */
function languagesIn(markdown: string): readonly string[] {
  const walker = new Parser().parse(markdown.replace(/^---\n[\s\S]*?\n---\n/, "")).walker();
  const languages: string[] = [];
  for (let event = walker.next(); event !== null; event = walker.next())
    if (event.entering && event.node.type === "code_block") languages.push(event.node.info ?? "");
  return languages;
}

function wordsOf(node: Node): string {
  let words = "";
  for (let child = node.firstChild; child !== null; child = child.next) words += child.literal ?? "";
  return words;
}

const HEADINGS = ["Prompt", "Result", "Changed files", "Warnings", "Verification"];

function taskFileWith(text: string): string {
  return renderTaskFile(
    taskRecord({
      prompt: text,
      lastMessage: text,
      warnings: [text],
      status: "failed",
      reason: text,
      changedFiles: [{ path: text, change: text }],
      verification: { ...FAILED_VERIFICATION, command: text, what: text, hint: text, output: text },
    }),
  );
}

function givenBack(text: string): string {
  const { block, down } = quotedBelow(text);
  return readQuotedText(block, down);
}

describe("text of others in a file of ours", () => {
  it.each(ATTACKS)("loads nothing, hides nothing and poses as nothing: %j", (attack) => {
    expect(view(taskFileWith(attack))).toMatchObject({ images: 0, html: [], headings: HEADINGS });
    const problem = { message: attack, expected: attack, example: attack, line: 1, column: 1 };
    const error = view(renderErrorFile(`${attack.replaceAll(/[\n\r]/g, " ")}.md`, [problem, problem]));
    expect({ ...error, headings: error.headings.length }).toMatchObject({ images: 0, html: [], headings: 1 });
    const row = {
      task: "t",
      session: "s",
      status: "failed",
      detail: attack,
      time: "2026-11-20T14:15:30.000Z",
      run: 1,
      result: { title: attack, path: "sessions/s/t.md" },
    };
    expect(view(appendRows(undefined, [row as never]) as string)).toMatchObject({ images: 0, html: [] });
  });

  it("begins no block in the hint of a verification that the output would end", () => {
    const text = "```\n\n![](https://evil.example/seen.png)";
    expect(view(taskFileWith(text))).toMatchObject({ images: 0, html: [], headings: HEADINGS });
  });

  it("did all of that as it was: a viewer that is shown the text itself loads, hides or poses", () => {
    const acts = ATTACKS.filter((attack) => {
      const seen = view(`Done.\n\n${attack}\n\n### Changed files\n`);
      return seen.images > 0 || seen.html.length > 0 || seen.headings.join() !== "Changed files";
    });
    expect(acts.length).toBeGreaterThanOrEqual(14);
  });

  it("does nothing however such texts are put together, and is given back", () => {
    const part = fc.constantFrom(...ATTACKS, "\n", "\n\n", " ", "> ", "`", "\\", "    ", "- ", "x");
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const text = parts.join("");
        expect(view(taskFileWith(text))).toMatchObject({ images: 0, html: [], headings: HEADINGS });
        expect(givenBack(text)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["```          mermaid\ngraph TD\n```", "mermaid"],
    ["``` &#109;ermaid\ngraph TD\n```", "mermaid"],
    ["~~~\\mermaid\ngraph TD\n~~~", "\\mermaid"],
    ["```{.mermaid}\ngraph TD\n```", "{.mermaid}"],
    ["- a\n\n  ````Mermaid theme\n  graph TD\n  ````", "Mermaid theme"],
    ["```d2\nx -> y\n```", "d2"],
    ["```structurizr\n!include https://evil.example\n```", "structurizr"],
    ["```json:table\n{}\n```", "json:table"],
  ])("is no diagram that a host draws: %j", (attack, language) => {
    expect(languagesIn(attack)).toEqual([language]);
    for (const shown of languagesIn(taskFileWith(attack))) expect(["", "markdown", "text", "yaml"]).toContain(shown);
    expect(givenBack(attack)).toBe(attack);
  });

  it.each([
    ["# One\n\n## Two\n\ntext", "> ### One\n>\n> #### Two\n>\n> text"],
    ["## Two\n```sh\n# a comment\n```\n##### Five", "> ### Two\n> ```sh\n> # a comment\n> ```\n> ###### Five"],
    ["- # One\n  1. ## Two\n> # Three", "> - ### One\n>   1. #### Two\n> > ### Three"],
    ["### Three\n#hashtag", "> ### Three\n> #hashtag"],
    ["# One\n##### Five", "```markdown\n# One\n##### Five\n```"],
    ["One\n===", "```markdown\nOne\n===\n```"],
    ["text\n\n---\n\n# One", "> text\n>\n> ---\n>\n> ### One"],
  ])("nests its headings below ours: %j", (text, block) => {
    const quoted = quotedBelow(text);
    expect(quoted.block).toBe(block);
    expect(readQuotedText(quoted.block, quoted.down)).toBe(text);
    expect(view(taskFileWith(text)).highestInside).toBeGreaterThanOrEqual(3);
  });

  it("keeps code of a plain language in a quote", () => {
    expect(quotedBelow("```ts\nx\n```\n\n~~~ c++ \ny\n~~~").block).toMatch(/^> ```ts\n/);
  });

  it("is given back, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(givenBack(text)).toBe(text);
      }),
    );
  });

  it("is a quote where Markdown only formats it, and stands as it is where not", () => {
    expect(quotedBelow("### Done\n\n- `a < b`, 1 <2\n").block).toBe("> ### Done\n>\n> - `a < b`, 1 <2\n>");
    expect(quotedBelow("See <b>```</b>").block).toBe("````markdown\nSee <b>```</b>\n````");
    expect(quotedBelow("").block).toBe("");
  });
});
