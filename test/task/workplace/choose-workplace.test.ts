import { describe, expect, it } from "vitest";
import { chooseWorkplace, type WorkplaceFacts } from "../../../src/task/workplace/choose-workplace.ts";

const PLAIN: WorkplaceFacts = {
  ...{
    choice: "auto",
    setting: "shared",
    hasBranch: false,
    isReader: false,
    isOutside: false,
    hasLocks: false,
    isMerge: false,
    isSharedTaken: false,
  },
  ...{ overlap: 0, isDirty: false, timeoutMs: 60_000, hasVerify: false, attempt: 1, openingMs: 0 },
};

describe("where a task works", () => {
  it.each<{ name: string; facts: Partial<WorkplaceFacts>; kind: "shared" | "worktree"; score: number }>([
    { name: "in the shared checkout where nothing speaks against it", facts: {}, kind: "shared", score: 0 },
    { name: "in a worktree that it asks for", facts: { choice: "always" }, kind: "worktree", score: 100 },
    {
      name: "in a worktree that it asks for, as a reader too",
      facts: { choice: "always", isReader: true },
      kind: "worktree",
      score: 100,
    },
    {
      name: "shared where it asks for that, whatever speaks against it",
      facts: { choice: "never", hasLocks: true, isSharedTaken: true, hasBranch: true },
      kind: "shared",
      score: 0,
    },
    { name: "where its session's work is", facts: { hasBranch: true, isReader: true }, kind: "worktree", score: 100 },
    {
      name: "outside of the repository there are no worktrees",
      facts: { isOutside: true, choice: "always", hasBranch: true },
      kind: "shared",
      score: 0,
    },
    {
      name: "shared where it can write nothing",
      facts: { isReader: true, isSharedTaken: true, hasLocks: true },
      kind: "shared",
      score: 0,
    },
    { name: "in a worktree with its locks", facts: { hasLocks: true }, kind: "worktree", score: 100 },
    { name: "in a worktree beside another writer", facts: { isSharedTaken: true }, kind: "worktree", score: 100 },
    {
      name: "shared with some doubts",
      facts: { overlap: 0.5, hasVerify: true, attempt: 2 },
      kind: "shared",
      score: 45,
    },
    {
      name: "in a worktree with many",
      facts: { overlap: 0.5, isDirty: true, attempt: 2 },
      kind: "worktree",
      score: 50,
    },
    {
      name: "without a limit counts as long",
      facts: { timeoutMs: undefined, isDirty: true, hasVerify: true },
      kind: "worktree",
      score: 50,
    },
    {
      name: "shared where a worktree takes minutes",
      facts: { overlap: 1, isDirty: true, openingMs: 600_000 },
      kind: "shared",
      score: 20,
    },
  ])("$name", ({ facts, kind, score }) => {
    const choice = chooseWorkplace({ ...PLAIN, ...facts });
    expect([choice.kind, choice.score]).toEqual([kind, score]);
    expect(choice.terms.reduce((sum, { points }) => sum + points, 0)).toBe(score);
  });

  it("says why, term by term", () => {
    const { terms } = chooseWorkplace({ ...PLAIN, isDirty: true, openingMs: 9_000 });
    expect(terms).toEqual([
      { name: "dirty", points: 20, why: "the checkout has uncommitted changes" },
      { name: "cost", points: -3, why: "a worktree takes time to make" },
    ]);
  });
});
