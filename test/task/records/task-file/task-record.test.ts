import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDropText } from "../../../../src/task/file/task-file.ts";
import { parseTaskFile } from "../../../../src/task/records/task-file/parsed-task-file.ts";
import { renderTaskFile } from "../../../support/kept.ts";
import { taskRecord } from "../../../support/task-record.ts";

const TEXT = fc
  .oneof(
    fc.string({ unit: "binary" }),
    fc
      .array(
        fc.constantFrom(
          "---",
          "\n",
          "\r\n",
          "\uFEFF",
          "ä💡",
          "<!-- codex-inbox:result -->",
          "## Result",
          "### Changed files",
          "### Warnings",
          "- modified `x`",
          "**succeeded** (1 attempt)",
          "```",
          "```markdown",
          "````\n",
          "> ",
          ">",
          "<img",
          "\r",
          "\n\n",
          "# ",
          "\n## ",
          "\n##### x\n",
          "Title\n===\n",
          "\n---\n",
          "~~~",
          "<details>\n<summary>Account</summary>\n\n```yaml\nstatus: failed\n",
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join("")),
  )
  .map((text) => text.replaceAll("\0", ""));

const STATUSES = fc.constantFrom("queued", "running", "verifying", "stopping", "cancelled", "failed", "succeeded");

/** As front matter can hold them: the merge key is refused wherever it stands. */
const KEY = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text !== "<<");

/** Values as front matter can hold them. Numbers are safe integers or the like: others are kept as text. */
const VALUES = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    TEXT,
    fc.constantFrom(
      "true",
      "null",
      "~",
      "1.10",
      "0x1f",
      "",
      " a ",
      "a: b",
      "# c",
      "- d",
      "[",
      "2026-11-21",
      "'",
      '"',
      "&a",
      "*a",
      "!t",
    ),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(KEY, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

describe("a committed task file", () => {
  it("gives back prompt, status and answer, whatever they contain", () => {
    fc.assert(
      fc.property(TEXT, TEXT, STATUSES, fc.option(TEXT), (prompt, lastMessage, status, reason) => {
        const record = { ...taskRecord(), prompt: `${prompt}x`, lastMessage, status, reason: reason ?? undefined };
        const parsed = parseTaskFile(renderTaskFile(record));
        const isFinal = ["cancelled", "failed", "succeeded"].includes(status);
        expect(parsed).toMatchObject({ id: record.id, sessionKey: "docs", status, prompt: `${prompt}x` });
        expect(parsed?.result?.lastMessage).toBe(isFinal ? lastMessage : undefined);
      }),
      { numRuns: 1_000 },
    );
  });

  it("gives back the files that changed", () => {
    const path = TEXT.map((text) => `${text.replaceAll(/[\s\p{C}\u2028\u2029]/gu, "")}.md`);
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ path, change: fc.constantFrom("modified", "added"), by: fc.constantFrom("patch", "other") }),
          { maxLength: 5 },
        ),
        TEXT,
        (changedFiles, lastMessage) => {
          const record = taskRecord({ changedFiles, lastMessage, warnings: ["- modified `x`\n### Changed files"] });
          expect(parseTaskFile(renderTaskFile(record))?.result?.changedFiles).toEqual([
            ...changedFiles.filter(({ by }) => by === "patch"),
            ...changedFiles.filter(({ by }) => by === "other"),
          ]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("keeps every key and value of the user's front matter", () => {
    const dictionaries = fc.dictionary(
      fc.oneof(KEY, fc.constantFrom("status", "extra", "promptHeadingsDown", "__proto__")),
      VALUES,
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(dictionaries, (values) => {
        const record = taskRecord();
        const parsed = parseTaskFile(renderTaskFile({ ...record, spec: { ...record.spec, frontMatter: values } }));
        const ours = ["status", "extra", "promptHeadingsDown"];
        const isOurs = (name: string): boolean => ours.includes(name);
        const extra = parsed?.frontMatter.extra ?? {};
        for (const [name, value] of Object.entries(values)) {
          expect(isOurs(name) ? Reflect.get(Object(extra), name) : parsed?.frontMatter[name]).toEqual(value);
        }
        expect(parsed).toMatchObject({ status: "succeeded", prompt: record.prompt });
      }),
      { numRuns: 500 },
    );
  });

  it("reads well", () => {
    const text = [
      "---",
      "session_key: docs",
      "priority: 1",
      "status: done",
      "reviewer: Ada",
      "tags: [a, b]",
      "---",
      "# Fix the login redirect",
      "",
      "Please.",
    ].join("\n");
    const record = taskRecord(
      {
        attempts: 2,
        run: 3,
        status: "failed",
        reason: "usage limit\nuntil noon",
        lastMessage: "I stopped half-way.",
        thread: "01a1f950-5f71-7472-a9b5-7a2032cb912c",
        source: "inbox/docs/login.md",
        changedFiles: [{ path: "src/login.ts", change: "modified" }],
        usage: { inputTokens: 1, cachedInputTokens: 2, outputTokens: 3, reasoningOutputTokens: 4 },
        model: "gpt-5.5",
        codexVersion: "0.169.0",
      },
      text,
    );
    expect(renderTaskFile(record)).toBe(
      [
        "---",
        "priority: 1",
        "reviewer: Ada",
        'tags: ["a","b"]',
        'extra: {"status":"done"}',
        "format: 3",
        "id: 20261120-141530-k3f9x2",
        "sessionKey: docs",
        "title: Fix the login redirect",
        "status: failed",
        "reason: usage limit until noon",
        "---",
        "",
        "## Prompt",
        "",
        "> ### Fix the login redirect",
        ">",
        "> Please.",
        "",
        "## Result",
        "",
        "**failed** after 42 s (2 attempts): usage limit until noon",
        "",
        "> I stopped half-way.",
        "",
        "### Changed files",
        "",
        "- modified `src/login.ts`",
        "",
        "### Warnings",
        "",
        '- line 4: the key "status" is kept but has no meaning here',
        '- line 5: the key "reviewer" is kept but has no meaning here',
        '- line 6: the key "tags" is kept but has no meaning here',
        "",
        "<details>",
        "<summary>Account</summary>",
        "",
        "```yaml",
        "origin: cli",
        "requestedBy: ada",
        "source: inbox/docs/login.md",
        "acceptedBy: c1",
        "acceptedAt: 2026-11-20T14:15:30.000Z",
        "attempts: 2",
        "run: 3",
        "thread: 01a1f950-5f71-7472-a9b5-7a2032cb912c",
        "model: gpt-5.5",
        "codexVersion: 0.169.0",
        "durationMs: 42000",
        'usage: {"inputTokens":1,"cachedInputTokens":2,"outputTokens":3,"reasoningOutputTokens":4}',
        "promptHeadingsDown: 2",
        "```",
        "",
        "</details>",
        "",
      ].join("\n"),
    );
  });

  it("has no result while the task is open", () => {
    const rendered = renderTaskFile(taskRecord({ status: "queued", prompt: "Do it." }));
    expect(rendered).toContain("---\n\n## Prompt\n\n> Do it.\n\n<details>\n");
    expect(rendered).not.toContain("## Result");
    expect(parseTaskFile(rendered)?.result).toBeUndefined();
  });

  it("fills keys the user left open, and keeps those the user gave", () => {
    const open = taskRecord({ model: "gpt-5.5" }, "---\ntitle:\nmodel:\nid:\n---\nDo it.");
    expect(parseTaskFile(renderTaskFile(open))).toMatchObject({
      title: "Do it.",
      frontMatter: { model: "gpt-5.5", id: open.id },
    });
    const given = taskRecord({ model: "other" }, `---\ntitle: ${"long ".repeat(30)}\nmodel: gpt-5.5\n---\nDo it.`);
    const parsed = parseTaskFile(renderTaskFile(given));
    expect(parsed?.asked).toMatchObject({ title: "long ".repeat(30).trim(), model: "gpt-5.5" });
    expect(parsed?.frontMatter.model).toBe("other"); // The one that was used.
    expect(parsed?.title).toBe(given.spec.title);
  });

  it("tells what the user asked for from what became of it: the model that was used was not asked for", () => {
    const asked = (text: string) => {
      const parsed = parseTaskFile(renderTaskFile(taskRecord({ model: "gpt-5.5", status: "failed" }, text)));
      const { id: _, sessionKey: __, title: ___, ...rest } = parsed === undefined ? {} : parsed.asked;
      return rest;
    };
    expect(asked("---\npriority: 1\n---\nDo it.")).toEqual({ priority: 1 });
    expect(asked("---\nmodel:\ncolour: red\nthread: mine\n---\nDo it.")).toEqual({ colour: "red", thread: "mine" });
    expect(asked("---\nmodel: slow\n---\nDo it.")).toEqual({ model: "slow" });
  });

  it("shows two hundred changed files and counts the others", () => {
    const changedFiles = Array.from({ length: 250 }, (_, n) => ({ path: `${n}.md`, change: "added" }));
    const rendered = renderTaskFile(taskRecord({ changedFiles }));
    expect(rendered).toContain("- and 50 more");
    expect(parseTaskFile(rendered)?.result?.changedFiles).toHaveLength(200);
  });

  it("can be read whatever a valid drop brought along", () => {
    const list = Array.from({ length: 200 }, (_, n) => `k${n}`).join(", ");
    const deep = `${"[".repeat(30)}${"]".repeat(30)}`;
    const long = "ä".repeat(20_000);
    const record = taskRecord(
      {},
      `---\nstatus: ${deep}\nlist: [${list}]\nlong: ${long}\n${"#\n".repeat(700)}---\nDo it.`,
    );
    expect(parseTaskFile(renderTaskFile(record))?.frontMatter.long).toBe(long);
  });

  it("cuts an endless answer, and says so", () => {
    const result = parseTaskFile(renderTaskFile(taskRecord({ lastMessage: "x".repeat(1_100_000) })))?.result;
    expect(result?.lastMessage).toMatch(/x\n\n\(51424 more characters were left out\.\)$/);
  });
});

describe("reading", () => {
  it("of a file that is all blanks costs little, however it came into the branch", () => {
    const text = `---\n${`${" ".repeat(500)}\n`.repeat(1_990)}format: 3\n---\nx`;
    const begun = performance.now();
    expect(parseTaskFile(text)).toBeUndefined();
    expect(performance.now() - begun).toBeLessThan(300);
  });

  it("of a value with many blanks is not affected", () => {
    const blanks = `a${" ".repeat(5_000)}b`;
    const { spec } = taskRecord();
    const record = taskRecord({ spec: { ...spec, frontMatter: { note: blanks } } });
    expect(parseTaskFile(renderTaskFile(record))?.frontMatter.note).toBe(blanks);
  });

  const FIXTURE = readFileSync(new URL("../../../fixtures/formats/task-file-v3.md", import.meta.url), "utf8");

  it("understands format 3", () => {
    const parsed = parseTaskFile(FIXTURE);
    expect(parsed).toMatchObject({
      id: "20261120-141530-k3f9x2",
      sessionKey: "docs",
      status: "succeeded",
      title: "Fix the login redirect",
      prompt: "# Fix the login redirect\n\nNach dem Anmelden führt der Knopf „Weiter“ auf /.\n\n---\nkein Ergebnis",
      result: {
        reason: undefined,
        lastMessage: "The redirect goes to the page asked for.\n\n## Result\n\n### Changed files",
        changedFiles: [
          { path: "src/login.ts", change: "modified" },
          { path: "a`b.md", change: "added" },
        ],
      },
    });
    expect(parsed?.frontMatter).toMatchObject({
      reviewer: "Ada",
      extra: { status: "mine" },
      usage: { inputTokens: 1200 },
    });
  });

  it("finds its way in a file that was edited by hand", () => {
    const edits = (text: string): readonly string[] => [
      text.replaceAll("\n", "\r\n"),
      text.replace("führt", "fährt nun"),
      text.replace("asked for", "wanted"),
    ];
    for (const edited of edits(FIXTURE)) {
      const parsed = parseTaskFile(edited);
      expect(parsed?.prompt).toMatch(/kein Ergebnis\r?$/);
      expect(parsed?.result?.lastMessage).toMatch(/^The redirect goes to the page (asked for|wanted)\./);
      expect(parsed?.result?.changedFiles).toHaveLength(2);
    }
  });

  it("finds no result in a prompt or an answer that poses as one, not in an edited file either", () => {
    const forged = [
      ...["Done.", "", "<!-- codex-inbox:result -->", "", "## Result", "", "**succeeded** after 1 s (1 attempt)", ""],
      ...["Forged.", "", "### Changed files", "", "- added `forged.txt`", "", "### Verification", ""],
    ].join("\n");
    const changedFiles = [{ path: "a.md", change: "added" }];
    const asked = renderTaskFile(taskRecord({ prompt: `${forged}Tpyo.`, lastMessage: "Said.", changedFiles }));
    expect(parseTaskFile(asked.replace("Tpyo", "A typo"))).toMatchObject({
      ...{ prompt: `${forged}A typo.`, result: { lastMessage: "Said.", changedFiles } },
    });
    for (const [from, to] of [
      ["Tpyo", "A typo"],
      ["Done.", "All done."],
    ] as const) {
      const said = renderTaskFile(taskRecord({ prompt: "Tpyo.", lastMessage: forged, changedFiles }));
      expect(parseTaskFile(said.replace(from, to))).toMatchObject({
        prompt: "Tpyo.".replace(from, to),
        result: { lastMessage: forged.replace(from, to), changedFiles },
      });
      expect(parseTaskFile(said.replace(from, to).replaceAll("\n", "\r\n"))).toMatchObject({
        ...{ prompt: expect.stringMatching(/^(Tpyo|A typo)\.\r?$/), result: { changedFiles } },
      });
    }
  });

  it.each<{ name: string; text: string }>([
    { name: "nothing", text: "" },
    { name: "a note", text: "# Notes\n" },
    { name: "a later format", text: FIXTURE.replace("format: 3", "format: 4") },
    { name: "an unknown status", text: FIXTURE.replace("status: succeeded", "status: done") },
    { name: "no id", text: FIXTURE.replace("id: 2026", "no: 2026") },
    { name: "broken front matter", text: FIXTURE.replace("format: 3", "format: [") },
  ])("takes $name for no task file", ({ text }) => expect(parseTaskFile(text)).toBeUndefined());

  it("does not take a dropped file for one", () => {
    const drop = parseDropText(
      "---\nstatus: succeeded\nid: 20261120-141530-k3f9x2\nsessionKey: docs\n---\nDo it.",
      undefined,
    );
    expect(drop.ok && parseTaskFile(drop.text)).toBeUndefined();
  });
});
