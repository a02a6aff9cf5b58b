import { describe, expect, it } from "vitest";
import { createProcessScan, type Forks, type ProcessScan } from "../../../src/git/gate/process-scan.ts";
import type { ProcessTable } from "../../../src/git/gate/process-table.ts";
import type { Repository } from "../../../src/git/repository/repository.ts";

interface Process {
  readonly name: string;
  readonly cwd?: string;
  readonly argv?: readonly string[];
  readonly environment?: string;
  readonly parent?: number;
  readonly isForkOnly?: boolean;
  readonly ageMs?: number;
  readonly threadOf?: number;
}

const TOP = "/no/such/repo";
const REPOSITORY = { topDir: TOP, gitDir: `${TOP}/.git`, commonDir: `${TOP}/.git` } as Repository;
const COMMIT = ["git", "commit"];
const UPTIME_MS = 1_000_000;

interface Machine {
  start(pid: number, process: Process): void;
  end(pid: number): void;
  readonly scan: ProcessScan;
  /** What the scan has asked of processes, one by one. */
  readonly asked: string[];
}

/** A machine whose processes are told, and the scan of it. */
function machine(): Machine {
  const running = new Map<number, Process>([[process.pid, { name: "node", parent: 1 }]]);
  const asked: string[] = [];
  let last = process.pid;
  const table: ProcessTable = {
    pids: () => [...running].filter(([, { threadOf }]) => threadOf === undefined).map(([pid]) => pid),
    lastPid: () => last,
    uptimeMs: () => UPTIME_MS,
    stat(pid) {
      asked.push("stat");
      const found = running.get(pid);
      if (found === undefined) return undefined;
      const { name, parent = 1, isForkOnly = false, ageMs = 60_000 } = found;
      return { name, parent, isForkOnly, startedMs: UPTIME_MS - ageMs };
    },
    name(pid) {
      asked.push("name");
      return running.get(pid)?.name;
    },
    isThread: (pid) => running.get(pid)?.threadOf !== undefined,
    argv: (pid) => running.get(pid)?.argv ?? [],
    environment: (pid) => `\0${running.get(pid)?.environment ?? ""}\0`,
    cwd: (pid) => running.get(pid)?.cwd ?? "/elsewhere",
  };
  return {
    start(pid, told) {
      running.set(pid, told);
      last = Math.max(last, pid);
    },
    end: (pid) => void running.delete(pid),
    scan: createProcessScan(REPOSITORY, "clone/", table),
    asked,
  };
}

const NEW = process.pid + 1;
const BLOCKED = { pid: NEW, what: `git commit (process ${NEW}) is running in the work tree` };
const FORK: Process = { name: "bash", isForkOnly: true, ageMs: 5 };

describe("what was started since the last look", () => {
  it.each<{ name: string; is: Process; forks?: Forks; look: unknown }>([
    { name: "a commit in the work tree blocks", is: { name: "git", argv: COMMIT, cwd: TOP }, look: BLOCKED },
    { name: "a commit elsewhere does not", is: { name: "git", argv: COMMIT }, look: "clear" },
    {
      name: "a commit elsewhere that names our git directory does",
      is: { name: "git", argv: COMMIT, environment: `GIT_DIR=${TOP}/.git` },
      look: BLOCKED,
    },
    {
      name: "one that names the git directory of another work tree of the repository does not",
      is: { name: "git", argv: COMMIT, environment: `GIT_DIR=${TOP}/.git/worktrees/x\0GIT_WORK_TREE=/x` },
      look: "clear",
    },
    { name: "a log in the work tree does not", is: { name: "git", argv: ["git", "log"], cwd: TOP }, look: "clear" },
    {
      name: "a commit of an agent of ours does not",
      is: { name: "git", argv: COMMIT, cwd: TOP, environment: "CODEX_INBOX_RUN=clone/t1/1" },
      look: "clear",
    },
    {
      name: "a commit of our own does not",
      is: { name: "git", argv: COMMIT, cwd: TOP, parent: process.pid },
      look: "clear",
    },
    { name: "a program in the work tree does not", is: { name: "make", cwd: TOP, ageMs: 5 }, look: "clear" },
    { name: "a shell that has been there does not", is: { name: "bash", cwd: TOP }, look: "clear" },
    { name: "a fork in the work tree may be about to", is: { ...FORK, cwd: TOP }, look: "unsettled" },
    { name: "a fork elsewhere, too: it may change folder first", is: FORK, look: "unsettled" },
    { name: "unless it is looked for in the tree only", is: FORK, forks: "in-the-tree", look: "clear" },
    { name: "a fork that never calls exec does not", is: { ...FORK, cwd: TOP, ageMs: 500 }, look: "clear" },
    {
      name: "a fork of an agent of ours does not",
      is: { ...FORK, cwd: TOP, environment: "CODEX_INBOX_RUN=clone/t1/1" },
      look: "clear",
    },
    { name: "a thread does not", is: { ...FORK, cwd: TOP, threadOf: 5 }, look: "clear" },
    {
      name: "a shell just started in the work tree may be about to",
      is: { name: "sh", cwd: TOP, ageMs: 5 },
      look: "unsettled",
    },
    { name: "nothing but git counts in the end", is: { ...FORK, cwd: TOP }, forks: "none", look: "clear" },
  ])("$name", ({ is, forks = "everywhere", look }) => {
    const { start, scan } = machine();
    expect(scan.scan()).toBeUndefined();
    start(NEW, is);
    expect(scan.look(forks)).toEqual(look);
  });
});

it.each<{ name: string; before: Process }>([
  { name: "a shell in the work tree", before: { name: "zsh", cwd: TOP } },
  { name: "a process that was forked at the time of the scan", before: FORK },
  { name: "a fork that takes its time on a busy machine", before: { ...FORK, ageMs: 500 } },
  { name: "a program that hands over", before: { name: "env", ageMs: 5 } },
])("$name is seen to have become git", ({ before }) => {
  const { start, scan } = machine();
  start(NEW, before);
  expect(scan.scan()).toBeUndefined();
  expect(scan.look("none")).toBe("clear");
  start(NEW, { name: "git", argv: COMMIT, cwd: TOP, ageMs: 50 });
  expect(scan.look("none")).toEqual(BLOCKED);
  expect(scan.scan(NEW)).toEqual(BLOCKED);
});

describe("while git's locks are held", () => {
  const SHELL: Process = { name: "zsh", cwd: TOP };

  it.each<{ name: string; now?: Process; newcomer?: Process; forks?: Forks; clear: boolean }>([
    { name: "nothing has happened", clear: true },
    { name: "a shell has become git", now: { name: "git", argv: COMMIT, cwd: TOP }, clear: false },
    { name: "a shell has become a git that reads", now: { name: "git", argv: ["git", "log"], cwd: TOP }, clear: true },
    { name: "any process at all was started", newcomer: { name: "true" }, forks: "any", clear: false },
    { name: "a program was started", newcomer: { name: "true" }, clear: true },
    { name: "a fork came", newcomer: FORK, clear: false },
    { name: "a commit came", newcomer: { name: "git", argv: COMMIT, cwd: TOP }, forks: "none", clear: false },
  ])("$name: $clear", ({ now, newcomer, forks = "everywhere", clear }) => {
    const { start, scan } = machine();
    start(NEW, SHELL);
    expect(scan.scan()).toBeUndefined();
    if (now !== undefined) start(NEW, now);
    if (newcomer !== undefined) start(NEW + 1, newcomer);
    expect(scan.isStillClear(forks)).toBe(clear);
  });

  it("a process that was there is asked for its name and nothing else", () => {
    const { start, scan, asked } = machine();
    start(NEW, SHELL);
    start(NEW + 1, { name: "make", ageMs: 500 });
    expect(scan.look("everywhere")).toBe("clear");
    asked.length = 0;
    expect(scan.isStillClear("everywhere")).toBe(true);
    expect(asked).toEqual(["name", "name"]);
  });
});

it("each process of a run of ours is looked at once, and its parents not again", () => {
  const { start, scan, asked } = machine();
  expect(scan.scan()).toBeUndefined();
  start(NEW, { name: "sh", cwd: TOP, ageMs: 5, parent: process.pid });
  start(NEW + 1, { name: "codex", cwd: TOP, ageMs: 5, parent: NEW });
  start(NEW + 2, { ...FORK, cwd: TOP, parent: NEW + 1 });
  asked.length = 0;
  expect([scan.look("everywhere"), scan.look("everywhere")]).toEqual(["clear", "clear"]);
  expect(asked).toEqual(["stat", "stat", "stat"]);
});

it("a program of somebody else's is judged once and then asked for its name, and who began it is asked once for all of its like", () => {
  const { start, scan, asked } = machine();
  expect(scan.scan()).toBeUndefined();
  start(NEW, { name: "make", ageMs: 900 });
  start(NEW + 1, { name: "cc", ageMs: 300, parent: NEW });
  start(NEW + 2, { name: "ld", ageMs: 300, parent: NEW });
  asked.length = 0;
  expect(scan.look("everywhere")).toBe("clear");
  expect(asked).toEqual(["stat", "stat", "stat"]); // Each its own, and of its parent nothing.
  asked.length = 0;
  expect(scan.look("everywhere")).toBe("clear");
  expect(asked).toEqual(["name", "name", "name"]);
  start(NEW + 1, { name: "git", argv: COMMIT, cwd: TOP, ageMs: 400 });
  expect(scan.look("none")).toMatchObject({ pid: NEW + 1 });
});

it("of many new ids those are looked at that are processes", () => {
  const { start, scan, asked } = machine();
  expect(scan.scan()).toBeUndefined();
  start(NEW, { name: "git", argv: COMMIT, cwd: TOP });
  for (let pid = NEW + 1; pid <= NEW + 200; pid += 1) start(pid, { name: "codex", threadOf: NEW });
  asked.length = 0;
  expect(scan.look("everywhere")).toEqual(BLOCKED);
  expect(asked.length).toBeLessThan(10);
});

it("a scan asks what is long settled for its name, and sees that it has become git", () => {
  const { start, scan, asked } = machine();
  start(NEW, { name: "make", cwd: TOP });
  expect(scan.scan()).toBeUndefined();
  asked.length = 0;
  expect(scan.scan()).toBeUndefined();
  expect(asked).not.toContain("stat");
  start(NEW, { name: "git", argv: COMMIT, cwd: TOP });
  expect(scan.scan()).toEqual(BLOCKED);
});

it("programs that start without end elsewhere hold up nothing", () => {
  const { start, end, scan } = machine();
  expect(scan.scan()).toBeUndefined();
  const looks = Array.from({ length: 100 }, (_, n) => {
    for (let pid = NEW + n * 10; pid < NEW + n * 10 + 10; pid += 1) start(pid, { name: "true", ageMs: 3 });
    const look = scan.look("everywhere");
    for (let pid = NEW + n * 10; pid < NEW + n * 10 + 10; pid += 1) end(pid);
    return look;
  });
  expect(new Set(looks)).toEqual(new Set(["clear"]));
});

describe("a git of the user's that began a moment ago", () => {
  it.each<{ name: string; is: Process; begun: boolean }>([
    { name: "young and here", is: { name: "git", argv: COMMIT, cwd: TOP, ageMs: 100 }, begun: true },
    { name: "old and here: its editor is open", is: { name: "git", argv: COMMIT, cwd: TOP }, begun: false },
    { name: "young and elsewhere", is: { name: "git", argv: COMMIT, ageMs: 100 }, begun: false },
    { name: "a fork here", is: { ...FORK, cwd: TOP }, begun: true },
    { name: "a fork elsewhere", is: FORK, begun: false },
  ])("$name: $begun", ({ is, begun }) => {
    const { start, scan } = machine();
    start(NEW, is);
    expect(scan.anyBeganWithin(5_000)).toBe(begun);
  });
});
