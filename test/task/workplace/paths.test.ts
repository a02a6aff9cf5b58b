import { describe, expect, it } from "vitest";
import { firstMeeting, shareMet } from "../../../src/task/workplace/paths.ts";

describe("declared paths", () => {
  it.each([
    ["db/", "db/001.sql", true],
    ["db", "db/", true],
    ["db", "dbx", false],
    ["src/**/*.ts", "src/a/b.md", true],
    ["src/a.ts", "src/a.ts", true],
    ["src/a", "src/b", false],
    ["./src//a", "src/a/c", true],
    ["**", "anything", true],
  ])("%s and %s meet: %s", (one, other, meet) => {
    expect(firstMeeting([one], [other])).toEqual(meet ? [one, other] : undefined);
    expect(firstMeeting([other], [one])).toEqual(meet ? [other, one] : undefined);
  });

  it("name the first pair", () => expect(firstMeeting(["a", "db/"], ["c", "db/x"])).toEqual(["db/", "db/x"]));

  it("share", () => {
    expect(shareMet(["a", "b", "c", "d"], ["b/x", "d"])).toBe(0.5);
    expect(shareMet([], ["b"])).toBe(0);
  });
});
