import { statSync } from "node:fs";
import { join } from "node:path";
import type { Keeper } from "../task/text/kept-text.ts";
import { createRunRecord } from "./codex/events/run-record.ts";
import { createRollouts } from "./codex/failure/rollout.ts";
import { readRunAccount } from "./codex/failure/rollout-account.ts";
import type { RunKey } from "./driver.ts";
import { createProgressTracker, type RunProgress } from "./run-progress.ts";
import { readTail } from "./worker/bounded-file.ts";
import { claimedAtMs } from "./worker/claim.ts";
import { readRunCommand, runPaths } from "./worker/run-directory.ts";

/** What was said before is passed over: commands that began there are not seen, nor counted. */
const TAIL_BYTES = 256 * 1024;

interface ProgressDeps {
  /** Of the run, as far as it is known: codex notes there what it has used. */
  readonly thread: string | undefined;
  /** `undefined`: there is none. */
  readonly codexHome: string | undefined;
  readonly keeper: Keeper;
}

/**
 * Returns what the files of an agent's run tell of what it does, beside whatever drives it; `undefined` where it has none. When an
 * event came they do not say: what is seen is as old as the file.
 *
 * @param runsDir holds the folder of each run, `<task>/<run>`
 */
export async function readProgress(
  runsDir: string,
  run: RunKey,
  { thread, codexHome, keeper }: ProgressDeps,
): Promise<RunProgress | undefined> {
  const runDir = join(runsDir, run.task, String(run.run));
  const { events } = runPaths(runDir);
  const stats = statSync(events, { throwIfNoEntry: false });
  const command = readRunCommand(runDir);
  if (stats === undefined || command === undefined) return undefined;
  const record = createRunRecord(command.workdir, keeper);
  const tracker = createProgressTracker();
  const lines = readTail(events, TAIL_BYTES)
    .split("\n")
    .slice(stats.size > TAIL_BYTES ? 1 : 0, -1);
  for (const [at, text] of lines.entries())
    tracker.noticed(await record.take({ line: at + 1, text, isOld: true }, Math.round(stats.mtimeMs)));
  const claimed = claimedAtMs(runDir);
  const account =
    thread === undefined || claimed === undefined
      ? undefined
      : await readRunAccount(createRollouts(codexHome), thread, claimed, TAIL_BYTES);
  return { ...tracker.progress(), usage: account?.usage };
}
