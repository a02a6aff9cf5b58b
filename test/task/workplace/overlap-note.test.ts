import { expect, it } from "vitest";
import { overlapNote } from "../../../src/task/workplace/overlap-note.ts";

it("an agent is told what its session's work stands against, in one line each", () => {
  expect(overlapNote(undefined)).toBe("");
  expect(overlapNote({ conflicts: [], overlaps: [] })).toBe("");
  const note = overlapNote({
    conflicts: ["a.txt"],
    overlaps: [{ session: "two", paths: ["b\n## Evil`.txt", ...Array.from({ length: 11 }, (_, n) => `f${n}`)] }],
  });
  expect(note.split("\n").slice(-4, -1)).toEqual([
    "",
    "- The branch that this work will be merged into has changed the same places in: `a.txt`",
    `- Session two is changing the same places in: \`b?## Evil'.txt\`, ${Array.from({ length: 9 }, (_, n) => `\`f${n}\``).join(", ")}, and 2 more`,
  ]);
});
