import { createInterface } from "node:readline";
import { writeFileAtomic } from "../../src/base/files/write-file-atomic.ts";

/** Writes the file of argv again and again, as often as the line on stdin says, in turn with 100,000 "a" and 200,000 "b". */
const [path = ""] = process.argv.slice(2);

for await (const line of createInterface({ input: process.stdin })) {
  for (let n = 1; n <= Number(line); n += 1) {
    writeFileAtomic(path, n % 2 === 0 ? "a".repeat(100_000) : "b".repeat(200_000));
  }
  console.log(`written ${line} times`);
}
