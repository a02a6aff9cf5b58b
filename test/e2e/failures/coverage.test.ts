import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FAILURE_POLICIES } from "../../../src/task/state/failure.ts";

/** What a coordinator never sees of the real codex: docs/spec-failures.md says why. test/run/codex/stub-failures.test.ts shows them. */
const NOT_END_TO_END = ["promptRefused", "sandboxDenied", "threadMismatch"];

it("every kind of failure is shown end to end, or stands in the list of those that cannot be", () => {
  const folder = join(import.meta.dirname, "..");
  const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts") && path !== "failures/coverage.test.ts")
    .map((path) => readFileSync(join(folder, path), "utf8"))
    .join("\n");
  const missing = Object.keys(FAILURE_POLICIES).filter((kind) => !new RegExp(`"${kind}[":]`).test(texts));
  expect(missing.sort()).toEqual(NOT_END_TO_END);
});
