import { describe, expect, it } from "vitest";
import type { ListOptions } from "../../../../src/app/queries/queries.ts";
import { createLsCommand } from "../../../../src/cli/commands/tasks/ls.ts";
import { createFakeCliDeps, runCommand, sessionView, taskView } from "../../../fakes/fake-cli-deps.ts";

const OWN = taskView({ sessionKey: "2026-11-20/141530-fix-login-k3f9x2", status: "failed", reason: "usage limit" });
const HELD = taskView({ id: "20261120-141531-aaaaaa", status: "queued", hold: "paused", endedAt: null });

/** An `ls` that sees these tasks, and notes what it asked for. */
function ls(...tasks: readonly ReturnType<typeof taskView>[]) {
  const asked: ListOptions[] = [];
  const list = async (options: ListOptions) => {
    asked.push(options);
    return { tasks, nextCursor: undefined };
  };
  const deps = createFakeCliDeps({ list, lines: list, session: async () => sessionView() });
  return { deps, asked, command: createLsCommand(deps) };
}

describe("ls", () => {
  it("prints a task a line for programs, with tabs between, nothing cut and no tab in a text", async () => {
    const { deps, command } = ls(HELD, { ...OWN, title: "Fix\tthe login" });
    expect(await runCommand(command)).toBe(0);
    const times = "2026-11-20T14:15:30.000Z\t2026-11-20T14:15:31.000Z";
    expect(deps.printed).toEqual([
      `20261120-141531-aaaaaa\tqueued\tdocs\t${times}\t\tFix the login\tpaused`,
      `20261120-141530-k3f9x2\tfailed\t-\t${times}\t2026-11-20T14:16:00.000Z\tFix the login\tusage limit`,
    ]);
  });

  it("prints a table for people, with a header, as wide as the terminal", async () => {
    const { deps, command } = ls(HELD, OWN);
    deps.nowMs = Date.parse("2026-11-20T14:21:00.000Z");
    deps.columns = 120;
    await runCommand(command);
    expect(deps.printed).toEqual([
      "TASK                    STATE   SESSION    AGE   TOOK  TITLE",
      "20261120-141531-aaaaaa  queued  docs     5 min  5 min  Fix the login  (paused)",
      "20261120-141530-k3f9x2  failed  -        5 min   29 s  Fix the login  (usage limit)",
    ]);
    deps.printed.length = 0;
    deps.columns = 70;
    await runCommand(command);
    expect(deps.printed.every((line) => line.length <= 70)).toBe(true);
    expect(deps.printed[2]).toMatch(/29 s {2}Fix the login.*…$/);
  });

  it("names what waits in inbox/ while nobody serves, and what is broken there", async () => {
    const deps = createFakeCliDeps({
      lines: async () => ({ tasks: [HELD], nextCursor: undefined }),
      waiting: async () => ({ inbox: { count: 3, paths: ["inbox/a.md", "inbox/docs/b.md"] }, broken: ["inbox/x.md"] }),
    });
    await runCommand(createLsCommand(deps));
    expect(deps.printed.slice(0, 3)).toEqual([
      "inbox/a.md\twaiting\t-\t\t\t\t\twaits for a coordinator (codex-inbox serve)",
      "inbox/docs/b.md\twaiting\t-\t\t\t\t\twaits for a coordinator (codex-inbox serve)",
      "inbox/x.md\tbroken\t-\t\t\t\t\tsee the .error.md file beside it",
    ]);
    deps.columns = 200;
    await runCommand(createLsCommand(deps));
    expect(deps.printed.slice(-2)).toEqual([
      "3 in inbox/ waiting for a coordinator (codex-inbox serve): inbox/a.md, inbox/docs/b.md",
      "1 broken in inbox/, see the .error.md beside each: inbox/x.md",
    ]);
  });

  it("says so when there is nothing, beside the output that programs read", async () => {
    const { deps, command } = ls();
    await runCommand(command);
    expect([deps.printed, deps.warned]).toEqual([[], ["no tasks"]]);
    deps.columns = 80;
    await runCommand(command);
    expect(deps.printed).toEqual(["no tasks"]);
  });

  it("prints the tasks whole as JSON, also when there is none", async () => {
    const { deps, command } = ls(HELD);
    await runCommand(command, "--json");
    expect(JSON.parse(deps.printed.join("\n"))).toEqual({ version: 1, tasks: [HELD] });
    const empty = ls();
    await runCommand(empty.command, "--json");
    expect(JSON.parse(empty.deps.printed.join(""))).toEqual({ version: 1, tasks: [] });
  });

  it("asks for as many finished ones as it is told, in some states, of all sessions or one", async () => {
    const { asked, command } = ls();
    await runCommand(command);
    await runCommand(command, "-n", "3", "--session", "thread", "-a");
    await runCommand(command, "--open", "-n", "3", "--state", "failed", "--state", "queued");
    const page = { limit: 500, cursor: undefined };
    expect(asked).toEqual([
      { finished: 20, session: undefined, statuses: [], archived: false, ...page },
      { finished: 3, session: "docs", statuses: [], archived: true, ...page },
      { finished: 0, session: undefined, statuses: ["failed", "queued"], archived: false, ...page },
    ]);
  });

  it("says which states there are", async () => {
    const message = expect.stringContaining('did you mean "failed"?');
    await expect(runCommand(ls().command, "--state", "faild")).rejects.toMatchObject({ code: "USAGE", message });
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
    expect(JSON.parse(deps.printed.join("\n"))).toEqual({ version: 1, tasks: [HELD, OWN] });
  });
});
