import { createInterface } from "node:readline";
import { openTaskJournal } from "../../src/store/journal/task-journal.ts";
import { PLAIN_KEEPER } from "./kept.ts";

/**
 * Appends to the journal in the folder of argv: each line on stdin is the id of a task and the size in bytes of a record for it.
 * The answer is how many records are in the journal then, or why there is not one more.
 */
const [dir = ""] = process.argv.slice(2);
process.on("SIGXFSZ", () => undefined); // A file at its limit: the write fails, and the process goes on.
const journal = openTaskJournal(dir, PLAIN_KEEPER);

for await (const line of createInterface({ input: process.stdin })) {
  const [id = "", bytes] = line.split(" ");
  try {
    journal.append(id, [{ k: "thread", run: 1, thread: "x".repeat(Number(bytes)) }]);
    console.log(`${journal.read(id).length} records`);
  } catch (error) {
    console.log(String(error));
  }
}
