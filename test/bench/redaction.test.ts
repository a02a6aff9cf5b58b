import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

it("the benchmark of the redaction boundary prints its figures for each kind of text", {
  timeout: 120_000,
}, async () => {
  const stdout = await runBench("redaction", "--smoke");
  const rows = stdout.split("\n").flatMap((line) => {
    const [, name, markers] = /^\| (.*?) \| \d+\.\d \| \d+ \| (\d+) \|$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(markers)] as const];
  });
  expect(rows.length).toBe(12);
  expect(rows.slice(0, 6).filter(([, markers]) => markers > 0)).toEqual([]);
  expect(rows[6]?.[1]).toBeGreaterThan(50);
  expect(stdout).toMatch(/event loop late .* worst: \d+ ms/);
});
