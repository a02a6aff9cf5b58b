import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  describeFailure,
  FAILURE_POLICIES,
  type FailureKind,
  failurePolicy,
  type OwnChoices,
  type Remedy,
} from "../../../src/task/state/failure.ts";

const SPEC = join(import.meta.dirname, "../../../docs/spec-failures.md");
const NOTHING_CHOSEN: OwnChoices = { model: false, thread: false, resumed: true, alone: false };

it("every kind of failure stands in the specification as the rules have it", () => {
  const rows = readFileSync(SPEC, "utf8")
    .split("\n")
    .flatMap((line) => {
      const cells = line.split("|").map((cell) => cell.trim());
      const [, name = "", , remedy, attempt, sentence] = cells;
      return name.startsWith("`") ? [{ kind: name.replaceAll("`", ""), remedy, attempt, sentence }] : [];
    });
  const policies = Object.entries(FAILURE_POLICIES).map(([kind, { remedy, costsAttempt, sentence }]) => ({
    ...{ kind, remedy, attempt: costsAttempt ? "counts" : "free", sentence },
  }));
  expect(rows).toEqual(policies);
});

describe("the policy of a failure", () => {
  it.each<{ name: string; kind: FailureKind; own: Partial<OwnChoices>; remedy: Remedy; costs: boolean }>([
    { name: "holds all tasks", kind: "unknownModel", own: {}, remedy: "hold", costs: false },
    {
      name: "fails the one task that named the model",
      kind: "unknownModel",
      own: { model: true },
      remedy: "fail",
      costs: true,
    },
    {
      name: "fails the one task that set it",
      kind: "configuration",
      own: { model: true },
      remedy: "fail",
      costs: true,
    },
    {
      name: "holds all, whatever a task names",
      kind: "notLoggedIn",
      own: { model: true },
      remedy: "hold",
      costs: false,
    },
    {
      name: "does not hold all for one alone",
      kind: "notLoggedIn",
      own: { alone: true },
      remedy: "retry",
      costs: true,
    },
    { name: "parks all, whoever meets it", kind: "usageLimit", own: { alone: true }, remedy: "park", costs: false },
    { name: "begins a fresh thread", kind: "contextWindow", own: {}, remedy: "freshThread", costs: false },
    {
      name: "resumes a thread the task names",
      kind: "contextWindow",
      own: { thread: true },
      remedy: "retry",
      costs: true,
    },
    {
      name: "counts where the thread was fresh",
      kind: "contextWindow",
      own: { resumed: false },
      remedy: "retry",
      costs: true,
    },
    { name: "replaces a lost thread", kind: "threadNotFound", own: {}, remedy: "freshThread", costs: false },
    {
      name: "does not replace the one a task names",
      kind: "threadNotFound",
      own: { thread: true },
      remedy: "fail",
      costs: true,
    },
  ])("$name: $kind", ({ kind, own, remedy, costs }) => {
    expect(failurePolicy(kind, { ...NOTHING_CHOSEN, ...own })).toEqual({
      ...{ remedy, costsAttempt: costs, sentence: FAILURE_POLICIES[kind].sentence },
    });
  });
});

it("a reason begins with our words and ends with those of codex", () => {
  expect(describeFailure({ kind: "usageLimit", detail: "try again at 3:28 PM", untilMs: undefined })).toBe(
    "usage limit reached: try again at 3:28 PM",
  );
  expect(describeFailure({ kind: "vanished", detail: "", untilMs: undefined })).toBe("the worker vanished");
});
