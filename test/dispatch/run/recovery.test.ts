import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ownIdentity, type ProcessIdentity, readStartTicks } from "../../../src/base/process/process-identity.ts";
import { recover } from "../../../src/dispatch/run/recovery.ts";
import type { Runs } from "../../../src/dispatch/runs.ts";
import { createCodexDriver } from "../../../src/run/codex/codex-driver.ts";
import { openRunStore } from "../../../src/run/run-store.ts";
import { readTaskJournal } from "../../../src/store/journal/journal-reader.ts";
import type { JournalRecord } from "../../../src/store/journal/journal-record.ts";
import { openTaskJournal } from "../../../src/store/journal/task-journal.ts";
import { createSessionLocks } from "../../../src/store/sessions/session-lock.ts";
import { createSessionStore } from "../../../src/store/sessions/session-store.ts";
import { type StatePaths, statePaths } from "../../../src/store/state-paths.ts";
import { createTaskTable, type TaskTable } from "../../../src/store/tasks/task-table.ts";
import type { StopCause } from "../../../src/task/state/task-event.ts";
import { TASK_LIMITS } from "../../../src/task/state/task-state.ts";
import { PLAIN_KEEPER } from "../../support/kept.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

const TASK = "20261120-141530-k3f9x2";
const SESSION = "docs";
const SURROUNDINGS = { now: () => 1_000, monotonicMs: () => 0, random: () => 0, after: () => () => undefined };

/** What a crash can leave of a worker, as files in its run's folder and processes. */
const WORKERS: Readonly<Record<string, (runDir: string) => void>> = {
  "no folder": () => undefined,
  "prepared only": (runDir) => prepareRun(runDir),
  alive: (runDir) => claimRun(runDir, identityOf(sleeper())),
  ended: (runDir) => {
    claimRun(runDir, { pid: 4_194_305, startTicks: "1", bootId: "none" });
    writeFileSync(join(runDir, "exit.json"), '{"v":1,"exitCode":0}\n');
  },
  "ended without a record": (runDir) => {
    claimRun(runDir, { pid: 4_194_305, startTicks: "1", bootId: "none" });
    writeFileSync(join(runDir, "events.jsonl"), '{"type":"turn.completed","usage":{}}\n');
  },
  "killed, its process id given to another": (runDir) => {
    claimRun(runDir, { ...ownIdentity(), startTicks: "1" });
  },
  "of an earlier boot, with the id and start time of a living process": (runDir) => {
    claimRun(runDir, { ...ownIdentity(), bootId: "an earlier one" });
  },
  "sealed by a start that was killed then": (runDir) => {
    prepareRun(runDir);
    writeFileSync(join(runDir, "claim"), '{"v":1,"sealed":true}\n');
  },
  "claimed, with the claim lost to a power cut": (runDir) => {
    prepareRun(runDir);
    writeFileSync(join(runDir, "claim"), "");
  },
};

const GONE = "watched; running run 1";

describe("recover", () => {
  it.each([
    ["no folder", "queued run 2, sealed"],
    ["prepared only", "queued run 2, sealed"],
    ["alive", "watched; running run 1"],
    ["ended", "watched; running run 1"],
    ["ended without a record", "watched; running run 1"],
    ["killed, its process id given to another", GONE],
    ["of an earlier boot, with the id and start time of a living process", GONE],
    ["sealed by a start that was killed then", GONE],
    ["claimed, with the claim lost to a power cut", GONE],
  ])("a running task whose worker is %s: %s", (worker, outcome) => {
    const snapshot = openScene();
    snapshot.table.accept(acceptedRecord());
    start(snapshot.table);
    expect(snapshot.recoverWith(worker)).toBe(outcome);
  });

  it.each<[string, StopCause, string]>([
    ["no folder", "user", "ended run 1, sealed"],
    ["prepared only", "timeout", "queued run 2, sealed"],
    ["prepared only", "shutdown", "queued run 2, sealed"],
    ["alive", "user", "watched and stopped (user); stopping run 1"],
    ["alive", "timeout", "watched and stopped (timeout); stopping run 1"],
    ["alive", "shutdown", "watched and stopped (shutdown); stopping run 1"],
    ["ended", "user", "watched; stopping run 1"],
    ["killed, its process id given to another", "user", "watched; stopping run 1"],
    ["sealed by a start that was killed then", "user", "watched; stopping run 1"],
  ])("a task that is stopping and whose worker is %s, for the %s: %s", (worker, cause, outcome) => {
    const snapshot = openScene();
    snapshot.table.accept(acceptedRecord());
    start(snapshot.table);
    snapshot.table.step(TASK, { kind: "stop", cause });
    expect(snapshot.recoverWith(worker)).toBe(outcome);
  });

  it.each([
    ["no folder", "queued run 1"],
    ["prepared only", "queued run 1"],
    ["alive", "watched; running run 1"],
    ["ended", "watched; running run 1"],
    ["killed, its process id given to another", "watched; running run 1"],
  ])("a queued task whose next run is %s: %s", (worker, outcome) => {
    const snapshot = openScene();
    snapshot.table.accept(acceptedRecord());
    expect(snapshot.recoverWith(worker)).toBe(outcome);
  });

  it.each([
    ["no folder", 5, "verifying run 2"],
    ["prepared only", 5, "verifying run 7, sealed"],
    ["alive", 1, "watched; verifying run 2"],
  ])("a verifying task whose verify command is %s, over %i restarts: %s", (worker, restarts, outcome) => {
    const snapshot = openScene();
    snapshot.table.accept(acceptedRecord());
    start(snapshot.table);
    snapshot.table.step(TASK, { kind: "verifyStarted" });
    let said = "";
    for (let run = 2; run < 2 + restarts; run += 1)
      said = snapshot.recoverWith(worker, worker === "no folder" ? 2 : run);
    expect(said).toBe(outcome);
    expect(snapshot.records().at(-1)).toMatchObject({ state: { kind: "verifying", vanished: 0 } });
  });

  it("a start that was journaled without its state is not journaled again", () => {
    const snapshot = openScene();
    snapshot.table.accept(acceptedRecord());
    snapshot.table.note(TASK, startedRecord());
    expect(snapshot.recoverWith("alive")).toBe("watched; running run 1");
    expect(snapshot.records().filter((record) => record.k === "started")).toHaveLength(1);
  });

  it.each(Object.keys(WORKERS))(
    "a task that has ended waits for its commit, whatever is left of its worker: %s",
    (worker) => {
      const snapshot = openScene();
      snapshot.table.accept(acceptedRecord());
      start(snapshot.table);
      snapshot.table.step(TASK, { kind: "exited", verdict: { kind: "succeeded" } });
      expect(snapshot.recoverWith(worker)).toBe("ended run 1");
    },
  );

  it("removes runs of tasks that are done with, and gives their sessions back", async () => {
    const snapshot = openScene();
    const done = join(snapshot.paths.runs, "20261120-141529-aaaaaa", "1");
    claimRun(done, { pid: 4_194_305, startTicks: "1", bootId: "none" });
    snapshot.locks.take({ task: "20261120-141529-aaaaaa", run: 1, sessionKey: "web" }, () => true);
    snapshot.table.accept(acceptedRecord());
    start(snapshot.table);
    snapshot.locks.take({ task: TASK, run: 1, sessionKey: SESSION }, () => true);
    snapshot.recoverWith("alive");
    await waitFor(() => readdirSync(snapshot.paths.runs).join() === TASK, { what: "the removal" });
    const locks = createSessionLocks(snapshot.paths.sessionLocks);
    expect(locks.take({ task: "x", run: 1, sessionKey: "web" }, () => true)).toBeUndefined();
    expect(locks.take({ task: "x", run: 1, sessionKey: SESSION }, () => true)).toMatchObject({ task: TASK });
  });

  it("passes over a task whose journal holds nothing: nobody was told of it", () => {
    const snapshot = openScene();
    writeFileSync(join(snapshot.paths.journal, "open", `${TASK}.jsonl`), '{"k":"acc');
    expect(snapshot.recoverWith("no folder")).toBe("unknown");
  });
});

interface Scene {
  readonly paths: StatePaths;
  /** The coordinator that dies. */
  readonly table: TaskTable;
  readonly locks: ReturnType<typeof createSessionLocks>;
  /** Lets the next coordinator recover, with `worker` at a run of the task, the first by default; returns what became of it. */
  recoverWith(worker: string, run?: number): string;
  records(): readonly JournalRecord[];
}

function openScene(): Scene {
  const paths = statePaths(tempDir());
  const table = createTaskTable(openTaskJournal(paths.journal, PLAIN_KEEPER), SURROUNDINGS, () => TASK_LIMITS);
  const locks = createSessionLocks(paths.sessionLocks);
  return {
    ...{ paths, table, locks },
    recoverWith(worker, run = 1) {
      const runDir = join(paths.runs, TASK, String(run));
      WORKERS[worker]?.(runDir);
      const said: string[] = [];
      const runs: Pick<Runs, "adopt" | "stop"> = {
        adopt: () => void said.push("watched"),
        stop: (_, cause) => void said.push(`and stopped (${cause})`),
      };
      const journal = openTaskJournal(paths.journal, PLAIN_KEEPER);
      const next = createTaskTable(journal, SURROUNDINGS, () => TASK_LIMITS);
      const workspaceId = `recovery-${process.pid}`;
      const driver = createCodexDriver({
        installation: () => ({ path: "/bin/true", version: "0.169.0", foundBy: "flag" }),
        ...{
          environment: {},
          gitEnvironment: () => ({}),
          extraConfig: [],
          servers: async () => [],
          now: Date.now,
          keeper: PLAIN_KEEPER,
          workspaceId,
          runsDir: paths.runs,
        },
      });
      const store = openRunStore({ runsDir: paths.runs, keptDir: paths.unknownRuns, workspaceId });
      const sessions = {
        ...createSessionStore({ readText: async () => undefined }),
        ...createSessionLocks(paths.sessionLocks),
      };
      recover({
        ...{ journal, table: next, runs, agents: driver, verifications: driver, store, sessions },
        ...{ surroundings: SURROUNDINGS, log: () => undefined },
      });
      const state = next.get(TASK)?.state;
      const sealed = isSealed(runDir) && worker !== "sealed by a start that was killed then" ? ", sealed" : "";
      const now = state === undefined ? "unknown" : `${state.kind} run ${state.run}${sealed}`;
      return said.length === 0 ? now : `${said.join(" ")}; ${now}`;
    },
    records: () => readTaskJournal(paths.journal).read(TASK),
  };
}

function acceptedRecord(): JournalRecord & { readonly k: "accepted" } {
  return {
    ...{
      k: "accepted",
      v: 1,
      id: TASK,
      session: SESSION,
      path: `sessions/${SESSION}/2026-11-20/${TASK}.md`,
      order: 1,
      atMs: 0,
    },
    ...{ text: "Say hello\n", folderKey: SESSION, source: null, clone: "aaaaaa" },
  };
}

function startedRecord(): JournalRecord {
  return { k: "started", run: 1, attempt: 1, atMs: 0, resume: null, codex: "0.169.0" };
}

function start(table: TaskTable): void {
  table.step(TASK, { kind: "started" }, [startedRecord()]);
}

function prepareRun(runDir: string): void {
  mkdirSync(runDir, { recursive: true });
  const command = { v: 1, command: ["/bin/true", "exec"], workdir: "/", resumeThread: null };
  writeFileSync(join(runDir, "command.json"), JSON.stringify(command));
  for (const name of ["prompt.md", "events.jsonl", "stderr.log"]) writeFileSync(join(runDir, name), "");
}

function claimRun(runDir: string, identity: ProcessIdentity): void {
  prepareRun(runDir);
  const { pid, startTicks, bootId } = identity;
  writeFileSync(join(runDir, "claim"), JSON.stringify({ v: 1, pid, startTicks, bootId }));
}

function isSealed(runDir: string): boolean {
  const path = join(runDir, "claim");
  return existsSync(path) && readFileSync(path, "utf8").includes("sealed");
}

/** A process that lives until the test is finished. */
function sleeper(): ChildProcess {
  const child = spawn("sleep", ["600"], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

function identityOf({ pid = Number.NaN }: ChildProcess): ProcessIdentity {
  return { ...ownIdentity(), pid, startTicks: readStartTicks(pid) ?? "" };
}
