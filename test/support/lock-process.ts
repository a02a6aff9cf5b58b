import { createInterface } from "node:readline";
import { type HeldLock, takeLock } from "../../src/base/process/process-lock.ts";

/**
 * Takes and gives back the lock `coordinator` of the folder in argv. Lines: "take", "take at <Unix ms>" (waits for that moment
 * without sleeping, so that several processes try in the same microseconds), "release".
 */
const [dir = ""] = process.argv.slice(2);
let held: HeldLock | undefined;

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, , time] = line.split(" ");
  if (verb === "release") {
    await held?.release();
    console.log("released");
    continue;
  }
  while (time !== undefined && Date.now() < Number(time));
  try {
    held = await takeLock({
      dir,
      name: "coordinator",
      onLost: (error) => console.error(`lost: ${error.message}`),
      describeHolder: ({ pid }) => `process ${pid} has it`,
    });
    console.log("held");
  } catch (error) {
    console.log(String(error));
  }
}
