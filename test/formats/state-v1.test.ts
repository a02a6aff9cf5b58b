import { chmodSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { startHooks } from "../../src/app/hooks/tell-hooks.ts";
import { addressOf, readServer } from "../../src/app/queries/server-record.ts";
import { keptSignIns } from "../../src/app/serve/open-interface.ts";
import { ownIdentity } from "../../src/base/process/process-identity.ts";
import { lastHolder } from "../../src/base/process/process-lock.ts";
import { readPolicy } from "../../src/config/policy.ts";
import { readOutage } from "../../src/dispatch/circuit-breaker.ts";
import { openPauseStore } from "../../src/dispatch/pauses.ts";
import { createRunEvidence } from "../../src/dispatch/run/run-evidence.ts";
import { readClaim } from "../../src/run/worker/claim.ts";
import { readExitRecord } from "../../src/run/worker/exit-record.ts";
import { readRunCommand } from "../../src/run/worker/run-directory.ts";
import { readCloneFile } from "../../src/store/clone/clone-id.ts";
import { openDropReceipts } from "../../src/store/drop-receipts.ts";
import { openEventNumbers } from "../../src/store/events/event-numbers.ts";
import { openSegmentFiles } from "../../src/store/events/segment-files.ts";
import { refuseNewerState } from "../../src/store/formats.ts";
import { journalProblem } from "../../src/store/journal/journal-check.ts";
import { readTaskJournal } from "../../src/store/journal/journal-reader.ts";
import { openOwnThreads } from "../../src/store/own-threads.ts";
import { createSessionLocks } from "../../src/store/sessions/session-lock.ts";
import { statePaths } from "../../src/store/state-paths.ts";
import { openSubmissionKeys, submissionDigest } from "../../src/store/submission-keys.ts";
import { fold } from "../../src/store/tasks/open-task.ts";
import { readWorktreeRecords } from "../../src/store/worktrees/worktree-records.ts";
import { tempDir } from "../support/temp-dir.ts";

const FIXTURE = join(import.meta.dirname, "../fixtures/formats/state-v1");
const [DONE, OPEN, WAITING] = ["20261122-042122-fyd37l", "20261122-042125-wo09fi", "20261122-042130-72bt7g"] as const;
const THREAD = "01a2017c-c6d0-7aae-ae31-ce475899b39e";

/** Every file that a version 1 has left in the coordinator's folder says what it said then. */
describe("the coordinator's folder of version 1", () => {
  let paths = statePaths("");
  beforeEach(() => {
    const root = join(tempDir(), "state");
    cpSync(FIXTURE, root, { recursive: true });
    paths = statePaths(root);
  });

  it("is one that may be used, of the clone that drew its id", () => {
    expect(() => refuseNewerState(paths.root)).not.toThrow();
    expect(readCloneFile(paths.clone)).toMatchObject({ id: "nd25oi", place: { inode: "65024:3219957" } });
    expect(readFileSync(paths.branch, "utf8")).toBe("refs/heads/main\n");
  });

  it("holds the journals of an open and of a finished task", () => {
    const journal = readTaskJournal(paths.journal);
    const [open, done] = [journal.read(OPEN), journal.readDone(DONE)];
    expect([journalProblem(OPEN, open), journalProblem(DONE, done)]).toEqual([undefined, undefined]);
    expect(fold(open)).toMatchObject({
      ...{ id: OPEN, sessionKey: "docs", origin: { kind: "cli", user: "ada" }, state: { kind: "queued", run: 1 } },
      spec: { title: "Later.", notBeforeMs: Date.parse("2030-01-01T00:00:00Z") },
    });
    expect(fold(done)).toMatchObject({
      ...{ committed: true, state: { kind: "ended", status: "succeeded", attempts: 1 } },
      ...{ spec: { verifyCommand: "true" }, lastRun: { run: 1, thread: THREAD, ended: true } },
    });
  });

  it("holds runs, the sessions that they hold, threads and worktrees", () => {
    const run = join(paths.runs, OPEN, "1");
    expect(readRunCommand(run)).toMatchObject({ command: ["codex", "exec"], workdir: "/srv/code" });
    const process = { pid: 4194305, startTicks: "12", bootId: "1240c767-c5ef-4306-b9eb-90562bb4c20c" };
    expect(readClaim(run)).toEqual({ kind: "worker", process });
    expect(readExitRecord(run)).toMatchObject({ exitCode: 7 });
    const locks = createSessionLocks(paths.sessionLocks);
    const taken = ["docs", "tree"].map((sessionKey) => locks.take({ task: DONE, run: 2, sessionKey }, () => true));
    expect(taken).toEqual([{ task: OPEN, run: 1, sessionKey: "docs" }, undefined]);
    expect(openOwnThreads(paths.ownThreads).has(THREAD)).toBe(true);
    expect(readWorktreeRecords(paths.worktrees)).toMatchObject([
      { slug: "docs-1", session: "docs", state: "ready", slot: 1, changed: ["a.txt"], locks: ["db"], openingMs: 120 },
    ]);
  });

  it("says what holds tasks, who has submitted what, and what tasks may do", () => {
    const pauses = openPauseStore(paths.paused).read();
    expect(JSON.stringify([...Object.values(pauses)])).toContain("a release");
    const outage = { failure: "usageLimit", reason: "usage limit reached", untilMs: 1795324800000, checks: 2 };
    expect(readOutage(paths.codexHold)).toMatchObject(outage);
    const text = "---\nsessionKey: docs\nnotBefore: 2030-01-01T00:00:00Z\n---\nWaits.";
    const receipts = openDropReceipts(paths.dropReceipts);
    expect(receipts.originOf(WAITING, text)).toEqual({ kind: "cli", user: "ada" });
    expect(openSubmissionKeys(paths.submissionKeys).find("k-1")?.id).toBe("20261122-042127-fml15g");
    expect(submissionDigest("k-1")).toBe("fDXFoXhdIHBORNXeS-uBwfzpG2_kjtfD");
    chmodSync(paths.policy, 0o600);
    expect(readPolicy(paths.policy, "/srv/code")).toMatchObject({
      ...{ sandbox: "read-only", origins: { cli: { sandbox: "workspace-write" } } },
    });
  });

  it("holds what a run has said of the files that it wrote into the inbox; a newer one says nothing", () => {
    const authors = () => {
      const surroundings = { now: () => 1_795_321_400_000, after: () => () => undefined };
      const evidence = createRunEvidence({
        ...{ workspaceDir: "/srv/code", dir: paths.runEvidence, surroundings },
        log: () => undefined,
      });
      const [patched, beforeSaved, later] = [1_795_321_290_000, 1_795_321_299_500, 1_795_321_350_000];
      return [
        evidence.authorOf("inbox/next.md", [patched]),
        ...[patched + 1_500, beforeSaved, later].map((time) => evidence.authorOf("inbox/other.md", [time])),
      ];
    };
    const run = { task: OPEN, run: 1 };
    expect(authors()).toEqual([run, run, run, undefined]);
    const file = join(paths.runEvidence, `${OPEN}-1.json`);
    writeFileSync(file, readFileSync(file, "utf8").replace('"v":1', '"v":2'));
    expect(authors()).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("holds the newest events, and up to which number they may have been given", () => {
    const found = openSegmentFiles(paths.events).found;
    expect(found?.events.at(-1)).toMatchObject({
      seq: 1795321283453,
      kind: "state",
      status: "running",
      session: "tree",
    });
    expect(found?.header).toEqual({ v: 1, at: 1795321283449, checkpoint: [] });
    const numbers = openEventNumbers(paths.events, "1240c767-c5ef-4306-b9eb-90562bb4c20c", 1795321283453, 0);
    expect(numbers).toMatchObject({ first: 1795321283454, isSkipped: false });
  });

  it("tells who serves and who holds the lock, who is signed in, and up to where hooks were told", () => {
    const holder = { pid: 4194305, startTicks: "12", bootId: "1240c767-c5ef-4306-b9eb-90562bb4c20c" };
    expect(lastHolder(paths.root, "lock")).toMatchObject({
      ...{ ...holder, pidNamespace: "pid:[4026531836]", startedAt: "2026-11-22T04:21:19.031Z" },
      ...{ folder: "/srv/code/.git/codex-inbox", device: "65024", lifeLine: ".lock.alive-0a1b2c3d" },
    });
    expect(readServer(paths.server)).toBeUndefined(); // Its process is gone.
    const record = JSON.parse(readFileSync(paths.server, "utf8"));
    const { folder: _, v: __, ...earlier } = record;
    for (const version of [{ ...record, folder: paths.root }, earlier]) {
      writeFileSync(paths.server, JSON.stringify({ ...version, ...ownIdentity() }));
      const address = { url: "http://127.0.0.1:8787", socketPath: undefined, token: "c2VjcmV0" };
      expect(addressOf(readServer(paths.server))).toEqual(address);
      expect(readServer(paths.server)).toMatchObject({
        branch: "refs/heads/main",
        version: "0.1.0",
        maxOpenTasks: 500,
      });
    }
    const signedIn = [{ digest: "5e".repeat(32), untilMs: 1797913283449 }];
    expect(keptSignIns(paths.signIns).read()).toEqual(signedIn);
    keptSignIns(paths.signIns).write(signedIn);
    expect(JSON.parse(readFileSync(paths.signIns, "utf8"))).toEqual({ v: 1, signIns: signedIn });
    writeFileSync(paths.signIns, JSON.stringify(signedIn)); // As earlier versions wrote it.
    expect(keptSignIns(paths.signIns).read()).toEqual(signedIn);
    const asked: (number | undefined)[] = [];
    const reader = (from: number | undefined) => {
      asked.push(from);
      return { seq: from ?? 0, next: async () => undefined };
    };
    const settings = { hook: "/bin/true", webhook: undefined, webhookSecret: undefined };
    const stop = startHooks({
      ...{ events: { reader }, cursorPath: paths.hooksTold, settings: () => settings, clone: "nd25oi" },
      ...{ workspaceDir: "/srv/code", environment: {}, log: () => undefined },
      surroundings: { now: () => 0, after: () => () => undefined },
    });
    stop();
    expect(asked).toEqual([1795321283453]);
  });

  const names = ["server", "sign-ins", "hooks-told", "codex-hold", "committer"];
  it.each([...names, "lock.holder-3", "lock.holder-4", "policy-lock.holder-33"])(
    "is refused, and left as it is, where %s.json is of a later one",
    (name) => {
      const path = join(paths.root, `${name}.json`);
      writeFileSync(path, JSON.stringify({ v: 2, anything: ["else"] }));
      const message = `${path} is of format 2, and this version of codex-inbox knows formats up to 1: use a newer`;
      expect(() => refuseNewerState(paths.root)).toThrow(message);
      expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ v: 2, anything: ["else"] });
    },
  );
});
