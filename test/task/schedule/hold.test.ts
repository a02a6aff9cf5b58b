import { describe, expect, it } from "vitest";
import { describeHold, type Hold } from "../../../src/task/schedule/hold.ts";

const AT_MS = Date.parse("2026-11-21T06:00:00.123Z");

describe("describeHold", () => {
  it.each<{ hold: Hold; text: string }>([
    { hold: { kind: "session", session: "docs", behind: "t1" }, text: "behind t1 in session docs" },
    { hold: { kind: "thread", thread: "abc", holder: "t1" }, text: "thread abc is in use by t1" },
    {
      hold: { kind: "folder", folder: "lib/", other: "t1" },
      text: "works in lib/, and t1 in another folder: they take turns",
    },
    { hold: { kind: "notBefore", untilMs: AT_MS }, text: "not before 2026-11-21T06:00:00Z" },
    { hold: { kind: "retry", untilMs: AT_MS }, text: "tries again at 2026-11-21T06:00:00Z" },
    { hold: { kind: "dependency", waitsFor: ["t1", "t2"], unknown: [] }, text: "waits for t1, t2" },
    {
      hold: { kind: "dependency", waitsFor: [], unknown: ["t3"] },
      text: "depends on t3, which no task here is called",
    },
    {
      hold: { kind: "dependency", waitsFor: ["t1"], unknown: ["t3"] },
      text: "waits for t1; depends on t3, which no task here is called",
    },
    { hold: { kind: "workers" }, text: "all workers are busy" },
    {
      hold: { kind: "paused", pause: { session: undefined, sinceMs: AT_MS, reason: "a release" } },
      text: "paused since 2026-11-21T06:00:00Z: a release",
    },
    {
      hold: { kind: "paused", pause: { session: "docs", sinceMs: AT_MS, reason: undefined } },
      text: "session docs is paused since 2026-11-21T06:00:00Z",
    },
    { hold: { kind: "codex", problem: "codex is not logged in", untilMs: undefined }, text: "codex is not logged in" },
    {
      hold: { kind: "codex", problem: "usage limit.", untilMs: AT_MS },
      text: "usage limit, until 2026-11-21T06:00:00Z",
    },
  ])("says: $text", ({ hold, text }) => {
    expect(describeHold(hold)).toBe(text);
  });
});
