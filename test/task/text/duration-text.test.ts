import { expect, it } from "vitest";
import { durationText } from "../../../src/task/text/duration-text.ts";

it.each([
  [-5, "0.0 s"],
  [400, "0.4 s"],
  [999, "0.9 s"],
  [42_999, "42 s"],
  [60_000, "1 min"],
  [185_000, "3 min 5 s"],
  [3_599_999, "59 min 59 s"],
  [3_720_000, "1 h 2 min"],
  [90_000_000, "25 h"],
])("writes %i ms as %s", (durationMs, text) => expect(durationText(durationMs)).toBe(text));
