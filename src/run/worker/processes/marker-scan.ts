import { readdirSync, readFileSync } from "node:fs";
import { CoordinatorError } from "../../../base/errors.ts";
import { readStartTicks } from "../../../base/process/process-identity.ts";

/** The variable that every process of a run has in its environment; its value is `<workspaceId>/<taskId>/<run>`. */
export const MARKER_VARIABLE = "CODEX_INBOX_RUN";

/** A living process with the marker of a run. */
export interface MarkedProcess {
  readonly pid: number;
  readonly parentPid: number;
  readonly commandLine: readonly string[];
}

/**
 * Returns every living process that carries `marker`, this one left out. A process may hide from it by emptying its
 * environment; codex's own tools inherit the marker (see arguments.ts).
 */
export function findMarked(marker: string): readonly MarkedProcess[] {
  const assignment = Buffer.from(`\0${MARKER_VARIABLE}=${marker}\0`);
  const marked: number[] = [];
  const empty: number[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = readOf(pid, "environ");
    if (environment?.length === 0) empty.push(pid);
    else if (holds(environment, assignment)) marked.push(pid);
  }
  // Empty: a kernel thread, a zombie, or a process in the middle of an exec, whose environment is there a moment later.
  marked.push(...empty.filter((pid) => holds(readOf(pid, "environ"), assignment)));
  return marked.flatMap((pid) => describe(pid) ?? []);
}

/** Returns every living process, this one left out, whose marker begins with `prefix`; of each the marker. */
export function findMarkers(prefix: string): readonly { readonly pid: number; readonly marker: string }[] {
  const assignment = `\0${MARKER_VARIABLE}=${prefix}`;
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    const environment = `\0${readOf(pid, "environ")?.toString("latin1") ?? ""}`;
    const start = environment.indexOf(assignment);
    if (start === -1) return [];
    const from = start + assignment.length - prefix.length;
    return [{ pid, marker: environment.slice(from, environment.indexOf("\0", from)) }];
  });
}

/** @throws CoordinatorError `CODEX` where there is no /proc to find processes in */
export function requireProcessTable(): void {
  if (readStartTicksIfAny() !== undefined) return;
  throw new CoordinatorError(
    "CODEX",
    "cannot read /proc: runs are found again by their processes' environment there, so codex-inbox needs Linux with /proc mounted",
  );
}

function readStartTicksIfAny(): string | undefined {
  try {
    return readStartTicks(process.pid);
  } catch {
    return undefined; // Whatever the reason: the caller says what is needed.
  }
}

function holds(environment: Buffer | undefined, assignment: Buffer): boolean {
  if (environment === undefined || environment.length < assignment.length - 1) return false;
  // The first variable has no NUL before it.
  return (
    environment.includes(assignment) || environment.subarray(0, assignment.length - 1).equals(assignment.subarray(1))
  );
}

function describe(pid: number): MarkedProcess | undefined {
  const [stat, commandLine] = [readOf(pid, "stat"), readOf(pid, "cmdline")];
  if (stat === undefined || commandLine === undefined) return undefined;
  const text = stat.toString("latin1");
  const [, parent = "0"] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { pid, parentPid: Number(parent), commandLine: commandLine.toString("utf8").split("\0").slice(0, -1) };
}

function readOf(pid: number, file: "environ" | "stat" | "cmdline"): Buffer | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`);
  } catch {
    return undefined; // Ended meanwhile, or another user's: not a process of a run of ours.
  }
}
