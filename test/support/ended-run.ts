import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLineReader } from "../../src/run/codex/events/line-reader.ts";
import { createRunRecord, type RunRecord } from "../../src/run/codex/events/run-record.ts";
import { PLAIN_KEEPER } from "./kept.ts";
import { onTestFinished } from "./test-end.ts";
import { TASK_ID } from "./test-runner.ts";

/** The folder of a run that has ended, as a worker leaves it. */
export interface EndedRun {
  /** Lines of events.jsonl; a string stands as it is, without a newline of its own. */
  readonly events: readonly (object | string)[];
  /** `undefined`: the worker was killed. */
  readonly exitCode: number | undefined;
  readonly stderr?: string;
  readonly lastMessage?: string;
  readonly outputSchema?: object;
  /** "worker" by default. */
  readonly claim?: "worker" | "sealed" | "none";
  readonly resumeThread?: string;
  readonly workdir?: string;
  readonly claimedAtMs?: number;
  readonly endedAtMs?: number;
}

/** Writes the files of `run`; they are removed when the test is finished. Returns the folder. */
export function endedRun(run: EndedRun): string {
  const base = mkdtempSync(join(tmpdir(), "ended-run-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const runDir = join(base, TASK_ID, "1");
  mkdirSync(runDir, { recursive: true });
  const { claim = "worker", claimedAtMs = 1_000, endedAtMs = 3_500 } = run;
  const command = { v: 1, command: ["codex"], workdir: run.workdir ?? "/work", resumeThread: run.resumeThread ?? null };
  const lines = run.events.map((line) => (typeof line === "string" ? line : `${JSON.stringify(line)}\n`));
  write("command.json", JSON.stringify(command), claimedAtMs);
  write("events.jsonl", lines.join(""), endedAtMs);
  write("stderr.log", run.stderr ?? "", endedAtMs);
  if (run.lastMessage !== undefined) write("last-message.md", run.lastMessage, endedAtMs);
  if (run.outputSchema !== undefined) write("output-schema.json", JSON.stringify(run.outputSchema), claimedAtMs);
  if (claim === "worker") write("claim", '{"v":1,"pid":4194305,"startTicks":"1","bootId":"none"}', claimedAtMs);
  if (claim === "sealed") write("claim", '{"v":1,"sealed":true}', claimedAtMs);
  if (run.exitCode !== undefined) write("exit.json", JSON.stringify({ v: 1, exitCode: run.exitCode }), endedAtMs);
  return runDir;

  function write(name: string, text: string, changedAtMs: number): void {
    writeFileSync(join(runDir, name), text);
    utimesSync(join(runDir, name), changedAtMs / 1_000, changedAtMs / 1_000);
  }
}

/** Reads the events of a run from beginning to end. */
export async function recordOf(runDir: string, workdir = "/work"): Promise<RunRecord> {
  const record = createRunRecord(workdir, PLAIN_KEEPER);
  const reader = createLineReader(join(runDir, "events.jsonl"));
  for (let lines = reader.read(); lines !== undefined; lines = reader.read())
    for (const line of lines) await record.take(line, reader.changedAtMs ?? 0);
  reader.close();
  return record;
}
