import { expect, it } from "vitest";
import { createWaitPauses } from "../../../src/git/gate/wait-pauses.ts";

it("waits longer the longer the same thing lasts, and begins again when it is another", () => {
  let nowMs = 1_000;
  const pauses = createWaitPauses(() => nowMs);
  const after = (ms: number, reason: string): number => {
    nowMs += ms;
    return pauses.next(reason);
  };
  expect(after(0, "git commit (process 7)")).toBe(1);
  expect(after(10, "git commit (process 7)")).toBe(4);
  expect(after(3_000, "git commit (process 7)")).toBe(16);
  expect(after(9_000, "git commit (process 7)")).toBe(250);
  expect(after(250, "git commit (process 8)")).toBe(1);
  expect(after(12_000, "somebody holds index.lock")).toBe(1);
  expect(after(12_000, "somebody holds index.lock (for 12 s)")).toBe(250);
});
