import { describe, expect, it } from "vitest";
import type { TaskDetails } from "../../../../src/app/views/task-view.ts";
import { createShowCommand } from "../../../../src/cli/commands/tasks/show.ts";
import { createFakeCliDeps, runCommand, taskView } from "../../../fakes/fake-cli-deps.ts";

const TASK: TaskDetails = {
  ...taskView({
    changedFiles: [{ path: "src/login.ts", change: "modified", by: "patch" }],
    verification: { command: "npm test", outcome: "passed", what: "passed" },
    result: "# Done\n\nFixed it.",
  }),
  prompt: "Fix the login.\n",
  verificationOutput: "12 tests passed",
  commit: "0123456789abcdef0123456789abcdef01234567",
  workplace: null,
};

function show(task: TaskDetails) {
  const deps = createFakeCliDeps({ show: async () => task });
  return { deps, command: createShowCommand(deps) };
}

describe("show", () => {
  it("prints prompt, answer, verification and changed files, and where the task's file and commit are", async () => {
    const { deps, command } = show(TASK);
    expect(await runCommand(command, "k3f9")).toBe(0);
    expect(deps.printed).toEqual([
      "Fix the login",
      "task       20261120-141530-k3f9x2",
      "status     succeeded",
      "session    docs",
      "accepted   2026-11-20T14:15:30.000Z by ada (cli)",
      "started    2026-11-20T14:15:31.000Z",
      "ended      2026-11-20T14:16:00.000Z, after 29 s of work",
      "file       sessions/docs/2026-11-20/20261120-141530-k3f9x2.md",
      "commit     0123456789abcdef0123456789abcdef01234567",
      ...["", "Prompt", "  Fix the login."],
      ...["", "Answer", "  # Done\n  \n  Fixed it."],
      ...["", "Verification", "  $ npm test\n  passed\n  12 tests passed"],
      ...["", "Changed files", "  modified src/login.ts"],
    ]);
  });

  it("cuts a long prompt and says so", async () => {
    const { deps, command } = show({ ...TASK, prompt: "word\n".repeat(100) });
    await runCommand(command, "k3f9");
    expect(deps.printed).toContain("  … 60 more lines (--json has all)");
  });

  it("says why a task waits and what would make it go, and what a run does", async () => {
    const progress = {
      ...{ kind: "verify" as const, startedAt: "2026-11-20T14:15:31.000Z", lastEventAt: null, last: null },
      ...{ command: "npm test", commandSince: "2026-11-20T14:15:31.000Z", commands: 0, usage: null },
    };
    const held = { hold: "all workers are busy", holdRemedy: "it goes when a run has ended" };
    const { deps, command } = show({ ...TASK, status: "verifying", endedAt: null, ...held, progress });
    deps.nowMs = Date.parse("2026-11-20T14:16:31.000Z");
    await runCommand(command, "k3f9");
    expect(deps.printed).toContain("waits      all workers are busy; it goes when a run has ended");
    expect(deps.printed).toContain("now        verifies for 1 min");
    expect(deps.printed).toContain("now        $ npm test  (for 1 min)");
  });

  it("prints the last message alone, as it is, and refuses before there is one", async () => {
    const { deps, command } = show(TASK);
    expect(await runCommand(command, "--answer", "k3f9")).toBe(0);
    expect(deps.printed).toEqual(["# Done\n\nFixed it."]);
    const waiting = show({ ...TASK, status: "queued", hold: "paused" });
    const message = `${TASK.id} has no answer yet: it is queued (paused); codex-inbox wait waits for it`;
    await expect(runCommand(waiting.command, "--answer", "k")).rejects.toMatchObject({ code: "TRY_AGAIN", message });
  });

  it("says where a task works and why, term by term", async () => {
    const terms = [
      { name: "dirty", points: 20, why: "the checkout has uncommitted changes" },
      { name: "overlap", points: 40, why: "other open work touches the same paths" },
    ];
    const workplace = {
      kind: "worktree",
      branch: "codex-inbox/docs-1a2b3c",
      dir: "/trees/docs",
      score: 60,
      terms,
    } as const;
    const { deps, command } = show({ ...TASK, workplace });
    await runCommand(command, "--why", "k3f9");
    expect(deps.printed).toEqual([
      `${TASK.id} works in a worktree of its session, /trees/docs`,
      "    20  dirty     the checkout has uncommitted changes",
      "    40  overlap   other open work touches the same paths",
      "    60  of 50 that a worktree takes",
    ]);
    const unknown = show(TASK);
    await runCommand(unknown.command, "--why", "k3f9");
    expect(unknown.deps.printed.join()).toContain("is decided when its run begins");
  });

  it("prints all of it as JSON", async () => {
    const { deps, command } = show(TASK);
    await runCommand(command, "--json", "k3f9");
    expect(JSON.parse(deps.printed.join(""))).toEqual({ version: 1, ...TASK });
  });
});
