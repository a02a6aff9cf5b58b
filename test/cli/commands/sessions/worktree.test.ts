import { expect, it } from "vitest";
import type { WorktreeRequest, WorktreeView } from "../../../../src/app/actions/worktrees.ts";
import { createWorktreeCommand } from "../../../../src/cli/commands/sessions/worktree.ts";
import { createFakeCliDeps, runCommand } from "../../../fakes/fake-cli-deps.ts";

const TREE: WorktreeView = {
  ...{ session: "docs", branch: "codex-inbox/docs", dir: "/t/docs", state: "ready", slot: 1, base: "0", head: "1" },
  ...{ ahead: 2, behind: 0, pinned: [], usedAt: "2026-11-20T14:15:30.000Z" },
};
const PARKED: WorktreeView = {
  ...TREE,
  session: "web/shop",
  branch: "codex-inbox/web",
  state: "parked",
  pinned: ["a"],
};

function worktree(worktrees: readonly WorktreeView[] = [TREE, PARKED]) {
  const asked: WorktreeRequest[] = [];
  const kept = [{ session: "docs", dir: "/t/docs", why: "a.txt is in no commit" }];
  const deps = createFakeCliDeps({
    worktrees: async (request) => {
      asked.push(request);
      return { worktrees, kept: request.kind === "gc" ? kept : [] };
    },
  });
  return { asked, deps, command: createWorktreeCommand(deps) };
}

it("lists them, with what is in no commit, and where a parked one can be had again", async () => {
  const { asked, deps, command } = worktree();
  expect(await runCommand(command)).toBe(0);
  expect(deps.printed).toEqual([
    "docs      ready     2 ahead, 0 behind  /t/docs",
    "web/shop  parked    2 ahead, 0 behind, 1 in no commit  codex-inbox/web",
  ]);
  await runCommand(command, "gc");
  expect(deps.printed.at(-1)).toBe("docs stays: a.txt is in no commit");
  expect(asked).toEqual([{ kind: "ls" }, { kind: "gc" }]);
  const none = worktree([]);
  await runCommand(none.command, "ls");
  expect(none.deps.printed).toEqual(["no worktrees"]);
});

it("prints the folder that it has opened, and nothing else; the same as JSON", async () => {
  const { asked, deps, command } = worktree([TREE]);
  expect(await runCommand(command, "open", "docs")).toBe(0);
  expect([asked, deps.printed]).toEqual([[{ kind: "open", session: "docs" }], ["/t/docs"]]);
  deps.printed.length = 0;
  await runCommand(command, "repair", "docs", "--json");
  expect(JSON.parse(deps.printed.join("\n"))).toEqual({ version: 1, worktrees: [TREE], kept: [] });
});

it.each([["open"], ["ls", "docs"], ["remove", "docs"]])("does not take %s %s", async (...words) => {
  const { command } = worktree();
  await expect(runCommand(command, ...words)).rejects.toMatchObject({ code: "USAGE" });
});
