import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createAddCommand } from "../../../../src/cli/commands/tasks/add.ts";
import { createFakeCliDeps, runCommand, taskView } from "../../../fakes/fake-cli-deps.ts";
import { tempDir } from "../../../support/temp-dir.ts";

const ID = "20261120-141530-k3f9x2";

/** What was published by these arguments, with what is on standard input. */
async function published(argv: readonly string[], input = ""): Promise<string | undefined> {
  const deps = createFakeCliDeps();
  deps.input = input;
  await runCommand(createAddCommand(deps), ...argv);
  return deps.published[0];
}

describe("add", () => {
  it("publishes the words as the prompt, prints the id alone, and warns beside it", async () => {
    const deps = createFakeCliDeps();
    expect(await runCommand(createAddCommand(deps), "Fix", "the", "login")).toBe(0);
    expect(deps.published).toEqual(["Fix the login"]);
    expect(deps.printed).toEqual([ID]);
    expect(deps.warned).toEqual(["unknown key x"]);
  });

  it.each([[[]], [["-"]]])("takes the prompt from standard input, byte for byte: %j", async (words) => {
    const deps = createFakeCliDeps();
    deps.input = "---\ntitle: Mine\n---\r\nFix it.\n\n";
    await runCommand(createAddCommand(deps), "--json", ...words);
    expect(deps.published).toEqual([deps.input]);
    expect(JSON.parse(deps.printed.join(""))).toEqual({ version: 1, id: ID, path: `inbox/${ID}.md` });
  });

  it.each([
    { argv: ["Fix", "it:"], input: "one\n", text: "Fix it:\n\none\n" },
    { argv: ["Fix", "it:", "-"], input: "one\n", text: "Fix it:\n\none\n" },
    { argv: ["Fix it:"], input: " \n", text: "Fix it:" },
    { argv: ["Fix it:"], input: "---\ntitle: T\n---\none\n", text: "---\ntitle: T\n---\nFix it:\n\none\n" },
  ])("adds standard input to the words: $argv, $input", async ({ argv, input, text }) => {
    expect(await published(argv, input)).toBe(text);
  });

  it("adds a file, relative to where the user is, and standard input below it", async () => {
    const dir = tempDir();
    mkdirSync(join(dir, "docs"));
    writeFileSync(join(dir, "docs/task.md"), "---\ntitle: T\n---\nFrom a file.\n");
    const deps = { ...createFakeCliDeps(), currentDir: join(dir, "docs") };
    await runCommand(createAddCommand(deps), "--file", "task.md");
    expect(deps.published).toEqual(["---\ntitle: T\n---\nFrom a file.\n"]);
    deps.readInput = async () => "Piped.\n";
    await runCommand(createAddCommand(deps), "Words.", "--file", "../docs/task.md");
    expect(deps.published[1]).toBe("---\ntitle: T\n---\nWords.\n\nFrom a file.\n\nPiped.\n");
    deps.readInput = async () => "---\ntitle: U\n---\nPiped.\n";
    const twice = runCommand(createAddCommand(deps), "--file", "task.md");
    await expect(twice).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("more than one") });
    for (const [path, message] of [
      ["missing.md", `--file: ${join(dir, "docs/missing.md")} is not there`],
      [".", `--file: ${join(dir, "docs")} is a folder: name a file`],
    ] as const)
      await expect(runCommand(createAddCommand(deps), "--file", path)).rejects.toMatchObject({
        ...{ code: "NOT_FOUND", message },
      });
    writeFileSync(join(dir, "docs/latin.md"), Buffer.from([0x46, 0xe4]));
    await expect(runCommand(createAddCommand(deps), "--file", "latin.md")).rejects.toMatchObject({ code: "TASK_FILE" });
  });

  it("sends what was edited, and nothing that is empty or as it was", async () => {
    const deps = createFakeCliDeps();
    deps.editor = (text) => `${text}, and more`;
    await runCommand(createAddCommand(deps), "--edit", "Fix it");
    expect(deps.published).toEqual(["Fix it, and more"]);
    for (const editor of [(text: string) => text, () => " \n"]) {
      deps.editor = editor;
      expect(await runCommand(createAddCommand(deps), "--edit", "Fix it")).toBe(0);
      expect(deps.warned.at(-1)).toBe("nothing was sent: the text is empty, or as it was");
    }
    expect([deps.published.length, deps.printed.length]).toEqual([1, 1]);
  });

  it("hands on every key that its flags set, by the name of its flag", async () => {
    const find = async (part: string) => taskView({ id: `20261120-000000-${part}` });
    const deps = createFakeCliDeps({ find });
    deps.nowMs = Date.UTC(2026, 10, 21);
    await runCommand(
      createAddCommand(deps),
      ...["--session", "docs/api", "--title", 'A "title"', "--verify", "npm test", "--priority", "0", "--model", "m"],
      ...["--depends-on", "k3f9x2", "--depends-on", ID, "--not-before", "+90m", "--sandbox", "read-only"],
      ...["--timeout", "2h", "--attempts", "5", "--image", "a.png", "--image", "b.png", "Fix it"],
    );
    expect(deps.published).toEqual(["Fix it"]);
    expect(Object.fromEntries((deps.publishedKeys[0] ?? []).map(({ key, value }) => [key, value]))).toEqual({
      ...{ sessionKey: "docs/api", title: 'A "title"', verifyCommand: "npm test", priority: 0, model: "m" },
      ...{ dependsOn: ["20261120-000000-k3f9x2", ID], notBefore: "2026-11-21T01:30:00.000Z", sandbox: "read-only" },
      ...{ timeoutMs: 7_200_000, maxAttempts: 5, images: ["a.png", "b.png"] },
    });
    expect((deps.publishedKeys[0] ?? []).map(({ name }) => name)).toContain("--depends-on");
  });

  it("waits for the end of the task with --wait, and its exit code says how that was", async () => {
    for (const [change, code] of [
      [{}, 0],
      [{ status: "failed", reason: "it broke" }, 1],
      [{ status: "failed", failure: "verification" }, 5],
    ] as const) {
      const wait = async (parts: readonly string[]) =>
        parts.map((part) => ({ part, task: taskView({ id: part, ...change }), hasEnded: true }));
      const deps = createFakeCliDeps({ wait });
      expect(await runCommand(createAddCommand(deps), "--wait", "Fix it")).toBe(code);
      expect(deps.printed[0]).toBe(ID);
      expect(deps.printed[1]).toMatch(new RegExp(`^${ID}  (succeeded|failed)  `));
    }
  });

  it("shows what happens with --follow, and ends as the task does; not while nobody serves", async () => {
    const asked: string[] = [];
    const deps = createFakeCliDeps({
      find: async (part) => taskView({ id: part }),
      async *followLog(part) {
        asked.push(part);
        yield { kind: "left-out", count: 3 };
      },
      wait: async (parts) => parts.map((part) => ({ part, task: taskView({ id: part }), hasEnded: true })),
    });
    expect(await runCommand(createAddCommand(deps), "--follow", "Fix it")).toBe(0);
    expect(asked).toEqual([ID]);
    expect(deps.printed).toMatchObject([
      ID,
      expect.stringContaining("3 earlier"),
      expect.stringContaining("succeeded"),
    ]);
    deps.isServed = false;
    expect(await runCommand(createAddCommand(deps), "--follow", "Fix it")).toBe(75);
    expect(asked).toHaveLength(1);
  });

  it("says that nobody serves, and how to start", async () => {
    const deps = createFakeCliDeps();
    deps.isServed = false;
    expect(await runCommand(createAddCommand(deps), "Fix it")).toBe(0);
    expect(deps.warned.at(-1)).toMatch(/^nobody serves this workspace, .* start with codex-inbox serve$/);
    expect(deps.printed).toEqual([ID]);
  });

  it.each([
    [["--priority", "high", "x"]],
    [["--priority", "1.5", "x"]],
    [["--timeout", "30", "x"]],
    [["--not-before", "+2w", "x"]],
    [["--attempts", "-1", "x"]],
    [["--verify", "", "x"]],
    [["--touches", "src", "--touches", " ", "x"]],
    [[]],
    [[" \n"]],
    [["-"]],
  ])("refuses %j, and publishes nothing", async (argv) => {
    const deps = createFakeCliDeps();
    await expect(runCommand(createAddCommand(deps), ...argv)).rejects.toMatchObject({ code: "USAGE" });
    expect(deps.published).toEqual([]);
  });
});
