import { parseDropText } from "../../src/task/file/task-file.ts";
import type { LedgerRow } from "../../src/task/ledger/ledger.ts";
import { ownSessionKey } from "../../src/task/names/session-key.ts";
import { makeTaskId, taskIdDate } from "../../src/task/names/task-id.ts";
import { taskName } from "../../src/task/names/task-name.ts";
import type { TaskRecord } from "../../src/task/records/task-file/task-record.ts";
import { datedFolder, taskFilePath } from "../../src/task/records/workspace-paths.ts";
import type { SessionFact } from "../../src/task/session/session-fact.ts";
import type { TranscriptEntry } from "../../src/task/session/transcript-entry.ts";
import type { Usage } from "../../src/task/state/run.ts";
import { rowOf } from "../../src/task/state/state-row.ts";

/** What a workspace of the past looks like. */
export interface PastShape {
  readonly count: number;
  /** Finished tasks of one day. */
  readonly perDay: number;
  /** Sessions with a name of their own; every second task belongs to one of them. */
  readonly namedSessions: number;
}

/** One task that was finished long ago, with all that its commit holds. */
export interface PastTask {
  readonly record: TaskRecord;
  readonly path: string;
  readonly endedAtMs: number;
  readonly rows: readonly LedgerRow[];
  readonly entries: readonly TranscriptEntry[];
  readonly facts: readonly SessionFact[];
}

const DAY_MS = 86_400_000;
const RUN_MS = 42_000;
const CLONE = "bench0";
const TOTAL: Usage = { inputTokens: 10, cachedInputTokens: 0, outputTokens: 5, reasoningOutputTokens: 0 };

/** Makes the tasks of a past that ended the day before `todayMs` (Unix ms), in the order in which they were finished. */
export function* pastTasks({ count, perDay, namedSessions }: PastShape, todayMs: number): Generator<PastTask> {
  const days = Math.ceil(count / perDay);
  const firstDayMs = Math.floor(todayMs / DAY_MS) * DAY_MS - days * DAY_MS;
  const known = new Map<string, { thread: string; counter: number }>();
  for (let n = 0; n < count; n += 1) {
    const day = Math.floor(n / perDay);
    const acceptedMs = firstDayMs + day * DAY_MS + Math.floor(((n % perDay) / perDay) * (DAY_MS - 2 * RUN_MS));
    const id = makeTaskId(acceptedMs, scramble(n));
    const folder = datedFolder(taskIdDate(id), 1);
    const name = taskName(id, `make-check-${n}-faster`);
    const isOwn = n % 2 === 0;
    const sessionKey = isOwn ? ownSessionKey(folder, name) : `area-${Math.floor(n / 2) % namedSessions}`;
    const path = taskFilePath(sessionKey, isOwn ? undefined : folder, name);
    const session = known.get(sessionKey) ?? { thread: threadId(n), counter: 0 };
    yield makeTask({ n, id, path, sessionKey, acceptedMs, ...session });
    if (n % 2 === 1) known.set(sessionKey, { ...session, counter: session.counter + (session.counter === 0 ? 3 : 1) });
  }
}

interface Seed {
  readonly n: number;
  readonly id: string;
  readonly path: string;
  readonly sessionKey: string;
  readonly acceptedMs: number;
  readonly thread: string;
  /** Facts that the session has already. */
  readonly counter: number;
}

function makeTask(seed: Seed): PastTask {
  const { id, sessionKey, acceptedMs, thread } = seed;
  const endedAtMs = acceptedMs + RUN_MS;
  const prompt = `# Make check ${seed.n} faster\n\nThe check of module ${seed.n % 97} takes too long. Find out why, mend it, and say in a few\nsentences what it was and how it was checked.\n`;
  const lastMessage = `Module ${seed.n % 97} read its fixtures anew for every case. They are read once now.\n\n- before: ${(seed.n % 40) + 3} s\n- after: 0.4 s\n\nThe checks pass.`;
  const drop = parseDropText(prompt, undefined);
  if (!drop.ok) throw new Error("the prompt of a task of the past is not valid");
  const record: TaskRecord = {
    id,
    sessionKey,
    spec: drop.spec,
    prompt: drop.prompt,
    warnings: drop.warnings,
    status: "succeeded",
    attempts: 1,
    run: 1,
    thread,
    source: `inbox/${id}.md`,
    parentRun: undefined,
    origin: { kind: "file", user: "bench" },
    editor: undefined,
    acceptedAt: iso(acceptedMs),
    startedAt: iso(acceptedMs),
    endedAt: iso(endedAtMs),
    durationMs: RUN_MS,
    workedMs: RUN_MS,
    reason: undefined,
    failure: undefined,
    lastMessage,
    changedFiles: [{ path: `src/module-${seed.n % 97}.ts`, change: "modified" }],
    changes: [],
    usage: TOTAL,
    account: undefined,
    codexVersion: "0.169.0",
    model: undefined,
    verification: undefined,
    followUpTask: undefined,
    acceptedBy: CLONE,
  };
  return {
    record,
    path: seed.path,
    endedAtMs,
    rows: rowsOf(seed),
    entries: entriesOf(record),
    facts: factsOf(seed),
  };
}

function rowsOf({ n, id, path, sessionKey, acceptedMs }: Seed): readonly LedgerRow[] {
  const base = { task: id, session: sessionKey };
  const counts = { run: 1, attempts: 1, vanished: 0 };
  const queued = rowOf({ kind: "queued", run: 1, attempts: 0, vanished: 0, dueAtMs: acceptedMs, reason: undefined });
  const running = rowOf({ kind: "running", ...counts, startedAtMs: acceptedMs });
  const ended = rowOf({
    kind: "ended",
    status: "succeeded",
    ...counts,
    reason: undefined,
    endedAtMs: acceptedMs + RUN_MS,
  });
  return [
    { time: iso(acceptedMs), ...base, ...queued },
    { time: iso(acceptedMs), ...base, ...running },
    { time: iso(acceptedMs + RUN_MS), ...base, ...ended, result: { title: `Make check ${n} faster`, path } },
  ];
}

function entriesOf(record: TaskRecord): readonly TranscriptEntry[] {
  const base = {
    v: 1,
    task: record.id,
    run: 1,
    attempt: 1,
    thread: record.thread ?? null,
    time: record.endedAt ?? "",
  } as const;
  const output = "ok 1 - reads once\nok 2 - same result\n1..2\n";
  return [
    { ...base, line: 0, body: { kind: "user", text: record.prompt } },
    {
      ...base,
      line: 4,
      body: {
        kind: "command",
        command: "npm test",
        exitCode: 0,
        status: "completed",
        output,
        outputBytes: output.length,
      },
    },
    { ...base, line: 5, body: { kind: "assistant", text: record.lastMessage } },
    { ...base, line: 7, body: { kind: "end", outcome: "succeeded", reason: null } },
  ];
}

function factsOf({ id, sessionKey, acceptedMs, thread, counter }: Seed): readonly SessionFact[] {
  const time = iso(acceptedMs + RUN_MS);
  const usage = { kind: "usage", thread, total: { ...TOTAL, inputTokens: 10 * (counter + 1) } };
  const first = [{ kind: "opened", key: sessionKey }, { kind: "thread", thread, task: id }, usage];
  const news = counter === 0 ? first : [usage];
  return news.map((fact, index) => ({ v: 1, n: counter + 1 + index, time, ...fact }));
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** Returns six base-36 characters, different for every `n` below 36^6, in no visible order. */
function scramble(n: number): string {
  return ((n * 1_597_334_677) % 36 ** 6).toString(36).padStart(6, "0");
}

function threadId(n: number): string {
  return `01a1f950-5f71-7472-a9b5-${n.toString(16).padStart(12, "0")}`;
}
