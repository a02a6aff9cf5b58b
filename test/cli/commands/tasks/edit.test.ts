import { describe, expect, it } from "vitest";
import { createEditCommand } from "../../../../src/cli/commands/tasks/edit.ts";
import { createFakeCliDeps, runCommand } from "../../../fakes/fake-cli-deps.ts";

const ID = "20261120-141530-k3f9x2";

describe("edit", () => {
  it.each([
    { argv: ["--priority", "0", "--title", "T", "k3f9"], change: { keys: { priority: 0, title: "T" } } },
    {
      argv: ["k3f9", "--unset", "verifyCommand", "--unset", "model"],
      change: { keys: { verifyCommand: null, model: null } },
    },
    { argv: ["k3f9", "-"], change: { keys: {}, prompt: "New.\n" } },
    { argv: ["-", "k3f9"], change: { keys: {}, prompt: "New.\n" } },
    { argv: ["k3f9", "-", "--timeout", "90s"], change: { keys: { timeoutMs: 90_000 }, prompt: "New.\n" } },
  ])("changes what $argv says, and prints the id", async ({ argv, change }) => {
    const deps = createFakeCliDeps();
    deps.input = "New.\n";
    expect(await runCommand(createEditCommand(deps), ...argv)).toBe(0);
    expect(deps.edited).toEqual([{ part: "k3f9", change }]);
    expect([deps.printed, deps.warned]).toEqual([[ID], ["unknown key x"]]);
  });

  it("opens the task in an editor where nothing else is said, and changes what is changed there", async () => {
    const deps = createFakeCliDeps();
    deps.editor = (text) => text.replace("priority: 1", "priority: 0").replace("Fix", "Mend");
    await runCommand(createEditCommand(deps), "--json", "k3f9");
    expect(deps.edited).toEqual([{ part: ID, change: { keys: { priority: 0 }, prompt: "Mend it.\n" } }]);
    expect(JSON.parse(deps.printed.join(""))).toEqual({ version: 1, id: ID });
    deps.editor = (text) => text;
    expect(await runCommand(createEditCommand(deps), "k3f9")).toBe(0);
    expect(deps.warned.at(-1)).toBe("nothing was changed: the text is empty, or as it was");
    expect(deps.edited).toHaveLength(1);
  });

  it("says that it waits where nobody serves", async () => {
    const deps = createFakeCliDeps();
    deps.isServed = false;
    await runCommand(createEditCommand(deps), "--priority", "0", "k3f9");
    expect(deps.warned.at(-1)).toMatch(/^nobody serves this workspace: the edit waits in inbox\//);
  });

  it.each([
    [[]],
    [["a", "b"]],
    [["a", "-", "b"]],
    [["a", "--session", "x"]],
    [["a", "--priority", "low"]],
    [["a", "-"]],
    [["-"]],
    [["-", "-"]],
    [["a", "--unset", "prompt"]],
  ])("refuses %j, and changes nothing", async (argv) => {
    const deps = createFakeCliDeps();
    await expect(runCommand(createEditCommand(deps), ...argv)).rejects.toMatchObject({ code: "USAGE" });
    expect(deps.edited).toEqual([]);
  });
});
