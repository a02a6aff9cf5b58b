import { constants } from "node:os";
import { asNumber, parseObject } from "../../base/json-shape.ts";
import { readSmallAt } from "./bounded-file.ts";
import { runPaths } from "./run-directory.ts";

/** How the command of a run ended, as its worker saw it. */
export interface ExitRecord {
  /** As a shell reports it: 128 + n for signal n. */
  readonly exitCode: number;
  readonly endedAtMs: number;
}

/** Returns how the command of the run in `runDir` ended, or `undefined` if there is no record of it (yet). */
export function readExitRecord(runDir: string): ExitRecord | undefined {
  const file = readSmallAt(runPaths(runDir).exit);
  const exitCode = asNumber(parseObject(file?.text ?? "")?.exitCode);
  return file === undefined || exitCode === undefined ? undefined : { exitCode, endedAtMs: file.changedAtMs };
}

/** Above this a shell reports a signal. */
const SIGNAL_BASE = 128;

/** Returns the signal that an exit code stands for ("SIGKILL"), or `undefined` where it stands for none. */
export function signalOf(exitCode: number): string | undefined {
  if (exitCode <= SIGNAL_BASE) return undefined;
  const number = exitCode - SIGNAL_BASE;
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
