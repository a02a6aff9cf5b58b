/**
 * The commit side alone: finished tasks in the journal, brought into the branch by the commit queue.
 *
 *   npx node bench/commit-path.ts [tasks, default 1000] [files that git tracks besides, default 100] [tasks that finish per second, default all at once]
 *
 * Prints tasks per second, processor time of this process per task, how long a finished task waited, and the size of the batches. Count
 * fsyncs with: strace -f -c -e trace=fsync,fdatasync npx node bench/commit-path.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { openCommitter } from "../src/git/commit/committer.ts";
import { findWorkTree } from "../src/git/repository/find-work-tree.ts";
import { createCommitQueue } from "../src/publish/commit-queue.ts";
import type { JournalRecord } from "../src/store/journal/journal-record.ts";
import { openTaskJournal } from "../src/store/journal/task-journal.ts";
import { createSessionStore } from "../src/store/sessions/session-store.ts";
import { statePaths } from "../src/store/state-paths.ts";
import { loadRecentTasks } from "../src/store/tasks/recent-tasks.ts";
import { createTaskTable } from "../src/store/tasks/task-table.ts";
import type { LedgerRow } from "../src/task/ledger/ledger.ts";
import type { TaskLimits } from "../src/task/state/task-state.ts";
import { makeGitRepo } from "../test/support/git-repo.ts";
import { PLAIN_KEEPER } from "../test/support/kept.ts";

/** Nothing is tried again here. */
const LIMITS = { attemptsMax: 1 } as TaskLimits;

const [tasks = 1_000, files = 100, perSecond = Number.POSITIVE_INFINITY] = process.argv.slice(2).map(Number);
const base = mkdtempSync(join(tmpdir(), "codex-inbox-commit-path-"));
try {
  await measure(join(base, "repo"));
} finally {
  rmSync(base, { recursive: true, force: true, maxRetries: 5 });
}

async function measure(dir: string): Promise<void> {
  const repo = makeGitRepo(dir);
  for (let n = 0; n < files; n += 1) repo.write(`code/${n % 50}/file-${n}.txt`, `line ${n}\n`);
  repo.git("add", "--all");
  repo.git("commit", "-q", "-m", "many files");
  const stateDir = join(dir, ".git/codex-inbox");
  const paths = statePaths(stateDir);
  const journal = openTaskJournal(paths.journal, PLAIN_KEEPER);
  const surroundings = {
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: () => 0.5,
    after: () => () => undefined,
  };
  const table = createTaskTable(journal, surroundings, () => LIMITS);
  const branch = await openCommitter({
    place: await findWorkTree(dir),
    workspaceDir: dir,
    stateDir,
    branch: "refs/heads/main",
    now: Date.now,
    onNotice: console.error,
    ownMarker: "bench",
  });
  await branch.refresh();
  const endedMs: number[] = [];
  const waitsMs: number[] = [];
  const sizes: number[] = [];
  let attempts = 0;
  let indexMs = 0;
  const queue = createCommitQueue({
    ...{ table, journal, branch, keeper: PLAIN_KEEPER },
    surroundings: { now: Date.now, monotonicMs: () => performance.now(), after },
    forgetRuns: () => undefined,
    home: stateDir,
    recent: loadRecentTasks(journal),
    sessions: createSessionStore(branch),
    clone: "bench",
    isOpen: (id) => table.get(id) !== undefined,
    log(event, fields) {
      if (event !== "committed") return;
      const size = Number(fields.tasks);
      sizes.push(size);
      attempts += Number(fields.attempts);
      indexMs += Number(fields.indexMs);
      const now = performance.now();
      waitsMs.push(...endedMs.splice(0, size).map((ended) => now - ended));
    },
    onCommitted: async () => void (await branch.refresh()),
    wake: () => undefined,
    onFailure: (error) => {
      throw error;
    },
  });
  const all = Array.from({ length: tasks }, (_, n) => finishedTask(n));
  const isAtOnce = !Number.isFinite(perSecond);
  for (const { id, records } of all) {
    journal.create(id, records[0] as JournalRecord);
    journal.append(id, records.slice(1));
  }
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  const startedMs = performance.now();
  let used = process.cpuUsage();
  let given = 0;
  while (!(given === tasks && queue.isQuiet())) {
    const due = isAtOnce
      ? tasks
      : Math.min(tasks, Math.floor(((performance.now() - startedMs) / 1_000) * perSecond) + 1);
    for (; given < due; given += 1) {
      const task = all[given];
      if (task === undefined) break;
      table.load(task.id, task.records);
      endedMs.push(performance.now());
    }
    queue.kick();
    await delay(1);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  used = process.cpuUsage(used);
  loop.disable();
  waitsMs.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(waitsMs[Math.floor((waitsMs.length - 1) * share)] ?? 0);
  console.log(
    `tasks=${tasks} perSecond=${(tasks / seconds).toFixed(0)} processorMsPerTask=${((used.user + used.system) / 1_000 / tasks).toFixed(2)}`,
    `batches=${sizes.length} largest=${Math.max(...sizes)} waitMs=${at(0.5)}/${at(0.99)}/${at(1)} attempts=${attempts}`,
    `indexMsPerBatch=${(indexMs / sizes.length).toFixed(0)} loopMsMax=${(loop.max / 1e6).toFixed(0)}`,
  );
  await branch.close();
  const found = repo
    .git("log", "--format=%(trailers:key=Task-Id,valueonly,separator=)", "main")
    .split("\n")
    .filter(Boolean);
  if (new Set(found).size !== tasks || repo.git("status", "--porcelain") !== "")
    throw new Error("not everything was committed");
  if (repo.git("fsck", "--no-dangling") !== "") throw new Error("fsck");
}

/** The journal of a task that has succeeded, as a short run leaves it. Each has a session of its own, as drops without a key have. */
function finishedTask(n: number): { readonly id: string; readonly records: readonly JournalRecord[] } {
  const id = `20261120-101010-${n.toString(36).padStart(6, "0")}`;
  const session = `d${n % 20}/t${n}`;
  const atMs = Date.UTC(2026, 10, 20, 10, 10, 10) + n;
  const time = new Date(atMs).toISOString();
  const row = (status: LedgerRow["status"]): LedgerRow => ({ time, task: id, session, run: 1, status, detail: "" });
  const thread = `01a1f950-5f71-7472-a9b5-${String(n).padStart(12, "0")}`;
  const bodies = [
    { kind: "user", text: `Do ${n}.\n`.repeat(20) },
    {
      kind: "command",
      command: "npm test",
      exitCode: 0,
      status: "completed",
      output: "ok\n".repeat(200),
      outputBytes: 600,
    },
    { kind: "assistant", text: `Did ${n}. `.repeat(40) },
    { kind: "end", outcome: "succeeded", reason: null },
  ];
  const entries = bodies.map((body, line) => ({ v: 1, task: id, run: 1, line, attempt: 1, thread, time, body }));
  const verdict = { outcome: "succeeded", threadId: thread, lastMessage: `Did ${n}.`, commandCount: 1 };
  const ended = { kind: "ended", run: 1, attempts: 1, status: "succeeded", reason: undefined, endedAtMs: atMs };
  const records = [
    {
      k: "accepted",
      v: 1,
      id,
      session,
      path: `sessions/docs/2026-11-20/${id}.md`,
      order: n,
      atMs,
      text: `Do ${n}.\n`,
      folderKey: null,
      source: null,
      clone: "bench",
    },
    { k: "started", run: 1, attempt: 1, atMs, resume: null, codex: "0.169.0" },
    { k: "state", state: { kind: "running", run: 1, attempts: 1, startedAtMs: atMs }, row: row("running") },
    { k: "thread", run: 1, thread },
    {
      k: "run",
      run: 1,
      attempt: 1,
      verdict,
      startedAtMs: atMs,
      endedAtMs: atMs + 1,
      entries,
      facts: [],
      changedFiles: [],
      changes: [],
      usage: null,
    },
    { k: "state", state: ended, row: row("succeeded") },
  ];
  return { id, records: records as unknown as readonly JournalRecord[] };
}

function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
