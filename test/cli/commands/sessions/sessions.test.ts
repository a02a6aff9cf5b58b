import { expect, it } from "vitest";
import { createSessionsCommand } from "../../../../src/cli/commands/sessions/sessions.ts";
import { createFakeCliDeps, runCommand, sessionView } from "../../../fakes/fake-cli-deps.ts";

const DOCS = sessionView();
const QUIET = sessionView({
  ...{ key: "web", state: "RUNNING", runs: 0, usage: null, durationMs: 0, commands: 0, paused: true },
  tasks: { queued: 2, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
});

async function printed(...argv: readonly string[]): Promise<readonly string[]> {
  const deps = createFakeCliDeps({
    sessions: async ({ own }) => (own ? [DOCS, QUIET, sessionView({ key: "own" })] : [DOCS, QUIET]),
    session: async (key) => ({ ...DOCS, key }),
  });
  expect(await runCommand(createSessionsCommand(deps), ...argv)).toBe(0);
  return deps.printed;
}

it("prints a line for each session, as many as are wanted", async () => {
  const lines = [
    "docs  STOPPED   1 succeeded; 1 run, 29 s, 3 commands, 100 tokens in (40 cached), 10 out",
    "web   RUNNING   2 queued; no runs; paused",
  ];
  expect(await printed()).toEqual(lines);
  expect(await printed("-n", "1")).toEqual(lines.slice(0, 1));
  expect(await printed("--all")).toHaveLength(3);
  expect(await printed("--state", "running", "--state", "DIED")).toEqual(["web  RUNNING   2 queued; no runs; paused"]);
  await expect(printed("--state", "idle")).rejects.toMatchObject({
    ...{
      code: "USAGE",
      message: '--state: there is no state "idle"; expected one of RUNNING, STOPPED, DIED, ARCHIVED',
    },
  });
  await expect(printed("--state", "runing")).rejects.toMatchObject({
    message: expect.stringMatching(/did you mean "RUNNING"\?$/),
  });
});

it("prints the names of sessions in a column, whatever their length", async () => {
  const sessions = [QUIET, { ...QUIET, key: "docs/translation/french" }];
  const deps = createFakeCliDeps({ sessions: async () => sessions });
  await runCommand(createSessionsCommand(deps));
  expect(deps.printed).toEqual([
    "web                      RUNNING   2 queued; no runs; paused",
    "docs/translation/french  RUNNING   2 queued; no runs; paused",
  ]);
});

it("says who has taken one, and what is not landed", async () => {
  const work = { branch: "codex-inbox/docs-1a2b3c", tip: "a", committedAt: "2026-11-20T14:16:00.000Z", behind: 0 };
  const unlanded = { ...work, ahead: 1, conflicts: [], overlaps: [] };
  const sessions = [
    { ...QUIET, takenBy: "ada", unlanded },
    { ...QUIET, unlanded: { ...unlanded, ahead: 2, conflicts: ["a.c"] } },
  ];
  const deps = createFakeCliDeps({ sessions: async () => sessions });
  await runCommand(createSessionsCommand(deps));
  expect(deps.printed).toEqual([
    "web  RUNNING   2 queued; no runs; taken by ada; 1 commit not landed",
    "web  RUNNING   2 queued; no runs; paused; 2 commits not landed, and not to be merged as it is",
  ]);
});

it("prints one session in full", async () => {
  expect(await printed("docs")).toEqual([
    "session  docs",
    "state    STOPPED",
    "thread   none",
    "tasks    1 succeeded",
    "taken    1 run, 29 s, 3 commands, 100 tokens in (40 cached), 10 out",
    "last     2026-11-20T14:16:00.000Z",
  ]);
});

it("prints the same as JSON", async () => {
  expect(JSON.parse((await printed("--json")).join(""))).toEqual({ version: 1, sessions: [DOCS, QUIET] });
  expect(JSON.parse((await printed("--json", "docs")).join(""))).toEqual({ version: 1, ...DOCS });
});

it("says that there are none", async () => {
  const deps = createFakeCliDeps({ sessions: async () => [] });
  await runCommand(createSessionsCommand(deps));
  expect(deps.printed).toEqual(["no sessions"]);
});

it("with --resumable, prints those whose work is not landed and that have no task under way, with what it stands against", async () => {
  const unlanded = {
    ...{
      branch: "codex-inbox/docs-1a2b3c",
      tip: "1a2b3c",
      committedAt: "2026-11-20T14:15:30.000Z",
      ahead: 2,
      behind: 1,
    },
    ...{ conflicts: ["a.txt"], overlaps: [{ session: "web", paths: ["b.txt", "c.txt"] }] },
  };
  const sessions = [
    { ...DOCS, unlanded },
    { ...QUIET, unlanded },
    { ...DOCS, key: "landed" },
    { ...DOCS, key: "api", unlanded: { ...unlanded, conflicts: [], overlaps: [] } },
  ];
  const deps = createFakeCliDeps({ sessions: async () => sessions });
  await runCommand(createSessionsCommand(deps), "--resumable");
  const text = "codex-inbox/docs-1a2b3c  2 ahead, 1 behind, of 2026-11-20T14:15:30.000Z";
  expect(deps.printed).toEqual([`docs  ${text}; conflicts in a.txt; meets web in b.txt, c.txt`, `api   ${text}`]);
});
