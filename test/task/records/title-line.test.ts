import fc from "fast-check";
import { expect, it } from "vitest";
import { parseDropText } from "../../../src/task/file/task-file.ts";
import { TITLE_CHARACTERS_MAX } from "../../../src/task/file/task-title.ts";
import { parseTaskFile } from "../../../src/task/records/task-file/parsed-task-file.ts";
import { titleInFrontMatter } from "../../../src/task/records/title-line.ts";
import { renderTaskFile } from "../../support/kept.ts";
import { taskRecord } from "../../support/task-record.ts";

/** The committed file of a task with this title. */
function fileOf(title: string): string {
  const parsed = parseDropText(`---\n${JSON.stringify({ title })}\n---\nDo it.\n`, undefined);
  if (!parsed.ok) return "";
  return renderTaskFile(taskRecord({ spec: parsed.spec }));
}

const words = fc.constantFrom(
  ..."true null 1 1.5 2026-11-20 0x1f yes ~ - # : a: a #b [x] {y} 'q' \"r\" | > & * ! % @ ` Fix ü 中".split(" "),
);
const titles = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.array(words, { maxLength: 5 }).map((list) => list.join(" ")),
);

it("is what the whole parser says, or nothing", () => {
  fc.assert(
    fc.property(titles, (title) => {
      const text = fileOf(title);
      const quick = titleInFrontMatter(text, TITLE_CHARACTERS_MAX);
      if (quick !== undefined) expect(quick).toBe(parseTaskFile(text)?.title);
    }),
    { numRuns: 500 },
  );
});

it("is found in what we write for most tasks", () => {
  for (const title of ["Fix the login redirect", 'Say "hello": now', "a", "docs/api.md: what's new?", "Grüße"])
    expect(titleInFrontMatter(fileOf(title), TITLE_CHARACTERS_MAX)).toBe(title);
});

it.each([
  { name: "no front matter", text: "title: x\n" },
  { name: "a title of two clones", text: "---\ntitle: a\ntitle: b\n---\n" },
  { name: "a title in the prompt alone", text: "---\nid: 1\n---\ntitle: x\n" },
  { name: "a truth value", text: "---\ntitle: true\n---\n" },
  { name: "a comment behind it", text: "---\ntitle: a # b\n---\n" },
  { name: "a text over several lines", text: "---\ntitle: >-\n  a\n---\n" },
])("is left to the whole parser: $name", ({ text }) => {
  expect(titleInFrontMatter(text, TITLE_CHARACTERS_MAX)).toBeUndefined();
});
