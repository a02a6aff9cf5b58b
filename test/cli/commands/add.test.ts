import { describe, expect, it } from "vitest";
import { createAddCommand } from "../../../src/cli/commands/add.ts";
import { parseDropText } from "../../../src/task/file/task-file.ts";
import { createFakeCliDeps, runCommand } from "../../fakes/fake-cli-deps.ts";

const ID = "20261120-141530-k3f9x2";

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
    expect(JSON.parse(deps.printed.join(""))).toEqual({ id: ID, path: `inbox/${ID}.md` });
  });

  it("makes front matter of its flags, whatever stands in them", async () => {
    const deps = createFakeCliDeps();
    const title = 'A "title": # with --- and \\ in it';
    await runCommand(createAddCommand(deps), "--session", "docs/api", "--title", title, "--priority", "0", "Fix it");
    const parsed = parseDropText(deps.published[0] ?? "", undefined);
    expect(parsed).toMatchObject({ ok: true, prompt: "Fix it", spec: { sessionKey: "docs/api", title, priority: 0 } });
  });

  it.each(["---\ntitle: x\n---\nFix", "\uFEFF---\r\n---\r\nFix", "---yaml\ntitle: x\n---\nFix"])(
    "refuses flags for a text with front matter of its own: %j",
    async (text) => {
      const deps = createFakeCliDeps();
      deps.input = text;
      await expect(runCommand(createAddCommand(deps), "--title", "y")).rejects.toMatchObject({ code: "USAGE" });
      expect(deps.published).toEqual([]);
    },
  );

  it.each([[["--priority", "high", "x"]], [["--priority", "1.5", "x"]], [[]], [[" \n"]]])(
    "refuses %j, and publishes nothing",
    async (argv) => {
      const deps = createFakeCliDeps();
      await expect(runCommand(createAddCommand(deps), ...argv)).rejects.toMatchObject({ code: "USAGE" });
      expect(deps.published).toEqual([]);
    },
  );
});
