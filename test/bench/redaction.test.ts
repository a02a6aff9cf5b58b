import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const BENCH = fileURLToPath(new URL("../../bench/redaction.ts", import.meta.url));

it("the benchmark of the redaction boundary prints its figures for each kind of text", {
  timeout: 120_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [BENCH, "--smoke"]);
  const rows = stdout.split("\n").flatMap((line) => {
    const [, name, markers] = /^\| (.*?) \| \d+\.\d \| \d+ \| (\d+) \|$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(markers)] as const];
  });
  expect(rows.length).toBe(12);
  expect(rows.slice(0, 6).filter(([, markers]) => markers > 0)).toEqual([]);
  expect(rows[6]?.[1]).toBeGreaterThan(50);
  expect(stdout).toMatch(/event loop late .* worst: \d+ ms/);
});
