import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDropText } from "../../../src/task/file/task-file.ts";
import { addKeys, changeBetween, changedText, composeText } from "../../../src/task/file/task-text.ts";
import { anyText } from "../../support/any-text.ts";

function read(text: string) {
  const parsed = parseDropText(text, undefined);
  return parsed.ok ? { prompt: parsed.prompt, ...parsed.spec.frontMatter } : parsed.problems;
}

function added(text: string, keys: Readonly<Record<string, unknown>>) {
  const composed = addKeys(text, keys);
  if ("twice" in composed) throw new Error("given twice");
  return composed;
}

describe("a text and keys beside it", () => {
  it.each([
    { name: "plain text", text: "Fix it.\n", whole: "---\ntitle: T\npriority: 0\n---\nFix it.\n" },
    {
      name: "a text with front matter",
      text: "---\n# mine\nmodel: m\n---\nFix it.\n",
      whole: "---\n# mine\nmodel: m\ntitle: T\npriority: 0\n---\nFix it.\n",
    },
    { name: "empty front matter", text: "---\n---\n--- x", whole: "---\ntitle: T\npriority: 0\n---\n--- x" },
    {
      name: "a mapping in braces",
      text: '---\n{"model": "m"}\n---\nFix',
      whole: "---\nmodel: m\ntitle: T\npriority: 0\n---\nFix",
    },
    {
      name: "a byte order mark and CRLF",
      text: "\uFEFF---\r\nmodel: m\r\n---\r\nFix\r\n",
      whole: "\uFEFF---\r\nmodel: m\r\ntitle: T\npriority: 0\n---\r\nFix\r\n",
    },
  ])("make one task file: $name", ({ text, whole }) => {
    expect(added(text, { title: "T", priority: 0 }).text).toBe(whole);
    expect(read(whole)).toMatchObject({ title: "T", priority: 0 });
  });

  it("are left alone where no key is given, or the front matter is broken", () => {
    for (const [text, keys] of [
      ["---\nx\n---\n", {}],
      ["---\n: [\n---\nFix", { title: "T" }],
    ] as const)
      expect(added(text, keys).text).toBe(text);
  });

  it("say which key is given twice, however it is written", () => {
    const text = "---\nmodel: m\nverify_command: npm test\ntitle: x\n---\nFix";
    expect(addKeys(text, { title: "T", verifyCommand: "true", priority: 1 })).toEqual({
      twice: [
        { key: "verifyCommand", line: 3 },
        { key: "title", line: 4 },
      ],
    });
  });

  it("tell of a problem where it was given", () => {
    const { locate } = added("---\nmodel: m\n---\nFix", { title: "T", priority: 9 });
    expect([1, 2, 3, 4, 5, 6].map((line) => locate({ line, column: 2 }))).toEqual([
      ...[{ line: 1, column: 2 }, { line: 2, column: 2 }, { key: "title" }, { key: "priority" }],
      ...[
        { line: 3, column: 2 },
        { line: 4, column: 2 },
      ],
    ]);
    const plain = added("one\ntwo", { title: "T" });
    expect([2, 4, 5].map((line) => plain.locate({ line, column: 1 }))).toEqual([
      ...[{ key: "title" }, { line: 1, column: 1 }, { line: 2, column: 1 }],
    ]);
  });

  it("keep every value and the prompt, whatever stands in them", () => {
    fc.assert(
      fc.property(anyText(), anyText(), (title, prompt) => {
        const composed = composeText({ title, mine: [title, { [title.slice(0, 20)]: 1 }] }, prompt);
        const parsed = parseDropText(composed.text, undefined);
        if (!parsed.ok) return; // Control characters in a title, an empty prompt.
        expect(parsed.prompt).toBe(prompt);
        expect(parsed.spec.frontMatter).toMatchObject({ title });
      }),
    );
  });
});

describe("a change", () => {
  const TEXT = "---\ntitle: 1.10\nverify_command: npm test\nmine: {a: [1]}\n---\nFix it.\r\n";

  it("sets keys, takes some out, and keeps all else", () => {
    const { text } = changedText(TEXT, { keys: { verifyCommand: "true", priority: 1, mine: null } });
    expect(read(text)).toEqual({ title: "1.10", verifyCommand: "true", priority: 1, prompt: "Fix it.\r\n" });
    expect(read(changedText(TEXT, { keys: {}, prompt: "---\nx" }).text)).toMatchObject({
      prompt: "---\nx",
      mine: { a: [1] },
    });
    expect(read(changedText("Fix it.", { keys: { title: "T" } }).text)).toEqual({ title: "T", prompt: "Fix it." });
  });

  it("leaves comments and every other line as they are, and puts a key where it was", () => {
    const text = [
      ...["---", "# Asked for by the team.", "session_key: docs   # theirs", "", "# First of all.", "priority: 0"],
      ...["title: |-", "  # Not a comment", "", "  of ours", "# Below the title.", "---", "Fix it.", ""],
    ].join("\n");
    const changed = changedText(text, { keys: { priority: 3, title: null, model: "m" }, prompt: "Mend it.\n" });
    expect(changed.text.split("\n")).toEqual([
      ...["---", "# Asked for by the team.", "session_key: docs   # theirs", "", "# First of all.", "priority: 3"],
      ...["# Below the title.", "model: m", "---", "Mend it.", ""],
    ]);
    expect(changed.locate({ line: 6, column: 1 })).toEqual({ key: "priority" });
    expect(changed.locate({ line: 10, column: 2 })).toEqual({ key: "prompt", line: 1, column: 2 });
    expect(read(changedText("---\n{priority: 1}\n---\nx", { keys: { model: "m" } }).text)).toMatchObject({
      priority: 1,
      model: "m",
    });
  });

  it("is found between two texts", () => {
    const after = "---\ntitle: 1.10\nmine: {a: [2]}\npriority: 0\n---\nFix it.\r\n";
    expect(changeBetween(TEXT, after)).toEqual({ keys: { verifyCommand: null, mine: { a: [2] }, priority: 0 } });
    expect(changeBetween(TEXT, TEXT.replace("Fix", "Mend"))).toEqual({ keys: {}, prompt: "Mend it.\r\n" });
    expect(changeBetween(TEXT, TEXT)).toEqual({ keys: {} });
  });
});
