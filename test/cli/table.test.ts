import { expect, it } from "vitest";
import { tableLines } from "../../src/cli/table.ts";

const COLUMNS = [{ title: "ID" }, { title: "AGE", isRight: true }, { title: "TITLE", shrinksTo: 4 }];

function lines(width: number, ...titles: readonly string[]): readonly string[] {
  const rows = titles.map((title, at) => [[{ text: `id${at}` }], [{ text: `${at * 100} s` }], [{ text: title }]]);
  return tableLines(COLUMNS, rows, width).map((line) =>
    line
      .map(({ text }) => text)
      .join("")
      .trimEnd(),
  );
}

it("makes columns, numbers to the right", () => {
  expect(lines(80, "one", "another")).toEqual(["ID     AGE  TITLE", "id0    0 s  one", "id1  100 s  another"]);
});

it("cuts what may be cut to the width, and nothing else", () => {
  expect(lines(16, "one", "another")).toEqual(["ID     AGE  TIT…", "id0    0 s  one", "id1  100 s  ano…"]);
  expect(lines(5, "another").at(-1)).toBe("id0  0 s  ano…");
});

it("cuts characters whole, however they are written", () => {
  expect(lines(14, "👩🚀🚀🚀🚀🚀🚀").at(-1)).toBe("id0  0 s  👩🚀🚀…");
});
