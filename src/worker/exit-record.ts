import { statSync } from "node:fs";
import { asNumber, parseObject } from "../base/json-shape.ts";
import { readIfThere, runPaths } from "./run-directory.ts";

/** How the command of a run ended, as its worker saw it. */
export interface ExitRecord {
  /** As a shell reports it: 128 + n for signal n. */
  readonly exitCode: number;
  readonly endedAtMs: number;
}

/** Returns how the command of the run in `runDir` ended, or `undefined` if there is no record of it (yet). */
export function readExitRecord(runDir: string): ExitRecord | undefined {
  const { exit } = runPaths(runDir);
  const exitCode = asNumber(parseObject(readIfThere(exit) ?? "")?.exitCode);
  const endedAtMs = statSync(exit, { throwIfNoEntry: false })?.mtimeMs;
  return exitCode === undefined || endedAtMs === undefined ? undefined : { exitCode, endedAtMs };
}
