import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

it("the notes that answer a task come first, as often as minisearch puts them there", {
  timeout: 120_000,
}, async () => {
  const stdout = await runBench("notes-ranking", "--smoke");
  const rows = stdout.split("\n").flatMap((line) => {
    const [name, first, recall, rank] =
      /^\| (ours|minisearch.*?) \| (.*) \|$/.exec(line)?.slice(1).join(" | ").split(" | ") ?? [];
    return name === undefined ? [] : [{ name, first: Number(first), recall: Number(recall), rank: Number(rank) }];
  });
  const [ours, plain, lenient] = rows;
  expect([ours?.name, plain?.name, lenient?.name]).toEqual(["ours", "minisearch", "minisearch, prefix and fuzzy"]);
  expect(ours?.first).toBeGreaterThanOrEqual(0.85);
  expect(ours?.recall).toBeGreaterThanOrEqual(Math.max(plain?.recall ?? 1, lenient?.recall ?? 1));
  expect(ours?.rank).toBeGreaterThanOrEqual(0.9);
});
