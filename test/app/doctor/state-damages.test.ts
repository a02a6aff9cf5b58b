import { execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { journalPlaces } from "../../../src/store/journal/journal-reader.ts";
import { type DamagedWorkspace, damagedWorkspace } from "./damaged-workspace.ts";

interface Damage {
  readonly check: string;
  readonly name: string;
  readonly level: "problem" | "note";
  readonly says: RegExp;
  /** What the remedy says, where nothing repairs it. */
  readonly remedy?: RegExp;
  readonly plant: (workspace: DamagedWorkspace) => void;
}

const OTHER = "20261120-141530-k3f9x2";

function journalOf({ paths, task }: DamagedWorkspace, state: "open" | "done" = "done"): string {
  return journalPlaces(paths.journal)[state](task);
}

/** Makes the journal one of a task that is under way, without an outcome. */
function reopen(workspace: DamagedWorkspace, lines: number): void {
  const text = execFileSync("head", ["-n", String(lines), journalOf(workspace)]);
  writeFileSync(journalOf(workspace, "open"), text);
  rmSync(journalOf(workspace));
}

/** The first takes from the task what the branch knows of it. */
function forget({ repo }: DamagedWorkspace): void {
  repo.git("reset", "--quiet", "--hard", "HEAD~2");
}

function makeRun({ paths }: DamagedWorkspace, task: string, files: Readonly<Record<string, string>>): void {
  const folder = join(paths.runs, task, "1");
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** Of a command that was killed an hour ago. */
function plantReceipt(folder: string, receipt: unknown): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${OTHER}.json`);
  writeFileSync(path, JSON.stringify(receipt));
  execFileSync("touch", ["-d", "-1 hour", path]);
}

/** A process that a run has left, until the test ends. */
function leaveProcess({ paths }: DamagedWorkspace): void {
  const [clone = ""] = readFileSync(paths.clone, "utf8").split("\n");
  const env = { PATH: process.env.PATH, CODEX_INBOX_RUN: `${clone}/${OTHER}/1` };
  const child = spawn("sleep", ["600"], { env, stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
}

const DAMAGES: readonly Damage[] = [
  {
    ...{ check: "state-folder", name: "is open to others", level: "problem", says: /mode 755/ },
    plant: ({ paths }) => chmodSync(paths.root, 0o755),
  },
  {
    ...{ check: "state-folder", name: "holds a secret that others may read", level: "problem", says: /mode 644/ },
    plant: ({ put }) => chmodSync(put("sign-ins.json", "[]"), 0o644),
  },
  {
    ...{ check: "state-folder", name: "holds a link", level: "problem", says: /a symbolic link/ },
    plant: ({ paths }) => execFileSync("ln", ["-s", "/dev/zero", join(paths.root, "codex-hold.json")]),
  },
  {
    ...{ check: "state-folder", name: "holds a pipe", level: "problem", says: /a pipe/ },
    plant: ({ paths }) => execFileSync("mkfifo", [join(paths.root, "sandbox.json.old")]),
  },
  {
    ...{
      check: "state-folder",
      name: "holds a file in place of a folder",
      level: "problem",
      says: /only a folder belongs/,
    },
    plant: ({ put }) => void put("paused", ""),
  },
  {
    ...{ check: "lock", name: "was left by a process that is gone", level: "note", says: /process 4194305.* is gone/ },
    plant: ({ put }) => {
      const process = { pid: 4194305, startTicks: "1", bootId: "none", pidNamespace: "none" };
      const path = put("lock.holder-99.json", JSON.stringify({ ...process, startedAt: "2026-11-20T14:15:30.000Z" }));
      expect(existsSync(path)).toBe(true);
    },
  },
  {
    ...{ check: "clone", name: "is a copy", level: "note", says: /was copied from/, remedy: /draws an id of its own/ },
    plant: ({ put, repo }) => {
      const place = { path: repo.dir, inode: "1:1" };
      put("clone", `abcdef\n${JSON.stringify(place)}\n`);
    },
  },
  {
    ...{
      check: "clone",
      name: "has tasks of the original",
      level: "note",
      says: /1 open tasks/,
      remedy: /--take-over/,
    },
    plant: (workspace) => {
      const open = join(workspace.paths.root, "copied/abcdef/journal/open");
      mkdirSync(open, { recursive: true });
      copyFileSync(journalOf(workspace), join(open, `${OTHER}.jsonl`));
    },
  },
  ...[
    "clone",
    "branch",
    "codex-hold.json",
    "sandbox.json",
    "sign-ins.json",
    "committer.json",
    "events/reserved.json",
  ].map(
    (path): Damage => ({
      ...{ check: "small-files", name: `has a damaged ${path}`, level: path === "clone" ? "problem" : "note" },
      ...{ says: /does not hold what belongs there/, plant: ({ put }) => void put(path, "\0\0\0") },
    }),
  ),
  {
    ...{ check: "small-files", name: "tells of a coordinator that is gone", level: "note", says: /gone without/ },
    plant: ({ put }) => void put("server.json", '{"pid":4194305,"startTicks":"1","bootId":"none"}'),
  },
  {
    ...{ check: "small-files", name: "holds a damaged pause", level: "problem", says: /no task is started/ },
    remedy: /codex-inbox resume removes it/,
    plant: ({ paths, put }) => {
      mkdirSync(paths.paused);
      put("paused/queue.json", "{");
    },
  },
  {
    ...{ check: "small-files", name: "holds a session for nobody", level: "note", says: /which no journal knows/ },
    remedy: /gives the session back/,
    plant: ({ put, task }) => {
      const lines = [
        { task, run: 1, sessionKey: "web" },
        { task: OTHER, run: 1, sessionKey: "docs" },
      ];
      put("session-locks/held.jsonl", lines.map((line) => `\n${JSON.stringify(line)}`).join(""));
    },
  },
  ...["tmp/index-7-1", "journal/open/.01234567-0123-0123-0123-0123456789ab.tmp", "committer.json.7.tmp"].map(
    (path): Damage => ({
      ...{
        check: "temporary-files",
        name: `is left: ${path}`,
        level: "note",
        says: /when a process of ours was killed/,
      },
      plant: ({ put }) => void put(path, "half"),
    }),
  ),
  {
    ...{ check: "temporary-files", name: "is a pack", level: "note", says: /a pack of ours/, remedy: /removes it/ },
    plant: ({ repo }) => repo.write(".git/objects/pack/tmp_pack_codex_inbox_7_1", "PACK"),
  },
  {
    ...{ check: "temporary-files", name: "is a pack without index", level: "note", says: /a pack of ours/ },
    ...{ remedy: /removes it/ },
    plant: ({ repo }) => repo.write(".git/objects/pack/pack-0.keep", "codex-inbox abcdef 1\n"),
  },
  {
    ...{
      check: "temporary-files",
      name: "is a joined pack",
      level: "note",
      says: /a pack of ours/,
      remedy: /removes it/,
    },
    plant: ({ repo }) => repo.write(".git/objects/codex-inbox-joined-7-0.idx", ""),
  },
  {
    ...{ check: "claims", name: "is a receipt without its file", level: "note", says: /is not in inbox\// },
    plant: ({ paths }) => plantReceipt(paths.dropReceipts, { v: 1, digest: "0", origin: { kind: "cli", user: "ada" } }),
  },
  {
    ...{ check: "claims", name: "is no receipt", level: "note", says: /no receipt of ours/ },
    plant: ({ paths }) => plantReceipt(paths.dropReceipts, { v: 2 }),
  },
  {
    ...{ check: "git-locks", name: "is left of ours", level: "problem", says: /that is gone has left it/ },
    plant: ({ repo }) => repo.write(".git/index.lock", "codex-inbox lock: pid 4194305, started 1, boot none\n"),
  },
  {
    ...{
      check: "git-locks",
      name: "is somebody else's and old",
      level: "problem",
      says: /not ours/,
      remedy: /where none runs/,
    },
    plant: ({ repo }) => {
      repo.write(".git/HEAD.lock", "");
      execFileSync("touch", ["-d", "2026-01-01", join(repo.dir, ".git/HEAD.lock")]);
    },
  },
  {
    ...{ check: "policy", name: "can be written by others", level: "problem", says: /may be written by others/ },
    plant: ({ put }) => chmodSync(put("policy.json", '{"version":1}'), 0o666),
  },
  {
    ...{ check: "policy", name: "is none", level: "problem", says: /policy\.json/, remedy: /put it right/ },
    plant: ({ put }) => void put("policy.json", "{"),
  },
  {
    ...{ check: "policy", name: "names a folder that is gone", level: "note", says: /workdirs names \/nowhere/ },
    remedy: /policy deny workdirs/,
    plant: ({ put, paths }) => {
      put("policy.json", '{"version":1,"workdirs":["/nowhere"]}');
      chmodSync(paths.policy, 0o600);
    },
  },
  {
    ...{ check: "policy", name: "lets pushes leave the sandbox", level: "note", says: /whoever can push/ },
    remedy: /--origin commit/,
    plant: ({ put, paths }) => {
      put("policy.json", '{"version":1,"origins":{"commit":{"sandbox":"danger-full-access"}}}');
      chmodSync(paths.policy, 0o600);
    },
  },
  {
    ...{ check: "journal", name: "is damaged", level: "problem", says: /line \d+: not a journal record/ },
    plant: (workspace) => appendFileSync(journalOf(workspace), "nonsense\n", { flag: "a" }),
  },
  {
    ...{ check: "journal", name: "is that of another task", level: "problem", says: /it is the journal of/ },
    plant: (workspace) => renameSync(journalOf(workspace), join(dirname(journalOf(workspace)), `${OTHER}.jsonl`)),
  },
  {
    ...{ check: "journal", name: "was set aside", level: "problem", says: /is not known any more/ },
    plant: ({ paths, put }) => {
      mkdirSync(join(paths.journal, "damaged"));
      put(`journal/damaged/${OTHER}.jsonl`, "");
    },
  },
  {
    ...{ check: "journal", name: "has no name of one", level: "problem", says: /no name of a journal/ },
    plant: ({ put }) => void put("journal/open/notes.txt", "mine"),
  },
  {
    ...{ check: "journal", name: "is there twice", level: "problem", says: /in open\/ too/ },
    plant: (workspace) => copyFileSync(journalOf(workspace), journalOf(workspace, "open")),
  },
  {
    ...{
      check: "journal",
      name: "ends in a torn line",
      level: "note",
      says: /cut off by a crash/,
      remedy: /takes that line out/,
    },
    plant: (workspace) => appendFileSync(journalOf(workspace), '{"k":"drop-'),
  },
  {
    ...{
      check: "committed",
      name: "has lost the note of its commit",
      level: "note",
      says: /note that it was committed/,
    },
    remedy: /changes nothing/,
    plant: (workspace) => {
      const text = execFileSync("head", ["-n", "-1", journalOf(workspace)]);
      writeFileSync(journalOf(workspace), text);
    },
  },
  {
    ...{ check: "committed", name: "is not in the branch any more", level: "note", says: /not in the branch any more/ },
    remedy: /if you have removed it/,
    plant: ({ repo }) => {
      repo.git("rm", "-rq", "sessions/docs");
      repo.git("commit", "-qm", "not wanted");
    },
  },
  {
    ...{
      check: "committed",
      name: "is open and in the branch",
      level: "note",
      says: /holds its result already \(succeeded/,
    },
    remedy: /closes the journal/,
    plant: (workspace) => reopen(workspace, 3),
  },
  {
    ...{ check: "claims", name: "is left", level: "note", says: /not accepted yet/, remedy: /first of all/ },
    plant: ({ paths, put }) => {
      mkdirSync(join(paths.root, "accepting", OTHER), { recursive: true });
      put(`accepting/${OTHER}/fix.md`, "Fix it.");
    },
  },
  {
    ...{
      check: "claims",
      name: "is no claim",
      level: "problem",
      says: /no name of a claim/,
      remedy: /move it to inbox/,
    },
    plant: ({ put }) => void put("accepting/fix.md", "Fix it."),
  },
  {
    ...{ check: "runs", name: "belong to a task that is over", level: "note", says: /not open any more/ },
    plant: (workspace) => makeRun(workspace, OTHER, { "prompt.md": "Fix it." }),
  },
  {
    ...{ check: "runs", name: "were about to be removed", level: "note", says: /not open any more/ },
    plant: (workspace) => makeRun(workspace, `.${OTHER}`, { "prompt.md": "Fix it." }),
  },
  {
    ...{ check: "runs", name: "has no name of a task", level: "note", says: /no name of a task/ },
    plant: ({ put }) => void put("runs/notes", "mine"),
  },
  {
    ...{
      check: "runs",
      name: "have left a process",
      level: "note",
      says: /^process \d+ was started by run 1 of \S+, which/,
    },
    ...{ remedy: /kill \d+ does now/, plant: leaveProcess },
  },
  ...(
    [
      ["ended", { claim: "{}", "exit.json": '{"v":1,"exitCode":0}' }, /has ended while nobody served/],
      ["vanished", { claim: '{"v":1,"pid":4194305,"startTicks":"1","bootId":"none"}' }, /gone without/],
      ["unclaimed", {}, /was never started/],
    ] as const
  ).map(
    ([name, files, says]): Damage => ({
      ...{ check: "runs", name: `are ${name}`, level: "note", says, remedy: /the next coordinator/ },
      plant(workspace) {
        forget(workspace);
        reopen(workspace, 2);
        makeRun(workspace, workspace.task, { ...files, "command.json": '{"v":1,"command":["codex"],"workdir":"/"}' });
      },
    }),
  ),
  {
    ...{
      check: "runs",
      name: "are kept for too many tasks",
      level: "note",
      says: /runs of 21 tasks/,
      remedy: /the oldest go/,
    },
    plant: ({ paths }) => {
      for (let n = 10; n < 31; n += 1)
        mkdirSync(join(paths.unknownRuns, `20261120-1415${n}-k3f9x2`), { recursive: true });
    },
  },
];

it.each(DAMAGES)("$check: $name", async (damage) => {
  const workspace = await damagedWorkspace();
  const { check, level, says, remedy } = damage;
  damage.plant(workspace);
  const found = await workspace.check(check);
  expect(found.findings).toHaveLength(1);
  const [finding] = found.findings;
  expect(finding).toMatchObject({ level, message: expect.stringMatching(says) });
  expect(found.state).toBe(level);
  if (remedy !== undefined) {
    expect(finding).toMatchObject({ remedy: expect.stringMatching(remedy), repair: null });
    return;
  }
  expect(finding?.repair).toMatchObject({ state: "possible", movedTo: null });
  const repaired = await workspace.check(check, { fix: true });
  expect(repaired).toMatchObject({ state: "ok", findings: [{ repair: { state: "done", reason: null } }] });
  const movedTo = repaired.findings[0]?.repair?.movedTo ?? null;
  if (movedTo !== null)
    expect([existsSync(finding?.path ?? ""), movedTo.startsWith(workspace.paths.setAside)]).toEqual([false, true]);
  expect((await workspace.check(check)).findings).toEqual([]);
});
