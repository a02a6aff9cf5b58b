import { type Node, Parser } from "commonmark";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quotedText, readQuotedText } from "../../../src/task/text/quoted-text.ts";
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
  /** HTML, but for the line of ours before a result. */
  readonly html: readonly string[];
  /** Headings that stand in no quote and no list, and the first words of what does not. */
  readonly headings: readonly string[];
}

/** What a viewer makes of Markdown, as CommonMark's own implementation reads it; front matter is none of it. */
function view(markdown: string): Seen {
  const walker = new Parser().parse(markdown.replace(/^---\n[\s\S]*?\n---\n/, "")).walker();
  const html: string[] = [];
  const headings: string[] = [];
  let images = 0;
  for (let event = walker.next(); event !== null; event = walker.next()) {
    const { entering, node } = event;
    if (!entering) continue;
    if (node.type === "image") images += 1;
    if (
      /^html/.test(node.type) &&
      !/^<!-- codex-inbox(?::(?:result|error)| ledger v1: [^<>]*) -->$/.test(node.literal ?? "")
    )
      html.push(node.literal ?? "");
    if (node.type === "heading" && node.parent?.type === "document") headings.push(wordsOf(node));
  }
  return { images, html, headings };
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

const HEADINGS = ["Result", "Changed files", "Warnings", "Verification"];

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

describe("text of others in a file of ours", () => {
  it.each(ATTACKS)("loads nothing, hides nothing and poses as nothing: %j", (attack) => {
    expect(view(taskFileWith(attack))).toEqual({ images: 0, html: [], headings: HEADINGS });
    const problem = { message: attack, expected: attack, example: attack, line: 1, column: 1 };
    const error = view(renderErrorFile(`${attack.replaceAll(/[\n\r]/g, " ")}.md`, [problem, problem]));
    expect({ ...error, headings: error.headings.length }).toEqual({ images: 0, html: [], headings: 1 });
    const row = { task: "t", session: "s", status: "failed", detail: attack, time: "2026-11-20T14:15:30.000Z", run: 1 };
    expect(view(appendRows(undefined, [row as never]) as string)).toMatchObject({ images: 0, html: [] });
  });

  it("begins no block in the hint of a verification that the output would end", () => {
    const text = "```\n\n![](https://evil.example/seen.png)";
    expect(view(taskFileWith(text))).toEqual({ images: 0, html: [], headings: HEADINGS });
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
        expect(view(taskFileWith(text))).toEqual({ images: 0, html: [], headings: HEADINGS });
        expect(readQuotedText(quotedText(text))).toBe(text);
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
    for (const shown of languagesIn(taskFileWith(attack))) expect(["", "markdown", "text"]).toContain(shown);
    expect(readQuotedText(quotedText(attack))).toBe(attack);
  });

  it("keeps code of a plain language in a quote", () => {
    expect(quotedText("```ts\nx\n```\n\n~~~ c++ \ny\n~~~")).toMatch(/^> ```ts\n/);
  });

  it("is given back, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(readQuotedText(quotedText(text))).toBe(text);
      }),
    );
  });

  it("is a quote where Markdown only formats it, and stands as it is where not", () => {
    expect(quotedText("# Done\n\n- `a < b`, 1 <2\n")).toBe("> # Done\n>\n> - `a < b`, 1 <2\n>");
    expect(quotedText("See <b>```</b>")).toBe("````markdown\nSee <b>```</b>\n````");
    expect(quotedText("")).toBe("");
  });
});
