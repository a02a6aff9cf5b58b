import { promptOfRun } from "../../dispatch/run/next-turn.ts";
import type { KeptRecord } from "../../store/journal/journal-file.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { TranscriptBody } from "../../task/session/transcript-entry.ts";
import type { QueriesDeps } from "../queries/queries.ts";
import type { LogEntry, LogView } from "../views/log-view.ts";

interface OpenLog {
  readonly entries: readonly LogEntry[];
  readonly run: LogView["run"];
}

/** Returns what an open task has said: what is journaled of its runs that have ended, and what the one under way has said until now. */
export async function openLog(
  task: OpenTask,
  records: readonly KeptRecord[],
  deps: Pick<QueriesDeps, "runLog" | "now">,
): Promise<OpenLog> {
  const ended: LogEntry[] = records.flatMap((record) =>
    record.k === "run" || record.k === "verify" ? record.entries : [],
  );
  const { entries, run } = await logUnderWay(task, records, deps);
  return { entries: [...ended, ...entries], run };
}

async function logUnderWay(
  { id, state, lastRun, spec }: OpenTask,
  records: readonly KeptRecord[],
  { runLog, now }: Pick<QueriesDeps, "runLog" | "now">,
): Promise<OpenLog> {
  const isTaken = (run: number): boolean =>
    records.some((record) => (record.k === "run" || record.k === "verify") && record.run === run);
  const isVerify = state.kind === "verifying" || (state.kind === "stopping" && state.verify);
  const number = isVerify ? state.run : lastRun?.run;
  if (state.kind === "queued" || state.kind === "ended" || number === undefined || isTaken(number))
    return { entries: [], run: null };
  const soFar = await (await runLog()).said({ task: id, run: number });
  const run = { number, isOver: soFar?.isOver ?? false };
  const thread = (soFar?.kind === "agent" ? soFar.thread : undefined) ?? lastRun?.thread ?? null;
  const entry = (line: number, atMs: number | undefined, body: TranscriptBody): LogEntry => {
    const time = atMs === undefined ? null : new Date(atMs).toISOString();
    return { v: 1, task: id, run: number, attempt: state.attempts, line, thread, time, body };
  };
  if (soFar?.kind === "verify") {
    const { startedAtMs, output, outputBytes } = soFar;
    if (startedAtMs === undefined) return { entries: [], run };
    const body: TranscriptBody = {
      ...{ kind: "verify", command: spec.verifyCommand ?? "", outcome: "running", what: "is under way" },
      ...{ exitCode: null, durationMs: Math.max(0, Math.round(now() - startedAtMs)), output, outputBytes },
    };
    return { entries: [entry(0, startedAtMs, body)], run };
  }
  if (isVerify) return { entries: [], run };
  const started = records.findLast((record) => record.k === "started" && record.run === number);
  const [context, atMs] = started?.k === "started" ? [started.context, started.atMs] : [];
  const entries = [
    entry(0, atMs, { kind: "user", text: promptOfRun(records) }),
    ...(context === undefined ? [] : [entry(0, atMs, { kind: "context", ...context })]),
    ...(soFar?.kind === "agent" ? soFar.said.map(({ line, body }) => entry(line, undefined, body)) : []),
  ];
  return { entries, run };
}
