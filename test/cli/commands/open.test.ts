import { describe, expect, it } from "vitest";
import { createOpenCommand } from "../../../src/cli/commands/open.ts";
import { createFakeCliDeps, runCommand } from "../../fakes/fake-cli-deps.ts";

const LINK = "http://127.0.0.1:8787/sign-in?code=x";

describe("open", () => {
  it("starts a browser and says so; the link is not shown", async () => {
    const deps = createFakeCliDeps();
    expect(await runCommand(createOpenCommand(deps))).toBe(0);
    expect([deps.printed, deps.warned]).toEqual([["The page is opened in your browser."], []]);
  });

  it("prints the link alone where it is asked for", async () => {
    const deps = createFakeCliDeps();
    expect(await runCommand(createOpenCommand(deps), "--print")).toBe(0);
    expect([deps.printed, deps.warned]).toEqual([[LINK], []]);
  });

  it("prints the link where no browser could be started, and says what it is beside it", async () => {
    const deps = createFakeCliDeps({ openPage: async () => ({ link: LINK, isOpened: false }) });
    expect(await runCommand(createOpenCommand(deps))).toBe(0);
    expect(deps.printed).toEqual([LINK]);
    expect(deps.warned).toEqual(["No browser was started; within ten minutes, this link signs one in:"]);
  });
});
