import { expect, it } from "vitest";
import { errorFilePath, isErrorFile } from "../../../src/task/file/error-file.ts";
import { parseDropText } from "../../../src/task/file/task-file.ts";
import { renderErrorFile } from "../../support/kept.ts";

function errorFileOf(text: string): string {
  const parsed = parseDropText(text, undefined);
  return renderErrorFile("broken.md", parsed.ok ? [] : parsed.problems);
}

it("says what is wrong where, what would be right, and what to do", () => {
  expect(errorFileOf("---\npriority: urgent\nmodel: <b>`x`\n---\n")).toBe(
    [
      "<!-- codex-inbox:error -->",
      "# `broken.md` is not a valid task",
      "",
      '- line 2, column 11: priority: "urgent" is not a whole number. Expected: a whole number from 0 (first) to 4. Example: `priority: 2`',
      '- line 3, column 8: model: "\\<b>\\`x\\`" is not the name of a model. Expected: the name of a model. Example: `model: gpt-5.5`',
      "- line 5, column 1: the prompt is empty. Expected: what the agent shall do, after the front matter if there is any. Example: `Correct the spelling in README.md.`",
      "",
      "It was not accepted; nothing runs. Correct `broken.md` and save it: it is read again by itself, and this file goes away.",
      "",
    ].join("\n"),
  );
});

it("shows an example of several lines as a block", () => {
  expect(errorFileOf("---\ntitle: x\n")).toContain(
    "Example:\n\n  ```\n  ---\n  title: Fix the login redirect\n  ---\n  The prompt.\n  ```\n",
  );
});

it("is recognised by its first line", () => {
  expect(isErrorFile(errorFileOf(""))).toBe(true);
  expect(isErrorFile(errorFileOf("").replaceAll("\n", "\r\n"))).toBe(true);
  expect(isErrorFile("# my own notes\n<!-- codex-inbox:error -->")).toBe(false);
  expect(isErrorFile("")).toBe(false);
});

it.each([
  { drop: "inbox/docs/fix.md", error: "inbox/docs/fix.error.md" },
  { drop: "inbox/FIX.MD", error: "inbox/FIX.error.md" },
])("lies beside the dropped file: $drop", ({ drop, error }) => {
  expect(errorFilePath(drop)).toBe(error);
});

it("ends a question as one", () => {
  const problem = { line: 2, column: 1, message: 'no key "x"; did you mean y?', expected: "y", example: undefined };
  expect(renderErrorFile("broken.md", [problem])).toContain('"x"; did you mean y? Expected: y.\n');
});
