import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CoordinatorError } from "../../../src/base/errors.ts";
import { createPauseCommand } from "../../../src/cli/commands/pause.ts";
import { createResumeCommand } from "../../../src/cli/commands/resume.ts";
import { statePaths } from "../../../src/store/state-paths.ts";
import { createFakeCliDeps, type FakeCliDeps, runCommand, sessionView } from "../../fakes/fake-cli-deps.ts";
import { tempDir } from "../../support/temp-dir.ts";

function workspace(): FakeCliDeps {
  const deps = createFakeCliDeps({
    async session(part) {
      if (!"docs".includes(part)) throw new CoordinatorError("NOT_FOUND", `there is no session "${part}"`);
      return sessionView({ key: "docs" });
    },
  });
  deps.pauseDir = tempDir();
  deps.nowMs = Date.UTC(2026, 10, 20, 14, 15, 30);
  return deps;
}

async function said(
  deps: FakeCliDeps,
  word: "pause" | "resume",
  ...argv: readonly string[]
): Promise<readonly string[]> {
  const command = word === "pause" ? createPauseCommand(deps) : createResumeCommand(deps);
  deps.printed.length = 0;
  expect(await runCommand(command, ...argv)).toBe(0);
  return [...deps.printed];
}

describe("pause and resume", () => {
  it("of the whole queue say what they did", async () => {
    const deps = workspace();
    expect(await said(deps, "pause", "--reason", "a release")).toEqual([
      "the queue is paused since 2026-11-20T14:15:30Z: a release; codex-inbox resume lets it go on.",
    ]);
    expect(await said(deps, "resume")).toEqual(["the queue goes on."]);
  });

  it("of a session name it", async () => {
    const deps = workspace();
    expect(await said(deps, "pause", "--session", "docs")).toEqual([
      "session docs is paused since 2026-11-20T14:15:30Z; codex-inbox resume --session docs lets it go on.",
    ]);
    expect(await said(deps, "resume", "--session", "docs")).toEqual(["session docs goes on."]);
  });

  it("of a session that has not begun say so, and which one may have been meant", async () => {
    const deps = workspace();
    await said(deps, "pause", "--session", "doc");
    await said(deps, "pause", "--session", "web");
    await said(deps, "pause", "--session", "docs");
    expect(deps.warned).toEqual([
      "codex-inbox: there is no session doc yet: tasks of exactly that one will wait; did you mean docs?",
      "codex-inbox: there is no session web yet: tasks of exactly that one will wait; codex-inbox sessions lists those there are",
    ]);
  });

  it("twice are no failure", async () => {
    const deps = workspace();
    await said(deps, "pause", "--reason", "a release");
    deps.nowMs += 60_000;
    const already = ["Nothing to do: the queue is already paused since 2026-11-20T14:15:30Z: a release."];
    expect(await said(deps, "pause")).toEqual(already);
    expect(await said(deps, "pause", "--reason", "a release")).toEqual(already);
    expect((await said(deps, "pause", "--reason", "two"))[0]).toContain("since 2026-11-20T14:15:30Z: two;");
    await said(deps, "resume");
    expect(await said(deps, "resume")).toEqual(["Nothing to do: the queue is not paused."]);
    expect(await said(deps, "resume", "--session", "docs")).toEqual(["Nothing to do: session docs is not paused."]);
  });

  it.each([
    { name: "of the queue", argv: [] },
    { name: "of a session", argv: ["--session", "docs"] },
  ])("$name names what holds all tasks besides, until when, and what ends that", async ({ argv }) => {
    const deps = workspace();
    const { codexHold, stopRequests } = statePaths(deps.pauseDir ?? "");
    const untilMs = deps.nowMs + 3_600_000;
    const hold = { failure: "usageLimit", reason: "usage limit reached", sinceMs: deps.nowMs, untilMs, checks: 0 };
    writeFileSync(codexHold, JSON.stringify({ v: 1, ...hold, trial: null }));
    const held = "No task is started: usage limit reached, until 2026-11-20T15:15:30Z";
    expect((await said(deps, "resume", ...argv)).slice(1)).toEqual([
      `${held}, when one task tries whether that is over; codex-inbox resume --now lets it try at once.`,
    ]);
    expect(existsSync(stopRequests)).toBe(false);
    expect((await said(deps, "resume", "--now", ...argv)).slice(1)).toEqual([
      `${held}; one task tries at once whether that is over.`,
    ]);
    expect(readdirSync(stopRequests)).toHaveLength(1);
    deps.nowMs = untilMs;
    expect(await said(deps, "resume", ...argv)).toHaveLength(1);
    const trial = { task: "20261120-141530-k3f9x2", run: 2 };
    writeFileSync(codexHold, JSON.stringify({ v: 1, ...hold, trial }));
    expect((await said(deps, "resume", ...argv)).slice(1)).toEqual([
      "No task is started: usage limit reached; 20261120-141530-k3f9x2 tries whether that is over.",
    ]);
  });

  it("say what is paused besides", async () => {
    const deps = workspace();
    await said(deps, "pause");
    await said(deps, "pause", "--session", "docs", "--reason", "mine");
    expect(await said(deps, "resume", "--session", "other")).toEqual([
      "Nothing to do: session other is not paused.",
      "The whole queue is paused since 2026-11-20T14:15:30Z; codex-inbox resume lets it go on.",
    ]);
    expect(await said(deps, "resume")).toEqual([
      "the queue goes on.",
      "Still: session docs is paused since 2026-11-20T14:15:30Z: mine",
    ]);
  });
});
