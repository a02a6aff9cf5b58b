import { expect, it } from "vitest";
import { ageText, shownTime } from "../../src/cli/time-text.ts";

it.each([
  [-5, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_599_999, "59 min"],
  [86_399_999, "23 h"],
  [40 * 86_400_000, "40 d"],
])("shows %d ms as %s", (ms, text) => expect(ageText(ms)).toBe(text));

it("shows the time on the wall with its zone to people, and UTC to programs", () => {
  const iso = "2026-11-20T23:15:30.000Z";
  const zones = [
    ["UTC", "2026-11-20 23:15:30 UTC"],
    ["Europe/Vienna", "2026-11-21 00:15:30 +01:00"],
    ["America/St_Johns", "2026-11-20 19:45:30 -03:30"],
  ];
  const before = process.env.TZ;
  try {
    for (const [zone = "", text] of zones) {
      process.env.TZ = zone;
      expect(shownTime(iso, 80)).toBe(text);
    }
  } finally {
    process.env.TZ = before ?? "";
    if (before === undefined) delete process.env.TZ;
  }
  expect(shownTime(iso, undefined)).toBe(iso);
});
