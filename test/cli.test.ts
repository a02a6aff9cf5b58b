import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CommandResult, runCommand } from "./support/coordinator-process.ts";
import { makeGitRepo } from "./support/git-repo.ts";
import { tempDir } from "./support/temp-dir.ts";
import { tempWorkspace } from "./support/workspace.ts";

const COMMANDS = [
  ...["init", "serve", "add", "start", "send", "edit", "completion", "ls", "status", "sessions", "show", "log", "wait"],
  ...["stop", "pause", "resume", "policy"],
];
const UNKNOWN_ID = "20200101-000000-aaaaaa";

/** Runs `codex-inbox` where there is no workspace. */
function run(...args: readonly string[]): Promise<CommandResult> {
  return runCommand(tempDir(), args, { PATH: process.env.PATH ?? "", HOME: "/nonexistent" });
}

describe("the command line", () => {
  it("says what there is, alone and with help", async () => {
    const [alone, help, version] = await Promise.all([run(), run("help"), run("--version")]);
    expect(alone).toEqual(help);
    expect(alone).toMatchObject({ code: 0, stderr: "" });
    for (const name of COMMANDS) expect(alone.stdout).toMatch(new RegExp(`^ {2}${name} +[A-Z]`, "m"));
    expect(version).toMatchObject({ code: 0, stdout: "0.1.0\n" });
  });

  it("explains each command, however it is asked", async () => {
    const asked = [...COMMANDS.map((name) => [name, "--help"]), ["help", "stop"]];
    const said = await Promise.all(asked.map((argv) => run(...argv)));
    for (const [index, name] of COMMANDS.entries()) {
      expect(said[index]).toMatchObject({ code: 0, stderr: "" });
      expect(said[index]?.stdout).toMatch(new RegExp(`^[A-Z].*\\n\\nusage: codex-inbox ${name}\\b`));
    }
    expect(said.at(-1)).toEqual(said[COMMANDS.indexOf("stop")]);
  });

  it.each([
    { argv: ["frobnicate"], says: 'there is no command "frobnicate"; codex-inbox help lists them' },
    {
      argv: ["--json", "ls"],
      says: "--json stands before a command; options go behind it: codex-inbox <command> --json",
    },
    { argv: ["stat"], says: 'there is no command "stat"; did you mean "status"?' },
    { argv: ["help", "lgo"], says: 'there is no command "lgo"; did you mean "log"?' },
    { argv: ["toString"], says: 'there is no command "toString"; codex-inbox help lists them' },
    { argv: ["-C"], says: "-C takes a folder: codex-inbox -C <dir> <command>" },
    { argv: ["ls", "--opne"], says: "there is no option --opne; did you mean --open?" },
  ])("ends with 2 and one sentence: $argv", async ({ argv, says }) => {
    const { code, stdout, stderr } = await run(...argv);
    expect({ code, stdout, first: stderr.split("\n")[0] }).toEqual({
      code: 2,
      stdout: "",
      first: `codex-inbox: ${says}`,
    });
  });

  it("shows codes for the terminal in what it was given; they do not act", async () => {
    const { code, stderr } = await run("st\u001b]0;owned\u0007\u001b[2J\u009b1A\u202etxt");
    expect(code).toBe(2);
    expect(stderr).toContain('no command "st\\u001b]0;owned\\u0007\\u001b[2J\\u009b1A\\u202etxt"');
    expect(stderr).not.toMatch(/[^\n\P{Cc}]|\u202e/u);
  });

  it("takes -C before the command and behind it, and leaves what is behind --", async () => {
    const missing = join(tempDir(), "missing");
    const message = { code: 3, stderr: `codex-inbox: -C: there is no folder ${missing}\n` };
    for (const argv of [
      ["-C", missing, "ls"],
      ["ls", "-C", missing],
      ["ls", "--open", "-C", missing, "--json"],
    ])
      expect(await run(...argv)).toMatchObject(message);
    expect((await run("ls", "--", "-C", missing)).code).toBe(2);
    expect((await run("ls", "-C")).code).toBe(2);
  });

  it("ends with 3 outside of a workspace, and says how to make one", async () => {
    const nowhere = await run("ls");
    expect(nowhere.code).toBe(3);
    expect(nowhere.stderr).toMatch(/is not in the work tree of a Git repository\. Make one with: git init\n$/);
    const repo = makeGitRepo(tempDir());
    const bare = await run("-C", repo.dir, "status");
    expect(bare.code).toBe(3);
    expect(bare.stderr).toMatch(/Make one with: codex-inbox init\n$/);
    const missing = join(repo.dir, "missing");
    const gone = await run("-C", missing, "ls");
    expect(gone).toMatchObject({ code: 3, stderr: `codex-inbox: -C: there is no folder ${missing}\n` });
  });
});

describe("in a workspace", () => {
  it("exit codes say what kind of thing is wrong", async () => {
    const workspace = await tempWorkspace();
    const environment = { PATH: process.env.PATH ?? "", HOME: workspace.home, CODEX_HOME: workspace.home };
    const ask = (args: readonly string[], input = "", more = {}): Promise<CommandResult> =>
      runCommand(workspace.dir, args, { ...environment, ...more }, input);
    const [stop, log, broken, noCodex, noPort] = await Promise.all([
      ask(["stop", UNKNOWN_ID]),
      ask(["log", UNKNOWN_ID]),
      ask(["add"], "---\npriority: high\n---\nFix it.\n"),
      ask(["serve", "--until-idle"], "", { CODEX_INBOX_CODEX: "/nonexistent/codex" }),
      ask(["serve", "--port", "70000"]),
    ]);
    expect(stop).toMatchObject({ code: 3, stdout: "" });
    expect(log.stderr).toBe(
      `codex-inbox: there is no task and no session "${UNKNOWN_ID}"; codex-inbox ls and codex-inbox sessions list them\n`,
    );
    expect(broken).toMatchObject({ code: 65, stdout: "" });
    expect(broken.stderr).toMatch(/^codex-inbox: line 2: .*priority/);
    expect(noCodex.code).toBe(69);
    expect(noCodex.stderr).toMatch(/codex not found: CODEX_INBOX_CODEX names \/nonexistent\/codex/);
    expect(noPort).toMatchObject({ code: 2 });
    expect(noPort.stderr).toMatch(/^codex-inbox: --port: expected 65535 or less/);
    workspace.commitSettings('{"maxWorker": 1}');
    expect(await ask(["serve"])).toMatchObject({
      code: 78,
      stderr: `codex-inbox: codex-inbox.json of main: unknown setting "maxWorker"; did you mean "maxWorkers"?\n`,
    });
    workspace.repo.git("checkout", "--quiet", "--detach");
    const detached = await ask(["ls"]);
    expect(detached).toMatchObject({ code: 4, stdout: "" });
    expect(detached.stderr).toMatch(/is on no branch \(detached HEAD\)/);
  });

  it("what is printed as JSON has the same keys as over HTTP; serving says by its code how it went", async () => {
    const workspace = await tempWorkspace();
    const added = await workspace.command("add", "--session", "docs", "--json", "Say hello.");
    const { id, path } = JSON.parse(added.stdout) as { id: string; path: string };
    const waits = expect.stringMatching(
      /^nobody serves this workspace, so inbox\/\S+ waits: start with codex-inbox serve\n$/,
    );
    expect({ added, path }).toMatchObject({ added: { code: 0, stderr: waits }, path: `inbox/${id}.md` });
    mkdirSync(join(workspace.dir, "inbox/later"));
    workspace.drop("later/wish.md", "---\nnotBefore: 2100-01-01T00:00:00Z\n---\nA wish.\n");
    await workspace.serveUntilIdle({ code: 75 });
    const [ls, status, history, transcript] = await Promise.all(
      [["ls"], ["status"], ["log"], ["log", id.slice(-6)]].map((args) => workspace.command(...args, "--json")),
    );
    const { tasks } = JSON.parse(ls?.stdout ?? "") as { readonly tasks: readonly Record<string, unknown>[] };
    expect(tasks).toMatchObject([
      {
        sessionKey: "later",
        status: "queued",
        result: null,
        hold: "not before 2100-01-01T00:00:00Z",
        committed: false,
      },
      { id, sessionKey: "docs", status: "succeeded", title: "Say hello.", hold: null, committed: true, reason: null },
    ]);
    for (const task of tasks)
      expect(Object.keys(task)).toEqual([
        ...[
          "id",
          "sessionKey",
          "title",
          "status",
          "hold",
          "holdUntil",
          "holdRemedy",
          "progress",
          "run",
          "attempts",
          "priority",
          "acceptedAt",
          "startedAt",
        ],
        ...[
          "endedAt",
          "durationMs",
          ...["usage", "totalUsage", "totalDurationMs", "commands", "filesChanged", "codexVersion", "model"],
          "reason",
          "failure",
          "thread",
          "result",
          "verification",
          "followUpTask",
          "parent",
          "parentRun",
          "origin",
          "requestedBy",
          "editedBy",
          "changedFiles",
          "changes",
          "path",
          "committed",
          "warnings",
        ],
      ]);
    expect(JSON.parse(status?.stdout ?? "")).toEqual({
      ...{
        version: 1,
        workspace: workspace.dir,
        branch: "main",
        server: null,
        health: null,
        codex: null,
        paused: { queue: null, sessions: [] },
        running: [],
        queued: [tasks[0]],
        otherClones: 0,
        overlaps: [],
        unlanded: [],
        claims: null,
        broken: [],
        inbox: null,
        uncommittedSettings: null,
      },
      tasks: { queued: 1, running: 0, uncommitted: 0 },
    });
    expect(JSON.parse(history?.stdout ?? "")).toMatchObject({
      ...{ version: 1, tasks: [{ task: id, session: "docs", status: "succeeded" }] },
    });
    expect(JSON.parse(transcript?.stdout ?? "")).toMatchObject({
      ...{ v: 1, task: id, session: "docs", status: "succeeded", run: null, leftOut: 0 },
      entries: [{ task: id, line: 0, body: { kind: "user" } }, {}, { body: { kind: "end" } }],
    });
  });
});
