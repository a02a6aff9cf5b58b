import { readdirSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import { parseObject } from "../base/json-shape.ts";
import { createSlices } from "../base/slices.ts";
import type { Keeper } from "../task/text/kept-text.ts";
import { createLineReader } from "./codex/events/line-reader.ts";
import { createRunRecord } from "./codex/events/run-record.ts";
import { withoutSplitSecrets } from "./codex/events/transcript-body.ts";
import type { RunKey, SaidLine } from "./driver.ts";
import { readOutput } from "./verify/output.ts";
import { claimedAtMs, isWorkerAlive, readClaim } from "./worker/claim.ts";
import { readExitRecord } from "./worker/exit-record.ts";
import { readRunCommand, runPaths } from "./worker/run-directory.ts";

/** What a run has said until now, without secrets. */
export type RunSoFar = {
  /** Its process has ended, or is gone. */
  readonly isOver: boolean;
} /** When it was said is not known: codex does not write it. */ & (
  | { readonly kind: "agent"; readonly said: readonly SaidLine[]; readonly thread: string | undefined }
  | {
      readonly kind: "verify";
      /** The end of it. */
      readonly output: string;
      readonly outputBytes: number;
      /** Unix ms; `undefined` where it has not begun. */
      readonly startedAtMs: number | undefined;
    }
);

/** The files of runs, read beside whatever drives them: while they go on, and for as long as they are kept. */
export interface RunLog {
  /** `undefined` where nothing was prepared for it, or nothing is left. */
  said(run: RunKey): Promise<RunSoFar | undefined>;
  /** The runs of a task that have files, the oldest first. */
  runs(task: string): readonly number[];
  /** Yields the lines that codex has written, from the `from`-th (from 1) on, as JSON without secrets; other text is one JSON string. */
  raw(run: RunKey, from: number): AsyncIterable<{ readonly line: number; readonly text: string }>;
}

/** @param runsDir holds the folder of each run, `<task>/<run>` */
export function openRunLog(runsDir: string, keeper: Keeper): RunLog {
  const folderOf = ({ task, run }: RunKey): string => join(runsDir, task, String(run));
  return {
    async said(run) {
      const runDir = folderOf(run);
      const command = readRunCommand(runDir);
      if (command === undefined) return undefined;
      const isOver = hasEnded(runDir); // First: what it has said by then is all.
      if (command.kind === "agent") return { isOver, ...(await readTurn(runDir, command.workdir, keeper)) };
      const { tail: output, bytes: outputBytes } = readOutput(runPaths(runDir).output);
      return { isOver, kind: "verify", output: keeper.keep(output), outputBytes, startedAtMs: claimedAtMs(runDir) };
    },
    runs: (task) =>
      namesIn(join(runsDir, task))
        .filter((name) => /^\d{1,9}$/.test(name))
        .map(Number)
        .sort((a, b) => a - b),
    async *raw(run, from) {
      const slices = createSlices();
      const reader = createLineReader(runPaths(folderOf(run)).events);
      try {
        for (let lines = reader.read(); lines !== undefined; lines = reader.read()) {
          for (const { line, text } of lines)
            if (line >= from) yield { line, text: JSON.stringify(await keeper.keepInSlices(shownRaw(text))) };
          await slices.next();
        }
      } finally {
        reader.close();
      }
    },
  };
}

function hasEnded(runDir: string): boolean {
  const claim = readClaim(runDir);
  return readExitRecord(runDir) !== undefined || (claim !== undefined && !isWorkerAlive(claim));
}

async function readTurn(
  runDir: string,
  workdir: string,
  keeper: Keeper,
): Promise<Omit<RunSoFar & { readonly kind: "agent" }, "isOver">> {
  const slices = createSlices();
  const reader = createLineReader(runPaths(runDir).events);
  const record = createRunRecord(workdir, keeper);
  try {
    for (let lines = reader.read(); lines !== undefined; lines = reader.read()) {
      for (const line of lines) await record.take({ ...line, isOld: true }, reader.changedAtMs ?? 0);
      await slices.next();
    }
  } finally {
    reader.close();
  }
  const said = await keeper.keepInSlices(await withoutSplitSecrets(record.said(), keeper));
  return { kind: "agent", said, thread: record.summary().threadId };
}

/** A line that was too long to be read is `undefined`. */
function shownRaw(text: string | undefined): unknown {
  return text === undefined ? "(a line that is too long to be shown)" : (parseObject(text) ?? text);
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
