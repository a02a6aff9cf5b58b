/**
 * What live events cost: the processor time of telling and writing those of a task, and of handing them to readers.
 *
 *   npx node bench/events.ts [--tasks 10000] [--readers 8]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createFollow } from "../src/app/log/follow-events.ts";
import { openEventLog } from "../src/store/events/event-log.ts";
import type { Happening } from "../src/task/events/live-event.ts";

const { values } = parseArgs({ options: { tasks: { type: "string" }, readers: { type: "string" } } });
const tasks = Number(values.tasks ?? 10_000);
const readerCount = Number(values.readers ?? 8);
const TASKS_AT_ONCE = 20;
const OUTPUT = "ok 1 - it does what it says\n".repeat(40);

/** Those of a task with one command and one answer. */
function eventsOf(task: string): readonly Happening[] {
  const of = { task, session: "docs" };
  const command = { kind: "command", command: "npm test", exitCode: 0, status: "completed", outputBytes: 0 } as const;
  const usage = { inputTokens: 100, cachedInputTokens: 40, outputTokens: 10, reasoningOutputTokens: 0 };
  const item = { kind: "item", ...of, run: 1, item: 2, durationMs: null } as const;
  return [
    { kind: "accepted", ...of, title: "Fix the login redirect", origin: "file by ada" },
    { kind: "held", ...of, hold: "workers", why: "all workers are busy", until: null },
    { kind: "state", ...of, status: "running", run: 1, reason: "attempt 1", until: null },
    { kind: "thread", ...of, run: 1, thread: "01a1f950-5f71-7472-a9b5-7a2032cb912c" },
    { ...item, line: 2, phase: "started", body: { ...command, output: "" } },
    { ...item, line: 3, phase: "completed", body: { ...command, output: OUTPUT } },
    { ...item, line: 4, phase: "completed", body: { kind: "assistant", text: OUTPUT } },
    { kind: "usage", ...of, run: 1, usage },
    { kind: "state", ...of, status: "succeeded", run: 1, reason: null, until: null },
    { kind: "committed", ...of, commit: "0123456789abcdef0123456789abcdef01234567" },
  ];
}

/** Tells the events of all tasks, some tasks at a time. Returns milliseconds of processor time for each. */
async function measure(readers: number): Promise<{ readonly perTaskMs: number; readonly delivered: number }> {
  const dir = mkdtempSync(join(tmpdir(), "codex-inbox-events-"));
  const left = new AbortController();
  const log = openEventLog({
    ...{ dir: join(dir, "events"), surroundings: { now: Date.now, after: () => () => undefined } },
    ...{ checkpoint: () => [], onDropped: (error) => console.error(error), onMended: () => undefined },
  });
  let delivered = 0;
  const follow = createFollow(log, Date.now);
  const reading = Array.from({ length: readers }, async () => {
    for await (const { texts } of follow({}, left.signal)) delivered += texts.length;
  });
  const before = process.cpuUsage();
  for (let done = 0; done < tasks; done += TASKS_AT_ONCE) {
    for (let index = done; index < Math.min(tasks, done + TASKS_AT_ONCE); index += 1)
      for (const event of eventsOf(`20261120-141530-${String(index).padStart(6, "0")}`)) log.add(event);
    log.flush();
    await new Promise((resolve) => setImmediate(resolve));
  }
  log.close();
  await Promise.all(reading);
  const { user, system } = process.cpuUsage(before);
  left.abort();
  rmSync(dir, { recursive: true, force: true });
  return { perTaskMs: (user + system) / 1_000 / tasks, delivered };
}

await measure(0); // Warm.
const alone = await measure(0);
console.log(`${tasks} tasks, 10 events each: ${alone.perTaskMs.toFixed(3)} ms of processor time a task`);
const read = await measure(readerCount);
console.log(
  `with ${readerCount} readers: ${read.perTaskMs.toFixed(3)} ms a task; ${read.delivered} of ${tasks * 10 * readerCount} events delivered`,
);
