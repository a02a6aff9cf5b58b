import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type ChangedFiles, createChangedFiles } from "../../../src/git/index/changed-files.ts";
import { createConfiguredPrograms } from "../../../src/git/repository/configured-programs.ts";
import { createKnownRepositories } from "../../../src/git/repository/known-repositories.ts";
import { readWorkTree } from "../../../src/git/repository/read-work-tree.ts";
import { type GitRepo, gitRepoAt, makeGitRepo } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { waitFor } from "../../support/wait-for.ts";

const OURS = ["inbox", "sessions", "tasks.md", "tasks"];

interface Scene {
  readonly repo: GitRepo;
  readonly changed: ChangedFiles;
  /** Opens the same for the work tree at `dir`, with `allowed` folders outside of it. */
  openAt(dir: string, allowed?: readonly string[]): ChangedFiles;
  /** What `list` says of the whole work tree, as "<change> <path>", sorted. */
  list(sinceMs?: number, folder?: string): Promise<readonly string[]>;
}

/** A repository whose branch holds files of ours below `prefix`. */
function snapshot(prefix = ""): Scene {
  const repo = tempRepo();
  const ours = OURS.map((path) => prefix + path);
  repo.write(".gitignore", "*.log\nbuild/\n");
  for (const path of ["inbox/README.md", "sessions/a/transcript.jsonl", "tasks.md", "tasks/2026-11-20/c-0001.md"])
    repo.write(prefix + path, "ours\n");
  repo.git("add", "--all");
  repo.git("commit", "-q", "-m", "ours");
  const keepDir = join(repo.dir, ".git/codex-inbox/code-index");
  const openAt = (dir: string, allowed: readonly string[] = []): ChangedFiles =>
    openChanged(dir, keepDir, ours, allowed);
  const changed = openAt(repo.dir);
  return {
    repo,
    changed,
    openAt,
    async list(sinceMs = 0, folder = "") {
      const found = await changed.list(join(repo.dir, folder), sinceMs);
      return found.map(({ path, change }) => `${change} ${path}`).sort();
    },
  };
}

function openChanged(dir: string, keepDir: string, ours: readonly string[], allowed: readonly string[]): ChangedFiles {
  const code = readWorkTree(dir);
  if (code === undefined) throw new Error(`no work tree at ${dir}`);
  const repositories = createKnownRepositories(code, () => allowed);
  const programs = createConfiguredPrograms();
  return createChangedFiles({ repositories, programs, keepDir, home: { topDir: code.topDir, ours } });
}

/** Adds a result of ours to the branch, as the committer does: files, index and branch. */
function commitOurs(repo: GitRepo, name: string): void {
  repo.write(`sessions/b/${name}.md`, "result\n");
  repo.git("add", "sessions");
  repo.git("commit", "-q", "-m", name, "--", "sessions");
}

/** Waits until a file made now is younger than `path` by more than the slack for the kernel's clock; returns the time (Unix ms). */
function laterThan(path: string): Promise<number> {
  const { ctimeMs } = statSync(path);
  return waitFor(() => (Date.now() > ctimeMs + 50 ? Date.now() : undefined), { what: "the clock to move on" });
}

/** Puts a git before the real one that notes its subcommand; returns those since the last call. */
function countGit(): () => readonly string[] {
  const dir = tempDir();
  const said = join(dir, "said");
  const real = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
  writeFileSync(
    join(dir, "git"),
    `#!/bin/sh\nfor word; do case "$word" in -c|*=*) ;; *) echo "$word" >> "${said}"; break ;; esac; done\nexec ${real} "$@"\n`,
    { mode: 0o755 },
  );
  vi.stubEnv("PATH", `${dir}:${process.env.PATH ?? ""}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return () => {
    const lines = existsSync(said) ? readFileSync(said, "utf8").split("\n").filter(Boolean) : [];
    rmSync(said, { force: true });
    return lines;
  };
}

describe("what a run changed", () => {
  it("costs one process an answer, also when results were committed since", async () => {
    const { repo, list } = snapshot();
    await list();
    const started = countGit();
    repo.write("src/main.c", "int x;\n");
    expect(await list()).toEqual(["modified src/main.c"]);
    expect(started()).toEqual(["ls-files"]);
    commitOurs(repo, "r1");
    started();
    expect(await list()).toEqual(["modified src/main.c"]);
    expect(started()).toEqual(["ls-files"]);
  });

  it("is nothing in a work tree that is as HEAD has it", async () => {
    expect(await snapshot().list()).toEqual([]);
  });

  it("is what differs from HEAD, ignored files and ours left out", async () => {
    const { repo, list } = snapshot();
    repo.write("src/new file.c", "new\n");
    repo.write("ü.txt", "new\n");
    repo.write("src/main.c", "changed\n");
    rmSync(join(repo.dir, "README.md"));
    repo.write("debug.log", "ignored\n");
    repo.write("build/a/b.txt", "ignored\n");
    repo.write("inbox/next.md", "ours\n");
    repo.write("sessions/a/transcript.jsonl", "ours, edited\n");
    repo.write("tasks/new.md", "ours\n");
    repo.write("tasks.md", "ours, edited\n");
    expect(await list()).toEqual(["added src/new file.c", "added ü.txt", "deleted README.md", "modified src/main.c"]);
  });

  it("is what was touched since the run began, whatever a file says of its age", async () => {
    const { repo, list } = snapshot();
    repo.write("src/before.c", "before\n");
    const [before] = await list();
    expect(before).toBe("added src/before.c");
    const sinceMs = await laterThan(join(repo.dir, "src/before.c"));
    repo.write("src/after.c", "after\n");
    utimesSync(join(repo.dir, "src/after.c"), 1, 1);
    rmSync(join(repo.dir, "README.md"));
    expect(await list(sinceMs)).toEqual(["added src/after.c", "deleted README.md"]);
  });

  it("counts below the folder that the task worked in, and outlives that folder", async () => {
    const { repo, list } = snapshot();
    repo.write("lib/deep/a.c", "a\n");
    repo.write("src/b.c", "b\n");
    expect(await list(0, "lib")).toEqual(["added lib/deep/a.c"]);
    rmSync(join(repo.dir, "lib"), { recursive: true });
    expect(await list(0, "lib/deep")).toEqual(["added src/b.c"]);
  });

  it("does not need the user's index, whatever is staged or in conflict there", async () => {
    const { repo, list } = snapshot();
    repo.write("staged.c", "staged\n");
    repo.git("add", "staged.c");
    repo.write("src/main.c", "staged\n");
    repo.git("add", "src/main.c");
    expect(await list()).toEqual(["added staged.c", "modified src/main.c"]);
    repo.git("commit", "-q", "-m", "mine");
    repo.git("switch", "-q", "-c", "other", "HEAD~1");
    repo.write("src/main.c", "theirs\n");
    repo.git("commit", "-q", "-a", "-m", "theirs");
    expect(repo.tryGit("merge", "main").status).toBe(1);
    expect(await list()).toEqual(["added staged.c", "modified src/main.c"]);
  });

  it("follows HEAD, and makes its own index anew only when files of the user's changed there", async () => {
    const { repo, list } = snapshot();
    const keepDir = join(repo.dir, ".git/codex-inbox/code-index");
    await list();
    const [first] = readdirSync(keepDir);
    commitOurs(repo, "one");
    expect(await list()).toEqual([]);
    expect(readdirSync(keepDir)).toEqual([first]);
    repo.write("src/main.c", "mine\n");
    expect(await list()).toEqual(["modified src/main.c"]);
    repo.git("commit", "-q", "-a", "-m", "mine");
    expect(await list()).toEqual([]);
    const [second, ...others] = readdirSync(keepDir);
    expect([second === first, others]).toEqual([false, []]);
    repo.git("reset", "-q", "--hard", "HEAD~1");
    expect(await list()).toEqual([]);
  });

  it("takes no lock of the user's and leaves the index as it is", async () => {
    const { repo, list } = snapshot();
    utimesSync(join(repo.dir, "src/main.c"), 1_700_000_000, 1_700_000_000);
    repo.write(".git/index.lock", "");
    expect(await list()).toEqual([]);
    rmSync(join(repo.dir, ".git/index.lock"));
    commitOurs(repo, "one");
    expect(await list()).toEqual([]);
  });

  it("is right where the workspace is a folder inside the work tree", async () => {
    const { repo, list } = snapshot("docs/q [1]/");
    repo.write("docs/q [1]/inbox/next.md", "ours\n");
    repo.write("docs/q [1]/notes.md", "the user's\n");
    repo.write("docs/other.md", "the user's\n");
    repo.write("inbox/theirs.md", "not ours here\n");
    expect(await list()).toEqual(["added docs/other.md", "added docs/q [1]/notes.md", "added inbox/theirs.md"]);
    repo.git("add", "docs/other.md");
    repo.git("commit", "-q", "-m", "mine", "--", "docs/other.md");
    expect(await list()).toEqual(["added docs/q [1]/notes.md", "added inbox/theirs.md"]);
  });

  it("is asked of the repository that an allowed folder lies in, and of a submodule", async () => {
    const { repo, openAt } = snapshot();
    const other = makeGitRepo(join(repo.dir, "../other"));
    other.write("inbox/a.c", "theirs\n");
    const [path, change, absolutePath] = ["inbox/a.c", "added", join(other.dir, "inbox/a.c")];
    expect(await openAt(repo.dir, [other.dir]).list(other.dir, 0)).toEqual([{ path, change, absolutePath }]);
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.dir, "lib");
    repo.write("lib/new.c", "new\n");
    const files = await openAt(repo.dir).list(join(repo.dir, "lib"), 0);
    expect(files.map((file) => file.path)).toEqual(["new.c"]);
  });

  it("is right in a linked worktree and on a branch without a commit", async () => {
    const { repo, openAt } = snapshot();
    const linked = gitRepoAt(join(repo.dir, "../linked"));
    repo.git("worktree", "add", "-q", "-b", "other", linked.dir);
    linked.write("new.c", "new\n");
    const [first] = await openAt(linked.dir).list(linked.dir, 0);
    expect(first).toMatchObject({ path: "new.c", change: "added" });
    const empty = tempRepo({ empty: true });
    empty.write("first.c", "first\n");
    expect(await openAt(empty.dir).list(empty.dir, 0)).toMatchObject([{ path: "first.c", change: "added" }]);
  });

  it("names links, and files that took the place of folders", async () => {
    const { repo, list } = snapshot();
    symlinkSync("nowhere", join(repo.dir, "link"));
    rmSync(join(repo.dir, "src"), { recursive: true });
    repo.write("src", "a file now\n");
    expect(await list()).toEqual(["added link", "added src", "deleted src/main.c"]);
  });

  it("answers many at once, each from after its question", async () => {
    const { repo, list } = snapshot();
    const answers: Promise<readonly string[]>[] = [];
    for (let n = 0; n < 6; n += 1) {
      repo.write(`new-${n}.c`, "new\n");
      answers.push(list());
    }
    for (const [n, answer] of (await Promise.all(answers)).entries()) expect(answer).toContain(`added new-${n}.c`);
  });

  it("costs few processes where many ask in a row, and none of them waits for others of another folder", async () => {
    const { repo, list } = snapshot();
    await list();
    await list(0, "src");
    const started = countGit();
    const beganMs = performance.now();
    const answers: Promise<readonly string[]>[] = [];
    for (let n = 0; n < 40; n += 1) {
      repo.write(`new-${n}.c`, "new\n");
      answers.push(list());
      await delay(3);
    }
    expect(await list(0, "src")).toEqual([]);
    for (const [n, answer] of (await Promise.all(answers)).entries()) expect(answer).toContain(`added new-${n}.c`);
    // Four at once, one for the other folder, and one for each 50 ms.
    expect(started().length).toBeLessThanOrEqual(6 + (performance.now() - beganMs) / 49);
  });

  it("is asked less often where many share one answer, and as often as ever when they are gone", async () => {
    const { list } = snapshot();
    await list();
    const started = countGit();
    const rounds = async (count: number, askers: number): Promise<number> => {
      const beganMs = performance.now();
      for (let round = 0; round < count; round += 1) await Promise.all(Array.from({ length: askers }, () => list()));
      return performance.now() - beganMs;
    };
    // The first ones may follow one another at once.
    expect(await rounds(6, 10)).toBeGreaterThan(600);
    expect(started()).toHaveLength(6);
    await rounds(2, 1);
    expect(await rounds(1, 1)).toBeLessThan(300);
  });

  it("begins anew when its own index was removed", async () => {
    const { repo, list } = snapshot();
    await list();
    renameSync(join(repo.dir, ".git/codex-inbox/code-index"), join(repo.dir, ".git/gone"));
    mkdirSync(join(repo.dir, "more"));
    repo.write("more/a.c", "a\n");
    expect(await list()).toEqual(["added more/a.c"]);
  });
});
