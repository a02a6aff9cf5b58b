import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { CoordinatorError, type ErrorCode, exitCodeOf, systemErrorCode } from "../../src/base/errors.ts";

it.each<{ code: ErrorCode; exitCode: number }>([
  { code: "TASK_FAILED", exitCode: 1 },
  { code: "USAGE", exitCode: 2 },
  { code: "NOT_FOUND", exitCode: 3 },
  { code: "REFUSED", exitCode: 4 },
  { code: "VERIFICATION", exitCode: 5 },
  { code: "TASK_FILE", exitCode: 65 },
  { code: "CODEX", exitCode: 69 },
  { code: "OUR_BUG", exitCode: 70 },
  { code: "TRY_AGAIN", exitCode: 75 },
  { code: "QUEUE_FULL", exitCode: 75 },
  { code: "CONFIG", exitCode: 78 },
])("$code ends a command with exit code $exitCode", ({ code, exitCode }) => {
  expect(exitCodeOf(new CoordinatorError(code, "why"))).toBe(exitCode);
});

it.each([new Error("oops"), "oops", undefined, null])("what is not typed (%s) is our bug", (error) => {
  expect(exitCodeOf(error)).toBe(70);
});

it("keeps its message and its cause", () => {
  const cause = new Error("the disk is full");
  const error = new CoordinatorError("TRY_AGAIN", "cannot write tasks.md", { cause });
  expect(error).toMatchObject({ name: "CoordinatorError", message: "cannot write tasks.md", cause });
});

it("tells a system error by its code", () => {
  expect(systemErrorCode(thrownBy(() => readFileSync("/nowhere/at/all")))).toBe("ENOENT");
});

it.each([new Error("oops"), Object.assign(new Error("oops"), { code: 7 }), { code: "ENOENT" }, undefined])(
  "finds no system error in anything else (%s)",
  (error) => {
    expect(systemErrorCode(error)).toBeUndefined();
  },
);

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
