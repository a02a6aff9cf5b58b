import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const BENCH = fileURLToPath(new URL("../../bench/reads.ts", import.meta.url));

it("the benchmark of questions over HTTP prints its four figures for each", { timeout: 120_000 }, async () => {
  const args = [BENCH, "--finished", "8", "--open", "4", "--rounds", "2"];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const rows = stdout.split("\n").filter((line) => line.startsWith("| GET /"));
  expect(rows).toHaveLength(11);
  for (const row of rows) expect(row).toMatch(/^\| GET \/\S*[^|]*( \| \d+\.\d){4} \|$/);
});
