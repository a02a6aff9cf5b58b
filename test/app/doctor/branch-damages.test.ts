import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type DamagedWorkspace, damagedWorkspace } from "./damaged-workspace.ts";

interface Damage {
  readonly check: string;
  readonly name: string;
  readonly level: "problem" | "note";
  readonly says: RegExp;
  /** What the remedy says. */
  readonly remedy: RegExp;
  readonly plant: (workspace: DamagedWorkspace) => void;
  /** Whether `--fix` does it. */
  readonly isRepaired?: boolean;
}

const OTHER = "20261120-141530-k3f9x2";

/** Takes a file out of branch and disk. */
function remove({ repo }: DamagedWorkspace, path: string): void {
  repo.git("rm", "-rq", "--", path);
  repo.git("commit", "-qm", "removed");
}

const DAMAGES: readonly Damage[] = [
  {
    ...{ check: "repository", name: "is in the middle of a merge", level: "problem", says: /a merge is in progress/ },
    remedy: /nothing is committed until then/,
    plant: ({ repo }) => repo.write(".git/MERGE_HEAD", `${repo.git("rev-parse", "HEAD")}\n`),
  },
  {
    ...{ check: "repository", name: "has a conflict in its index", level: "problem", says: /conflict in the index/ },
    remedy: /git add/,
    plant: ({ repo }) => {
      const blob = repo.git("rev-parse", "HEAD:README.md");
      const entries = [1, 2, 3].map((stage) => `100644 ${blob} ${stage}\tREADME.md\n`);
      execFileSync("git", ["update-index", "--index-info"], { cwd: repo.dir, input: entries.join("") });
    },
  },
  {
    ...{ check: "branch", name: "is none", level: "problem", says: /detached/, remedy: /git switch/ },
    plant: ({ repo }) => void repo.git("checkout", "-q", "--detach"),
  },
  {
    ...{
      check: "branch",
      name: "is another than that of open tasks",
      level: "problem",
      says: /1 open tasks belong to main/,
    },
    remedy: /git switch main/,
    plant: ({ repo, paths, task }) => {
      writeFileSync(join(paths.journal, `open/${task}.jsonl`), readFileSync(join(paths.journal, `done/${task}.jsonl`)));
      repo.git("switch", "-qc", "elsewhere");
    },
  },
  {
    ...{ check: "attributes", name: "lack a line", level: "problem", says: /lacks "tasks\.md merge=union/ },
    ...{ remedy: /codex-inbox init/, isRepaired: true },
    plant: ({ edit }) => edit(".gitattributes", (text) => text.replace(/^tasks\.md .*\n/m, "")),
  },
  {
    ...{
      check: "attributes",
      name: "are overridden in the branch",
      level: "problem",
      says: /"merge" is unset: another line/,
    },
    remedy: /git check-attr -a/,
    plant: ({ edit }) => edit(".gitattributes", (text) => `${text}tasks.md -merge\n`),
  },
  {
    ...{ check: "attributes", name: "are overridden on this machine", level: "problem", says: /"text" is auto/ },
    remedy: /info\/attributes/,
    plant: ({ repo }) => repo.write(".git/info/attributes", "inbox/** text=auto\n"),
  },
  {
    ...{
      check: "inbox",
      name: "is gone",
      level: "note",
      says: /nothing can be dropped/,
      remedy: /mkdir/,
      isRepaired: true,
    },
    plant: ({ repo }) => rmSync(join(repo.dir, "inbox"), { recursive: true }),
  },
  {
    ...{ check: "inbox", name: "is a link", level: "problem", says: /symbolic link/, remedy: /put that right/ },
    plant: ({ repo }) => {
      rmSync(join(repo.dir, "inbox"), { recursive: true });
      execFileSync("ln", ["-s", "/tmp", join(repo.dir, "inbox")]);
    },
  },
  {
    ...{ check: "settings", name: "are not understood", level: "problem", says: /maxWorker/, remedy: /commit it/ },
    plant: ({ edit }) => edit("codex-inbox.json", () => '{"maxWorker": 3}'),
  },
  {
    ...{
      check: "settings",
      name: "wait to be committed",
      level: "note",
      says: /counts once it is committed/,
      remedy: /commit it/,
    },
    plant: ({ repo }) => repo.write("codex-inbox.json", '{"maxWorkers": 3}'),
  },
  {
    ...{
      check: "results",
      name: "were removed",
      level: "note",
      says: /was removed by commit/,
      remedy: /git restore --source/,
    },
    plant: (workspace) => remove(workspace, workspace.file),
  },
  {
    ...{
      check: "results",
      name: "were never committed",
      level: "problem",
      says: /no commit of the branch has its file/,
    },
    remedy: /git reflog/,
    plant: ({ edit, task }) =>
      edit("tasks.md", (text) => `${text}| 2026-11-20T14:15:30Z | ${OTHER} | docs | 1 |  | failed | ${task} |\n`),
  },
  {
    ...{
      check: "history",
      name: "tells of a task that is lost",
      level: "problem",
      says: /tells the end of/,
      remedy: /git show/,
    },
    plant(workspace) {
      const { edit, file, task } = workspace;
      edit("tasks.md", (text) =>
        text
          .split("\n")
          .filter((line) => !line.includes(task))
          .join("\n"),
      );
      remove(workspace, file);
    },
  },
  {
    ...{
      check: "history",
      name: "has trailers of nothing",
      level: "problem",
      says: /name no task and session/,
      remedy: /reworded/,
    },
    plant: ({ repo }) => void repo.git("commit", "-q", "--allow-empty", "-m", "odd\n\nTask-Id: mine\nSession-Key: .."),
  },
  {
    ...{ check: "refs", name: "lead nowhere", level: "problem", says: /git has no 1111/, remedy: /git update-ref -d/ },
    plant: ({ repo }) => repo.write(".git/refs/codex-inbox/turns/x", `${"1".repeat(40)}\n`),
  },
  {
    ...{
      check: "index",
      name: "takes a result out",
      level: "problem",
      says: /staged as removed/,
      remedy: /git restore --staged/,
    },
    plant: ({ repo, file }) => void repo.git("rm", "-q", "--cached", "--", file),
  },
  {
    ...{ check: "codex", name: "is not there", level: "problem", says: /codex not found/, remedy: /69/ },
    plant: ({ environment }) => {
      environment.CODEX_INBOX_CODEX = "/nowhere/codex";
    },
  },
  {
    ...{ check: "codex", name: "is held", level: "note", says: /no task is started/, remedy: /resume --now/ },
    plant: ({ put }) => {
      const outage = { failure: "usageLimit", reason: "the usage limit", sinceMs: 1, untilMs: 4e12, checks: 0 };
      put("codex-hold.json", JSON.stringify({ v: 1, ...outage, trial: null }));
    },
  },
  {
    ...{
      check: "sandbox",
      name: "does not work",
      level: "problem",
      says: /sandbox does not work/,
      remedy: /tried again/,
    },
    plant: ({ repo, environment }) => {
      const path = join(repo.dir, "../codex");
      writeFileSync(path, '#!/bin/sh\n[ "$1" = --version ] && echo codex-cli 0.169.0 && exit\necho no >&2; exit 1\n', {
        mode: 0o755,
      });
      environment.CODEX_INBOX_CODEX = path;
    },
  },
  {
    ...{
      check: "own-places",
      name: "lie where agents write",
      level: "problem",
      says: /agents would work in|leads to/,
      remedy: /78/,
    },
    plant: ({ repo, environment }) => {
      const path = join(repo.dir, "codex");
      execFileSync("ln", ["-s", environment.CODEX_INBOX_CODEX ?? "", path]);
      environment.CODEX_HOME = path;
    },
  },
];

it.each(DAMAGES)("$check: $name", async ({ check, level, says, remedy, plant, isRepaired = false }) => {
  const workspace = await damagedWorkspace();
  plant(workspace);
  const before = workspace.repo.git("rev-parse", "HEAD");
  const found = await workspace.check(check, { fix: true, all: true });
  expect(found.findings).toMatchObject([
    { level, message: expect.stringMatching(says), remedy: expect.stringMatching(remedy) },
  ]);
  expect([found.state, found.findings[0]?.repair?.state]).toEqual(isRepaired ? ["ok", "done"] : [level, undefined]);
  if (isRepaired) expect((await workspace.check(check)).findings).toEqual([]);
  else expect(workspace.repo.git("rev-parse", "HEAD")).toBe(before);
});
