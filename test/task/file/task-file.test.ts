import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ParsedDrop, PROMPT_CHARACTERS_MAX, parseDrop, parseDropText } from "../../../src/task/file/task-file.ts";
import { DEFAULT_RIGHTS, type Rights } from "../../../src/task/rights/rights.ts";
import type { TaskProblem } from "../../../src/task/spec/task-spec.ts";

const ID = "20261120-141530-k3f9x2";
const THREAD = "01a1f950-5f71-7472-a9b5-7a2032cb912c";

function valid(text: string, folderKey?: string): Extract<ParsedDrop, { ok: true }> {
  const parsed = parseDrop(new TextEncoder().encode(text), folderKey);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed;
}

function problemsOf(text: string, folderKey?: string, rights?: Rights): readonly TaskProblem[] {
  const parsed = parseDropText(text, folderKey, rights);
  return parsed.ok ? [] : parsed.problems;
}

/** Front matter of these lines, then a prompt. */
function drop(...lines: readonly string[]): string {
  return `---\n${lines.map((line) => `${line}\n`).join("")}---\nDo it.\n`;
}

describe("the spec", () => {
  it("has sensible values for a file that is a prompt and nothing else", () => {
    expect(valid("Correct the spelling.\n")).toEqual({
      ok: true,
      text: "Correct the spelling.\n",
      prompt: "Correct the spelling.\n",
      warnings: [],
      spec: {
        id: undefined,
        sessionKey: undefined,
        resume: true,
        verifyCommand: undefined,
        verifyTimeoutMs: undefined,
        maxVerifyAttempts: undefined,
        followUp: undefined,
        parent: undefined,
        followUpDepth: 0,
        title: "Correct the spelling.",
        priority: 2,
        dependsOn: [],
        notBeforeMs: undefined,
        timeoutMs: undefined,
        stallTimeoutMs: undefined,
        retryMaxMs: undefined,
        maxAttempts: undefined,
        model: undefined,
        oss: false,
        sandbox: undefined,
        workdir: undefined,
        images: [],
        outputSchema: undefined,
        codexConfig: [],
        environment: [],
        memory: true,
        worktree: undefined,
        touches: [],
        locks: [],
        merge: false,
        cancel: false,
        frontMatter: {},
      },
    });
  });

  it("takes every key", () => {
    const text = drop(
      `id: ${ID}`,
      "sessionKey: docs/api",
      `resume: ${THREAD}`,
      "verifyCommand: npm test -- --run # not a comment?",
      "verifyTimeoutMs: 60000",
      "maxVerifyAttempts: 2",
      "followUp: repairs",
      "parent: 20261119-141530-k3f9x2",
      "followUpDepth: 1",
      "title: Fix the login redirect",
      "priority: 0",
      "dependsOn: 20261119-141530-k3f9x2",
      "notBefore: 2026-11-21T07:00:00+01:00",
      "timeoutMs: 86400000",
      "stallTimeoutMs: 900000",
      "retryMaxMs: 60000",
      "maxAttempts: 20",
      "model: gpt-oss:20b",
      "oss: true",
      "sandbox: read-only",
      "workdir: packages/api",
      "images: [docs/a.png, docs/b.png]",
      "outputSchema: schemas/answer.json",
      "codexConfig: { model_reasoning_effort: high, hide_agent_reasoning: true }",
      "memory: [login, ' query  string ', C#, 4711, login]",
      "worktree: auto",
      "touches: [src/**]",
      "locks: [db/migrations/, a.ts, a.ts]",
    );
    const { spec, warnings } = valid(text, "elsewhere");
    expect(spec).toMatchObject({
      id: ID,
      sessionKey: "docs/api",
      resume: THREAD,
      verifyCommand: "npm test -- --run",
      verifyTimeoutMs: 60_000,
      maxVerifyAttempts: 2,
      followUp: "repairs",
      parent: "20261119-141530-k3f9x2",
      followUpDepth: 1,
      title: "Fix the login redirect",
      priority: 0,
      dependsOn: ["20261119-141530-k3f9x2"],
      notBeforeMs: Date.UTC(2026, 10, 21, 6),
      timeoutMs: 86_400_000,
      stallTimeoutMs: 900_000,
      retryMaxMs: 60_000,
      maxAttempts: 20,
      model: "gpt-oss:20b",
      oss: true,
      sandbox: "read-only",
      workdir: "packages/api",
      images: ["docs/a.png", "docs/b.png"],
      outputSchema: "schemas/answer.json",
      codexConfig: ['model_reasoning_effort="high"', "hide_agent_reasoning=true"],
      memory: ["login", "query  string", "C#", "4711"],
      worktree: "auto",
      touches: ["src/**"],
      locks: ["db/migrations/", "a.ts"],
    });
    expect(Object.keys(spec.frontMatter)).toHaveLength(28);
    expect(spec.frontMatter).toMatchObject({ notBefore: "2026-11-21T07:00:00+01:00", priority: 0 });
    expect(warnings).toEqual([]);
  });

  it("says whether notes are wanted", () => {
    expect(valid(drop("memory: false")).spec.memory).toBe(false);
    expect(valid(drop("memory: true")).spec.memory).toBe(true);
    expect(valid(drop("memory:")).spec.memory).toBe(true);
    expect(valid(drop("memory: []")).spec.memory).toEqual([]);
  });

  it("accepts snake_case and keeps the canonical name", () => {
    const { spec } = valid(drop("session_key: docs", "max_attempts: 2", "codex_config: [model_verbosity = 'low']"));
    expect(spec).toMatchObject({ sessionKey: "docs", maxAttempts: 2, codexConfig: ['model_verbosity="low"'] });
    expect(spec.frontMatter).toEqual({ sessionKey: "docs", maxAttempts: 2, codexConfig: ["model_verbosity = 'low'"] });
  });

  it("takes the session from the folder unless the front matter names one", () => {
    expect(valid("Do it.", "docs/api").spec.sessionKey).toBe("docs/api");
    expect(valid(drop("sessionKey: own"), "docs/api").spec.sessionKey).toBe("own");
    expect(valid(drop("sessionKey:"), "docs/api").spec.sessionKey).toBe("docs/api");
    expect(valid(drop("sessionKey: own"), "no such key!").spec.sessionKey).toBe("own");
  });

  it("counts a key without a value as absent", () => {
    const { spec } = valid(drop("title:", "priority: ~", 'model: ""', "sandbox: null", "dependsOn: []"));
    expect(spec).toMatchObject({ title: "Do it.", priority: 2, model: undefined, sandbox: undefined, dependsOn: [] });
  });

  it("reads plain numbers as text where text is meant", () => {
    const { spec } = valid(drop("title: 404", "sessionKey: 1.10", "model: 5"));
    expect(spec).toMatchObject({ title: "404", sessionKey: "1.10", model: "5" });
  });

  it("refuses a key that is one of ours misspelt, and says which; what was accepted once stays a task", () => {
    const text = drop("verifyComand: npm test", "ticket: 7");
    expect(parseDropText(text, undefined, DEFAULT_RIGHTS)).toEqual({
      ok: false,
      refused: false,
      problems: [
        {
          ...{ line: 2, column: 1, message: 'there is no key "verifyComand"; did you mean verifyCommand?' },
          ...{ expected: "verifyCommand, or a key of your own that is less like it" },
          example: "verifyCommand: npm test",
        },
      ],
    });
    expect(valid(text).spec.verifyCommand).toBeUndefined();
  });

  it("reads no more than 3,000 keys, values and marks", () => {
    expect(parseDropText(drop(`tags: [${",".repeat(3_500)}]`), undefined)).toMatchObject({
      ok: false,
      problems: [{ line: 2, message: "there are more than 3000 keys, values and marks" }],
    });
  });

  it("keeps unknown keys with their values, and says so", () => {
    const { spec, warnings } = valid(
      drop("priorty: 1", "ticket: 12345678901234567890", "version: 1.10", "tags: [a, { b: null }]", "__proto__: x"),
    );
    expect(Object.entries(spec.frontMatter)).toEqual([
      ["priorty", 1],
      ["ticket", "12345678901234567890"],
      ["version", "1.10"],
      ["tags", ["a", { b: null }]],
      ["__proto__", "x"],
    ]);
    expect(spec.priority).toBe(2);
    expect(warnings[0]).toBe('line 2: the key "priorty" is kept but has no meaning here; did you mean priority?');
    expect(warnings).toHaveLength(5);
    expect(Object.getPrototypeOf(spec.frontMatter)).toBe(Object.prototype);
  });
});

describe("the title", () => {
  it.each<{ name: string; text: string; title: string }>([
    { name: "is the first heading", text: "Please:\n\n## Fix *it* ##\n# Later\n", title: "Fix *it*" },
    { name: "is the first line otherwise", text: "\n\n  Fix it\nnow\n", title: "Fix it" },
    { name: "is not a comment in a code block", text: "Run\n```sh\n# install\n```\n# Then this\n", title: "Then this" },
    { name: "skips an empty heading", text: "#\n# \nFix it", title: "Fix it" },
    { name: "skips a rule", text: "***\nFix it", title: "Fix it" },
    { name: "is not a hashtag", text: "#fix it", title: "#fix it" },
    { name: "has no control characters", text: "Fix\u001b[31m \u202Eit\tnow", title: "Fix[31m it now" },
    { name: "is never empty", text: "\u200E\u0001", title: "(no title)" },
    { name: "is shortened", text: `${"Fix ".repeat(30)}it`, title: `${"Fix ".repeat(17)}Fix…` },
    { name: "is shortened between characters", text: "💡".repeat(80), title: `${"💡".repeat(71)}…` },
    {
      name: "given by the author is shortened too",
      text: drop(`title: ${"x".repeat(80)}`),
      title: `${"x".repeat(71)}…`,
    },
  ])("$name", ({ text, title }) => expect(valid(text).spec.title).toBe(title));

  it("is one short line for any prompt", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const parsed = parseDropText(text, undefined);
        if (!parsed.ok) return;
        expect(parsed.spec.title).toMatch(/^\P{Cc}+$/u);
        expect([...parsed.spec.title].length).toBeLessThanOrEqual(72);
      }),
    );
  });

  it("takes no time to find in a prompt of blanks", () => {
    const begun = performance.now();
    expect(valid(`# ${" ".repeat(500_000)}#${"\n".repeat(500_000)}x`).spec.title).toBe("#");
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});

describe("the prompt", () => {
  const PROMPTS = fc
    .oneof(
      fc.string({ unit: "binary" }),
      fc
        .array(fc.constantFrom("---", "\n", "\r\n", "\r", "\uFEFF", " ", "a: b", "```", "...", "text", "# x"), {
          maxLength: 12,
        })
        .map((parts) => parts.join("")),
    )
    .map((text) => `${text.replaceAll("\0", "")}x`);

  it.each(["\n", "\r\n"])("is exactly what follows the closing line (line end %j)", (end) => {
    fc.assert(
      fc.property(PROMPTS, fc.boolean(), fc.constantFrom("", " ", "\t "), (prompt, hasMark, blanks) => {
        const text = `${hasMark ? "\uFEFF" : ""}---${blanks}${end}title: x${end}---${blanks}${end}${prompt}`;
        const parsed = valid(text);
        expect(parsed.prompt).toBe(prompt);
        expect(parsed.text).toBe(text);
        expect(parsed.spec.title).toBe("x");
      }),
      { numRuns: 500 },
    );
  });

  it("is the whole file where there is no front matter, byte order mark included", () => {
    fc.assert(
      fc.property(PROMPTS, (prompt) => {
        fc.pre(!prompt.replace(/^\uFEFF/, "").startsWith("---"));
        expect(valid(prompt).prompt).toBe(prompt);
      }),
      { numRuns: 500 },
    );
  });

  it.each(["----\nx", "--- a/file.ts\n+++ b/file.ts\n", "\n---\ntitle: x\n---\n", "---- js\nx", "--\nx"])(
    "may begin with what only resembles front matter: %j",
    (text) => expect(valid(text).prompt).toBe(text),
  );

  it("may follow front matter that says nothing", () => {
    expect(valid("---\n---\nx").prompt).toBe("x");
    expect(valid("---\n# just a comment\n\n---\nx").prompt).toBe("x");
    expect(valid("---yaml\ntitle: y\n---\nx").spec.title).toBe("y");
  });

  it.each(["", " \r\n\t", "\uFEFF", "---\ntitle: x\n---\n", "---\ntitle: x\n---", "---\ntitle: x\n---\n \n"])(
    "may not be empty: %j",
    (text) => expect(problemsOf(text).map((problem) => problem.message)).toEqual(["the prompt is empty"]),
  );

  it("may be as long as codex takes, counted in characters", () => {
    expect(valid("💡".repeat(PROMPT_CHARACTERS_MAX)).ok).toBe(true);
    expect(problemsOf("💡".repeat(PROMPT_CHARACTERS_MAX + 1))).toMatchObject([
      { line: 1, column: 1, message: "the prompt has 1048577 characters" },
    ]);
  });
});

it("warns of front matter that is not at the beginning", () => {
  expect(valid("\n---\ntitle: x\n---\nDo it.").warnings).toEqual([expect.stringContaining("part of the prompt")]);
  expect(valid("\n---\nA rule, then text: this.\n").warnings).toEqual([]);
});

describe("bytes that are no text", () => {
  it("are pointed out by line, column and byte", () => {
    const bytes = Uint8Array.of(...new TextEncoder().encode("grün\nab"), 0xff, 0x41);
    expect(parseDrop(bytes, undefined)).toMatchObject({
      ok: false,
      problems: [{ line: 2, column: 3, message: "the file is not UTF-8 text: byte 9 has no meaning there" }],
    });
  });

  it("are refused: NUL, and half a surrogate pair", () => {
    expect(problemsOf("a\nb\0c")).toMatchObject([{ line: 2, column: 2, message: "the file contains a NUL character" }]);
    expect(problemsOf("a\ud83d")).toMatchObject([{ message: "the text contains half of a surrogate pair" }]);
  });
});

describe("a problem", () => {
  it("says where, what, what was expected, and what would be right", () => {
    expect(problemsOf(drop("title: x", "priority:   urgent"))).toEqual([
      {
        line: 3,
        column: 13,
        message: 'priority: "urgent" is not a whole number',
        expected: "a whole number from 0 (first) to 4",
        example: "priority: 2",
      },
    ]);
  });

  it("never comes alone: all of them are told at once, in the order of the file", () => {
    const text =
      "---\ndependsOn: [x, 20261120-141530-k3f9x2, 7]\npriority: 9\nsandbox: danger-full-access\nresume: yes\n---\n";
    expect(
      problemsOf(text, "not a key", DEFAULT_RIGHTS).map(({ line, column, message }) => `${line}:${column} ${message}`),
    ).toEqual([
      'undefined:undefined the folder "not a key" may consist of letters, digits, dots, hyphens and underscores only; each part begins with a letter or digit and has at most 64 characters',
      '2:13 dependsOn: "x" is not a task id',
      '2:40 dependsOn: "7" is not a task id',
      "3:11 priority: 9 is not between 0 and 4",
      '4:10 sandbox: "danger-full-access" is more than a task may ask for here',
      '5:9 resume: "yes" is neither true nor false nor a thread id',
      "7:1 the prompt is empty",
    ]);
  });

  it("is counted, not listed, where there are too many", () => {
    const problems = problemsOf(drop(`dependsOn: [${Array.from({ length: 90 }, (_, n) => `x${n}`).join(", ")}]`));
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)?.message).toBe("there are 70 more problems");
  });

  it.each<{ line: string; says: RegExp; column?: number }>([
    { line: "id: 7", says: /id: "7" is not a task id/, column: 5 },
    { line: "id: [a]", says: /id: is not text/ },
    { line: "sessionKey: ../x", says: /sessionKey: "\.\.\/x" may consist of letters/ },
    { line: `resume: ${THREAD.toUpperCase()}`, says: /nor a thread id/ },
    { line: "resume: 1", says: /nor a thread id/ },
    { line: 'title: "a\\nb"', says: /line break/ },
    { line: "priority: 1.5", says: /not a whole number/ },
    { line: 'priority: "1"', says: /not a whole number/ },
    { line: "priority: -1", says: /between 0 and 4/ },
    { line: `dependsOn: {a: 1}`, says: /dependsOn: is not text/ },
    { line: "notBefore: 2026-11-21", says: /not a time with a zone/ },
    { line: "notBefore: 2026-11-21T06:00:00", says: /not a time with a zone/ },
    { line: "notBefore: 2026-02-30T06:00:00Z", says: /not a time with a zone/ },
    { line: "notBefore: tomorrow", says: /not a time with a zone/ },
    { line: "timeoutMs: 999", says: /between 1000 and 86400000/ },
    { line: "timeoutMs: 60_000", says: /not a whole number/ },
    { line: "timeoutMs: 1h", says: /not a whole number/ },
    { line: "maxAttempts: 21", says: /between 1 and 20/ },
    { line: "model: --yolo", says: /not the name of a model/ },
    { line: 'model: "a\\nb"', says: /not the name of a model/ },
    { line: "oss: yes", says: /neither true nor false/ },
    { line: "sandbox: none", says: /none of its values/ },
    { line: "outputSchema: /etc/a.json", says: /not relative/ },
    { line: "outputSchema: ../a.json", says: /"\.\."/ },
    { line: "workdir: ~/x", says: /not relative/ },
    { line: "workdir: a/../../b", says: /"\.\."/ },
    { line: "workdir: .git/hooks", says: /into \.git/ },
    { line: "workdir: sub/.GIT", says: /into \.git/ },
    { line: 'workdir: "a\\0b"', says: /control character/ },
    { line: "workdir: 'C:\\x'", says: /not relative/ },
    { line: "images: [ok.png, ../x.png]", says: /images: "\.\.\/x\.png" contains/, column: 18 },
    { line: "outputSchema: {}", says: /outputSchema: is not text/ },
    { line: "codexConfig: { mcp_servers: { x: { command: sh } } }", says: /"mcp_servers" has a value that is neither/ },
    { line: "codexConfig: { 'a\"b': high }", says: /is not a setting: names/ },
    { line: "environment: [OK, A=b]", says: /"A=b" is not the name of an environment variable/, column: 19 },
    { line: "environment: CODEX_INBOX_CODEX", says: /is codex-inbox's own/ },
    {
      line: "environment: [GIT_AUTHOR_NAME, GIT_CONFIG_COUNT]",
      says: /"GIT_CONFIG_COUNT" says where git looks/,
      column: 32,
    },
    { line: "codexConfig: { model_verbosity: 'low\" x=' }", says: /neither a word/ },
    { line: "codexConfig: high", says: /not of the form/ },
    { line: "memory: login", says: /"login" is neither true nor false nor a list/ },
    { line: "memory: { a: 1 }", says: /a mapping is neither/ },
    { line: "memory: [ok, x]", says: /memory: "x" is too short/, column: 14 },
    { line: `memory: [${"x".repeat(65)}]`, says: /is longer than 64 characters/ },
    { line: 'memory: ["a\\nb"]', says: /line break/ },
    { line: `memory: [${"ab, ".repeat(20)}ab]`, says: /has 21 entries; at most 20/ },
    { line: "verifyCommand: [npm, test]", says: /verifyCommand: is not text/ },
    { line: 'verifyCommand: "npm\\0test"', says: /verifyCommand: .* contains a zero byte/ },
  ])("is found in $line", ({ line, says, column }) => {
    const problems = problemsOf(drop(line));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toMatch(says);
    expect(problems[0]?.example).toBeDefined();
    expect(problems[0]?.line).toBe(2);
    if (column !== undefined) expect(problems[0]?.column).toBe(column);
  });

  it("is a key given in both spellings", () => {
    expect(problemsOf(drop("sessionKey: a", "session_key: a"))).toMatchObject([
      { line: 3, column: 1, message: "sessionKey is given twice, as sessionKey and as session_key" },
    ]);
  });

  it("is a task that waits for itself", () => {
    expect(problemsOf(drop(`id: ${ID}`, `dependsOn: ${ID}`))).toMatchObject([
      { line: 3, column: 12, message: "dependsOn: the task depends on itself" },
    ]);
  });
});

describe("a text that is read again", () => {
  const text = drop("sandbox: danger-full-access");

  it("says the same, and is judged by the rights of that time", () => {
    const all: Rights = { ...DEFAULT_RIGHTS, sandbox: "danger-full-access" };
    const first = parseDropText(text, "docs", all);
    expect(first.ok).toBe(true);
    expect(parseDropText(text, "docs", DEFAULT_RIGHTS)).toMatchObject({ ok: false, refused: true });
    expect(parseDropText(text, "docs", all)).toEqual(first);
  });

  it("belongs to the session of the folder that it lies in now", () => {
    expect(["docs", "docs/api", undefined].map((folder) => valid(text, folder).spec.sessionKey)).toEqual([
      ...["docs", "docs/api", undefined],
    ]);
    expect(problemsOf(text, "")).not.toEqual([]);
  });
});
