import { describe, expect, it } from "vitest";
import type { Health } from "../../../src/app/coordinator.ts";
import type { StatusView } from "../../../src/app/queries/queries.ts";
import { createStatusCommand } from "../../../src/cli/commands/status.ts";
import { createFakeCliDeps, runCommand, taskView } from "../../fakes/fake-cli-deps.ts";

const SINCE = "2026-11-20T14:15:30.000Z";
const QUIET: StatusView = {
  workspace: "/repo",
  branch: "main",
  server: null,
  health: null,
  codex: null,
  paused: { queue: null, sessions: [] },
  tasks: { queued: 0, running: 0, uncommitted: 2 },
  ...{ running: [], queued: [] },
  otherClones: 0,
  claims: null,
  overlaps: [],
  unlanded: [],
  broken: [],
  inbox: null,
  uncommittedSettings: null,
};
const HEALTH: Health = {
  ...{ status: "waiting", version: "1.2.3", workspace: "/repo", branch: "main", pid: 7, startedAt: SINCE },
  tasks: { queued: 1, running: 1, uncommitted: 2 },
  committer: { reason: "a merge is under way", since: SINCE },
  codex: { reason: "codex not found", since: SINCE, until: null },
  sandbox: { reason: "codex's sandbox does not work", since: SINCE },
  paused: { queue: null, sessions: [] },
  sync: {
    ...{ remote: "origin", branch: "main", lastSync: SINCE, ahead: 2, behind: 1, running: false },
    problem: { reason: "the remote origin cannot be reached", since: SINCE },
    inTheWay: { reason: "files differ from the branch", paths: ["a.txt"], command: "git pull", since: SINCE },
  },
  claims: { held: 1, elsewhere: 2, problem: "origin is away" },
  world: { reason: "cannot write the journal (ENOSPC): the disk is full", since: SINCE },
  full: { reason: "2 of at most 2 open tasks (maxOpenTasks)", since: SINCE },
  broken: ["inbox/x.md"],
  damaged: ["x.jsonl"],
  configProblem: "unknown setting",
  uncommittedSettings: null,
  newAuthors: [],
  draining: true,
};
const SERVER = {
  branch: "main",
  pid: 7,
  startTicks: "1",
  bootId: "b",
  startedAt: SINCE,
  version: "1.2.3",
  url: "http://127.0.0.1:8787",
  maxOpenTasks: null,
};

async function lines(view: StatusView, ...argv: readonly string[]): Promise<readonly string[]> {
  const deps = createFakeCliDeps({ status: async () => view });
  deps.nowMs = Date.parse(SINCE) + 90_000;
  expect(await runCommand(createStatusCommand(deps), ...argv)).toBe(0);
  return deps.printed;
}

describe("status", () => {
  it("says who serves, and how to begin where nobody does", async () => {
    expect(await lines(QUIET)).toEqual([
      "workspace  /repo (main)",
      "serving    nobody; start with: codex-inbox serve",
      "tasks      0 running, 0 queued, 2 finished but not committed",
    ]);
  });

  it("says of a command that has gone on for half an hour what ends it, until that was asked for", async () => {
    const longAgo = "2026-11-20T13:00:00.000Z";
    const progress = {
      ...{ kind: "verify" as const, startedAt: longAgo, lastEventAt: null, last: null, usage: null },
      ...{ command: "npm test", commandSince: longAgo, commands: 0 },
    };
    const said = async (status: string) => {
      const running = [taskView({ status, endedAt: null, progress })];
      return (await lines({ ...QUIET, server: SERVER, running })).join("\n");
    };
    const { id } = taskView();
    expect(await said("verifying")).toContain(`timeoutMs ends a command that goes on: codex-inbox stop ${id} ends`);
    expect(await said("stopping")).not.toContain("codex-inbox stop");
  });

  it("says what waits, why and since when, and what is broken", async () => {
    const progress = {
      ...{ kind: "agent" as const, startedAt: SINCE, lastEventAt: "2026-11-20T14:16:40.000Z", last: "$ npm test" },
      ...{ command: "npm test", commandSince: "2026-11-20T14:16:35.000Z", commands: 2, usage: null },
    };
    const running = [taskView({ status: "running", endedAt: null, progress })];
    const hold = { hold: "a pause", holdUntil: SINCE, holdRemedy: "codex-inbox resume" };
    const view = {
      ...QUIET,
      tasks: { ...QUIET.tasks, queued: 5 },
      queued: [taskView({ id: "20261120-141531-aaaaaa", status: "queued", endedAt: null, ...hold })],
      server: SERVER,
      health: HEALTH,
      codex: HEALTH.codex,
      running,
      broken: HEALTH.broken,
      otherClones: 3,
      claims: HEALTH.claims,
      paused: {
        queue: { since: SINCE, reason: "a release", takenBy: null },
        sessions: [{ session: "docs", since: SINCE, reason: null, takenBy: null }],
      },
    };
    const printed = (await lines(view)).slice(1);
    expect(printed).toEqual([
      `serving    process 7 since ${SINCE} at http://127.0.0.1:8787`,
      "tasks      0 running, 5 queued, 2 finished but not committed",
      `committing waits since ${SINCE}: a merge is under way`,
      `codex      no task is started since ${SINCE}: codex not found (codex-inbox resume --now looks again at once)`,
      `sandbox    tasks that need it wait since ${SINCE}: codex's sandbox does not work`,
      `sync       origin/main: synced ${SINCE}, 2 ahead, 1 behind`,
      `sync       waits since ${SINCE}: the remote origin cannot be reached`,
      `sync       in the way since ${SINCE}: files differ from the branch: a.txt; git pull`,
      "claims     1 task claimed by this clone, 2 waiting for another one; none can be claimed now: origin is away",
      `full       since ${SINCE}: 2 of at most 2 open tasks (maxOpenTasks)`,
      `world      since ${SINCE}: cannot write the journal (ENOSPC): the disk is full`,
      "damaged    journal/damaged/x.jsonl in the coordinator's folder",
      `paused     the whole queue since ${SINCE}: a release (codex-inbox resume)`,
      `paused     session docs since ${SINCE} (codex-inbox resume --session docs)`,
      "settings   the last good ones are in force: unknown setting",
      "draining   no task is started any more",
      "elsewhere  3 open, accepted by other clones; serve --take-over runs them here",
      "running    20261120-141530-k3f9x2  Fix the login",
      "             runs for 1 min 30 s, last event 20 s ago, 2 commands",
      "             $ npm test  (for 25 s)",
      "queued     20261120-141531-aaaaaa  Fix the login",
      `             a pause; until ${SINCE}; codex-inbox resume`,
      "queued     4 more; codex-inbox ls --state queued shows them",
      "broken     inbox/x.md: see the .error.md file beside it",
    ]);
  });

  it("names a workspace elsewhere in what it says to do, and counts what waits in inbox/", async () => {
    const inbox = { count: 2, paths: ["inbox/a.md", "inbox/b.md"] };
    expect((await lines({ ...QUIET, workspace: "/srv/my home", inbox })).slice(1)).toEqual([
      "serving    nobody; start with: codex-inbox -C '/srv/my home' serve",
      "tasks      0 running, 0 queued, 2 finished but not committed",
      "inbox      2 waiting in inbox/ for a coordinator; codex-inbox ls names them",
    ]);
  });

  it("prints the same as JSON", async () => {
    expect(JSON.parse((await lines({ ...QUIET, server: SERVER }, "--json")).join("\n"))).toEqual({
      version: 1,
      ...QUIET,
      server: SERVER,
    });
  });
});

it("says whose work is not landed, and whose does not merge with other work", async () => {
  const overlaps = [
    { session: "docs", with: null, paths: ["a.txt"] },
    { session: "docs", with: "web", paths: ["1", "2", "3", "4", "5", "6"] },
  ];
  const deps = createFakeCliDeps({ status: async () => ({ ...QUIET, overlaps, unlanded: ["docs"] }) });
  await runCommand(createStatusCommand(deps));
  expect(deps.printed.filter((line) => line.startsWith("overlap"))).toEqual([
    "overlap    the work of session docs does not merge with what is checked out: a.txt",
    "overlap    the work of session docs does not merge with session web: 1, 2, 3, 4, 5 and 1 more",
  ]);
  expect(deps.printed).toContain("unlanded   work of docs; codex-inbox land docs merges it");
  const many = { ...QUIET, unlanded: ["a", "b", "c", "d", "e", "f"], claims: { held: 0, elsewhere: 0, problem: null } };
  const printed = await lines(many);
  expect(printed.slice(2)).toEqual([
    "tasks      0 running, 0 queued, 2 finished but not committed",
    "unlanded   work of a, b, c, d, e and 1 more; codex-inbox land <session> merges it",
  ]);
});
