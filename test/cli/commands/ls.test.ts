import { describe, expect, it } from "vitest";
import type { ListOptions } from "../../../src/app/queries/queries.ts";
import { createLsCommand } from "../../../src/cli/commands/ls.ts";
import { createFakeCliDeps, runCommand, taskView } from "../../fakes/fake-cli-deps.ts";

const OWN = taskView({ sessionKey: "2026-11-20/20261120-141530-k3f9x2", status: "failed", reason: "usage limit" });
const HELD = taskView({ id: "20261120-141531-aaaaaa", status: "queued", hold: "paused", endedAt: null });

/** An `ls` that sees these tasks, and notes what it asked for. */
function ls(...tasks: readonly ReturnType<typeof taskView>[]) {
  const asked: ListOptions[] = [];
  const list = async (options: ListOptions) => {
    asked.push(options);
    return { tasks, nextCursor: undefined };
  };
  const deps = createFakeCliDeps({ list, lines: list });
  return { deps, asked, command: createLsCommand(deps) };
}

describe("ls", () => {
  it("shows a task a line: id, status, session unless its own, title, and what holds or ended it", async () => {
    const { deps, command } = ls(HELD, OWN);
    expect(await runCommand(command)).toBe(0);
    expect(deps.printed).toEqual([
      "20261120-141531-aaaaaa  queued     docs          Fix the login  (paused)",
      "20261120-141530-k3f9x2  failed     -             Fix the login  (usage limit)",
    ]);
  });

  it("names what waits in inbox/ while nobody serves", async () => {
    const { tasks, nextCursor } = { tasks: [HELD], nextCursor: undefined };
    const deps = createFakeCliDeps({
      lines: async () => ({ tasks, nextCursor }),
      waiting: async () => ({ count: 3, paths: ["inbox/a.md", "inbox/docs/b.md"] }),
    });
    await runCommand(createLsCommand(deps));
    expect(deps.printed).toEqual([
      "inbox/a.md  waiting for a coordinator (codex-inbox serve)",
      "inbox/docs/b.md  waiting for a coordinator (codex-inbox serve)",
      "and 1 more in inbox/",
      "20261120-141531-aaaaaa  queued     docs          Fix the login  (paused)",
    ]);
  });

  it("says so when there is nothing", async () => {
    const { deps, command } = ls();
    await runCommand(command);
    expect(deps.printed).toEqual(["no tasks"]);
  });

  it("prints the tasks whole as JSON, also when there is none", async () => {
    const { deps, command } = ls(HELD);
    await runCommand(command, "--json");
    expect(JSON.parse(deps.printed.join("\n"))).toEqual([HELD]);
    const empty = ls();
    await runCommand(empty.command, "--json");
    expect(empty.deps.printed).toEqual(["[]"]);
  });

  it("asks for as many finished ones as it is told, of all sessions or one", async () => {
    const { asked, command } = ls();
    await runCommand(command);
    await runCommand(command, "-n", "3", "--session", "docs");
    await runCommand(command, "--open", "-n", "3");
    expect(asked).toEqual([
      { finished: 20, session: undefined, limit: 500, cursor: undefined },
      { finished: 3, session: "docs", limit: 500, cursor: undefined },
      { finished: 0, session: undefined, limit: 500, cursor: undefined },
    ]);
  });

  it("asks page by page, and prints them as one list", async () => {
    const pages = [
      { tasks: [HELD], nextCursor: "a7" },
      { tasks: [OWN], nextCursor: undefined },
    ];
    const asked: unknown[] = [];
    const deps = createFakeCliDeps({
      list: async (options) => {
        asked.push(options.cursor);
        return pages[asked.length - 1] ?? { tasks: [], nextCursor: undefined };
      },
    });
    await runCommand(createLsCommand(deps), "--json");
    expect(asked).toEqual([undefined, "a7"]);
    expect(JSON.parse(deps.printed.join("\n"))).toEqual([HELD, OWN]);
  });
});
