import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asText, asTexts, parseObject } from "../../base/json-shape.ts";
import type { RunKey } from "../driver.ts";
import { readSmall } from "./bounded-file.ts";

/** The files of one run. shim.sh makes all but `prompt`, `command` and `outputSchema`, and knows their names too. */
export interface RunPaths {
  readonly prompt: string;
  readonly command: string;
  readonly events: string;
  readonly stderr: string;
  /** Codex's own copy of the final answer. */
  readonly lastMessage: string;
  /** The schema for the answer, where one was asked for: as it was when the run was prepared. */
  readonly outputSchema: string;
  /** What a verify command printed. */
  readonly output: string;
  /** Whoever creates this file owns the run: the worker that runs it, or the coordinator that makes sure it never starts. */
  readonly claim: string;
  readonly exit: string;
}

/** The name of the file that takes what a verify command prints. */
export const OUTPUT_NAME = "output.log";

/** Returns where the files of the run in `runDir` are. */
export function runPaths(runDir: string): RunPaths {
  return {
    prompt: join(runDir, "prompt.md"),
    command: join(runDir, "command.json"),
    events: join(runDir, "events.jsonl"),
    stderr: join(runDir, "stderr.log"),
    lastMessage: join(runDir, "last-message.md"),
    outputSchema: join(runDir, "output-schema.json"),
    output: join(runDir, OUTPUT_NAME),
    claim: join(runDir, "claim"),
    exit: join(runDir, "exit.json"),
  };
}

/** What a run executes, as it was decided before it started; a coordinator that adopts the run reads it here. */
export interface RunCommand {
  readonly command: readonly string[];
  readonly workdir: string;
  readonly resumeThread: string | undefined;
  readonly kind: RunKind;
}

/** A turn of an agent, or the command that checks its work. */
export type RunKind = "agent" | "verify";

/** A run and the marker its processes carry. */
export interface MarkedRun {
  readonly runDir: string;
  readonly marker: string;
}

/** Returns where a run lies below `runsDir` (absolute), and the marker that its processes carry. */
export function markedRun(runsDir: string, workspaceId: string, { task, run }: RunKey): MarkedRun {
  return { runDir: join(runsDir, task, String(run)), marker: `${workspaceId}/${task}/${run}` };
}

/**
 * Makes `runDir` and all that a worker needs in it, readable by the owner alone. What a crash left of an earlier preparation is
 * replaced. Nothing is synced: a loss of power ends the run too, and then its task is queued again under the next run number.
 *
 * @throws Error if the run is claimed: a run number is used once
 */
export function makeRunDirectory(
  runDir: string,
  prompt: string,
  { command, workdir, resumeThread }: Omit<RunCommand, "kind">,
  outputSchema?: string,
): void {
  makeFiles(runDir, prompt, { v: 1, command, workdir, resumeThread: resumeThread ?? null });
  if (outputSchema !== undefined) write(runPaths(runDir).outputSchema, outputSchema);
}

/** Does the same for the run of a verify command, which reads nothing. */
export function makeVerifyDirectory(
  runDir: string,
  { command, workdir }: Pick<RunCommand, "command" | "workdir">,
): void {
  makeFiles(runDir, "", { v: 1, kind: "verify", command, workdir });
}

function makeFiles(runDir: string, prompt: string, record: object): void {
  const paths = runPaths(runDir);
  const isNew = mkdirSync(runDir, { recursive: true, mode: 0o700 }) !== undefined;
  if (!isNew) {
    if (existsSync(paths.claim)) throw new Error(`${runDir} is claimed and cannot be prepared again`);
    for (const path of [paths.outputSchema, paths.stderr]) rmSync(path, { force: true });
  }
  write(paths.prompt, prompt);
  write(paths.command, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** Returns what the run in `runDir` executes, or `undefined` if it was never prepared. */
export function readRunCommand(runDir: string): RunCommand | undefined {
  const record = parseObject(readSmall(runPaths(runDir).command) ?? "");
  const command = asTexts(record?.command);
  const workdir = asText(record?.workdir);
  if (command === undefined || workdir === undefined) return undefined;
  const kind = record?.kind === "verify" ? "verify" : "agent";
  return { command, workdir, resumeThread: asText(record?.resumeThread), kind };
}

function write(path: string, content: string): void {
  writeFileSync(path, content, { mode: 0o600 });
}
