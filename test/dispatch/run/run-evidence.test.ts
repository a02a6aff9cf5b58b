import { expect, it } from "vitest";
import { createRunEvidence } from "../../../src/dispatch/run/run-evidence.ts";
import type { RunEvent } from "../../../src/run/driver.ts";

const [ONE, TWO] = [
  { task: "one", run: 1 },
  { task: "two", run: 3 },
];

function patch(path: string, status = "completed"): RunEvent {
  return {
    ...{ kind: "item", phase: "completed", id: "item_1", atMs: 1_000, isOld: false, paths: [path] },
    body: { kind: "files", status, changes: [] },
  };
}

function command(phase: "started" | "completed", text: string, atMs: number): RunEvent {
  return {
    ...{ kind: "item", phase, id: "item_2", atMs, isOld: false, paths: [] },
    body: { kind: "command", command: text, exitCode: null, status: "", output: "", outputBytes: 0 },
  };
}

function evidence() {
  const clock = { nowMs: 0 };
  return { clock, ...createRunEvidence(() => clock.nowMs) };
}

it("the run whose patch names a file is its author, before one that ran a command meanwhile", () => {
  const { noticed, dropAuthor } = evidence();
  noticed(ONE, patch("/w/inbox/a.md"));
  noticed(TWO, command("started", "ls inbox", 900));
  expect(dropAuthor("/w/inbox/a.md", 1_000)).toEqual(ONE);
  expect(dropAuthor("/w/inbox/b.md", 1_000)).toEqual(TWO);
});

it.each(["failed", "declined"])("a patch that was %s makes no author", (status) => {
  const { noticed, dropAuthor } = evidence();
  noticed(ONE, patch("/w/inbox/a.md", status));
  expect(dropAuthor("/w/inbox/a.md", 1_000)).toBeUndefined();
});

it.each([
  { name: "long before it", atMs: 8_000, found: false },
  { name: "while it ran", atMs: 12_000, found: true },
  { name: "long after it", atMs: 25_000, found: false },
])("a command that names the inbox is evidence for a file that was changed while it ran: $name", ({ atMs, found }) => {
  const { noticed, dropAuthor } = evidence();
  noticed(ONE, command("started", "cp plan.md inbox/", 10_000));
  noticed(ONE, command("completed", "cp plan.md inbox/", 20_000));
  noticed(TWO, command("started", "npm test", 10_000));
  expect(dropAuthor("/w/inbox/a.md", atMs)).toEqual(found ? ONE : undefined);
});

it("a command that went on at the end of its run is evidence until then, and the run for ten minutes", () => {
  const { clock, noticed, over, dropAuthor } = evidence();
  noticed(ONE, command("started", "watch inbox", 1_000));
  noticed(ONE, patch("/w/inbox/a.md"));
  clock.nowMs = 5_000;
  over(ONE);
  expect(dropAuthor("/w/inbox/b.md", 5_000)).toEqual(ONE);
  expect(dropAuthor("/w/inbox/b.md", 9_000)).toBeUndefined();
  expect(dropAuthor("/w/inbox/a.md", 9_000)).toEqual(ONE);
  clock.nowMs = 700_000;
  noticed(TWO, patch("/w/other"));
  expect(dropAuthor("/w/inbox/a.md", 9_000)).toBeUndefined();
});
