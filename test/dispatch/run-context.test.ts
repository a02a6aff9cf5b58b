import { expect, it } from "vitest";
import { parseTranscript } from "../../src/task/session/transcript.ts";
import type { RunContext } from "../../src/task/state/run.ts";
import { failure } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";

const NOTES: RunContext = { text: "\n\n# Memory Context\n\n| MEMORY.md:1 The login.\n", lines: 1, tool: "rg" };

/** What the transcript of the session "docs" says, without the ends of runs. */
function said(world: World): readonly unknown[] {
  const entries = parseTranscript(world.committed("sessions/docs/transcript.jsonl") ?? "");
  return entries.flatMap(({ run, line, body }) => (body.kind === "end" ? [] : [{ run, line, ...body }]));
}

it("tells the agent what was added to the prompt, and the transcript what the agent was told", async () => {
  const world = createWorld();
  world.added = NOTES;
  world.drop("docs/a.md", "Fix the login.");
  await world.start();
  const run = world.runner.of("docs");
  expect(run.request.prompt).toBe(`Fix the login.${NOTES.text}`);
  world.added = { ...NOTES, text: "later" };
  world.runner.end(run);
  await world.advance(1_000);
  expect(said(world)).toEqual([
    { run: 1, line: 0, kind: "user", text: "Fix the login." },
    { run: 1, line: 0, kind: "context", ...NOTES },
  ]);
  expect(world.results()).toMatchObject([{ prompt: "Fix the login.", status: "succeeded" }]);
  expect(world.logged("started")).toMatchObject([{ notes: 1 }]);
});

it("says nothing where nothing was added", async () => {
  const world = createWorld();
  world.added = NOTES;
  world.drop("docs/a.md", "---\nmemory: false\n---\nFix the login.");
  await world.start();
  const run = world.runner.of("docs");
  expect(run.request.prompt).toBe("Fix the login.");
  world.runner.end(run);
  await world.advance(1_000);
  expect(said(world)).toEqual([{ run: 1, line: 0, kind: "user", text: "Fix the login." }]);
});

it("knows after a crash what a run was told, and asks anew for the next run", async () => {
  const world = createWorld();
  world.added = NOTES;
  world.drop("docs/a.md", "Fix the login.");
  await world.start();
  await world.crash();
  world.added = { text: "\n\nnewer notes", lines: 2, tool: "grep" };
  await world.start();
  world.runner.end(world.runner.of("docs"), { outcome: "failed", failure: failure("overloaded") });
  await world.advance(1_000);
  await world.advance(60_000);
  const again = world.runner.of("docs");
  expect(again.request.prompt).toBe("Fix the login.\n\nnewer notes");
  expect(again.request.resumeThread).toBeDefined();
  world.runner.end(again);
  await world.advance(1_000);
  expect(said(world)).toEqual([
    { run: 1, line: 0, kind: "user", text: "Fix the login." },
    { run: 1, line: 0, kind: "context", ...NOTES },
    { run: 2, line: 0, kind: "user", text: "Fix the login." },
    { run: 2, line: 0, kind: "context", text: "\n\nnewer notes", lines: 2, tool: "grep" },
  ]);
});
