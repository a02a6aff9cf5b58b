import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createIdentities } from "../../../src/git/repository/committer-identity.ts";
import { createConfiguredPrograms } from "../../../src/git/repository/configured-programs.ts";
import { createKnownRepositories } from "../../../src/git/repository/known-repositories.ts";
import { readWorkTree } from "../../../src/git/repository/read-work-tree.ts";
import { createSnapshots } from "../../../src/git/snapshots/snapshot.ts";
import type { EndedRun, RunChanges } from "../../../src/run/workplace/run-changes.ts";
import { createSharedChanges } from "../../../src/run/workplace/shared-changes.ts";
import type { ChangedFile } from "../../../src/task/state/run.ts";
import { type GitRepo, gitRepoAt, makeGitRepo } from "../../support/git-repo.ts";
import { digestOf, OURS } from "../../support/snapshot-scene.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const TURN = "refs/codex-inbox/turns/t1/1";

interface Scene {
  readonly repo: GitRepo;
  readonly changes: RunChanges;
  /** Why something was not recorded. */
  readonly log: readonly string[];
  run(workdir?: string): EndedRun;
}

function scene(repo = tempRepo(), options: { readonly allowed?: string; readonly filesMax?: number } = {}): Scene {
  const code = readWorkTree(repo.dir);
  if (code === undefined) throw new Error("no work tree");
  const allowed = options.allowed === undefined ? [] : [options.allowed];
  const log: string[] = [];
  const changes = createSharedChanges({
    ...{ repositories: createKnownRepositories(code, () => allowed), root: repo.dir, now: () => 1_700_000_000_000 },
    snapshots: createSnapshots({
      programs: createConfiguredPrograms(),
      secretsIn: async (text) => (text.includes("SECRET-") ? [{ line: 1, kind: "token" }] : []),
    }),
    identityOf: createIdentities(),
    indexDir: join(repo.dir, ".git/codex-inbox/code-index"),
    home: { topDir: repo.dir, ours: OURS },
    limits: { fileBytesMax: 1_000, totalBytesMax: 100_000, filesMax: options.filesMax ?? 1_000 },
    log: (event, fields) => void log.push(`${event} ${fields.reason ?? fields.ref}`),
  });
  const run: Scene["run"] = (workdir = ".") => ({
    ...{ task: "t1", session: "docs", title: "Fix the login", run: 1, thread: undefined, workdir },
    ...{ startedAtMs: 0, endedAtMs: 1_700_000_100_000, patches: new Map([[join(repo.dir, "patched.c"), "written"]]) },
  });
  return { repo, changes, log, run };
}

const told = (files: readonly ChangedFile[]): readonly string[] =>
  files.map(({ path, change, by }) => `${change} ${path} (${by})`);

describe("what a run changes in a shared checkout", () => {
  it("is a commit on a ref of its own, apart from what was edited before; nothing of the user's is touched", async () => {
    const { repo, changes, run } = scene();
    repo.write("mine.txt", "edited before\n");
    repo.git("add", "mine.txt");
    const head = repo.git("rev-parse", "HEAD");
    const start = await changes.before(run());
    expect(start).toMatchObject({ topDir: repo.dir, leftOut: [] });
    expect(start.commit).toBe(start.outside);
    repo.write("patched.c", "by a patch\n");
    repo.write("src/main.c", "by a command\n");
    const before = digestOf(repo.dir, [".git/objects", ".git/codex-inbox", ".git/refs/codex-inbox"]);
    const { change, files } = await changes.after(run(), start);
    expect(told(files)).toEqual(["added patched.c (patch)", "modified src/main.c (other)"]);
    const commit = repo.git("rev-parse", TURN);
    expect(change).toEqual({
      ...{ branch: null, tip: null, commit, parent: start.commit, outside: start.commit },
      ...{ insertions: 2, deletions: 1, leftOut: [], held: null },
    });
    expect(repo.git("log", "--format=%an|%s|%(trailers:key=Author-Kind,valueonly,separator=)", commit)).toBe(
      ["Codex|docs: Fix the login (turn 1)|agent", "User|docs: edited between two turns|outside", "User|first|"].join(
        "\n",
      ),
    );
    expect(repo.git("rev-parse", `${start.commit}^`)).toBe(head);
    expect(digestOf(repo.dir, [".git/objects", ".git/codex-inbox", ".git/refs/codex-inbox"])).toEqual(before);
  });

  it("is compared with HEAD where nothing was edited, and leaves no ref where nothing has changed", async () => {
    const { repo, changes, run } = scene();
    const clean = await changes.before(run());
    expect(clean).toEqual({ topDir: repo.dir, commit: repo.git("rev-parse", "HEAD"), outside: null, leftOut: [] });
    repo.write("mine.txt", "edited\n");
    const edited = await changes.before(run());
    expect(repo.git("rev-parse", TURN)).toBe(edited.commit);
    const { change, files } = await changes.after(run(), edited);
    expect([change.commit, files, repo.git("for-each-ref", "refs/codex-inbox")]).toEqual([null, [], ""]);
    expect((await changes.after(run(), clean)).files.map(({ path }) => path)).toEqual(["mine.txt"]);
  });

  it("is the same after a crash, at the start as at the end", async () => {
    const { repo, changes, run } = scene();
    repo.write("mine.txt", "edited\n");
    const start = await changes.before(run());
    const again = await scene(repo).changes.before(run());
    expect(again).toEqual(start);
    repo.write("more.txt", "edited while nobody was there\n");
    const later = await changes.before(run());
    expect([later.commit === start.commit, repo.git("rev-parse", TURN)]).toEqual([false, later.commit]);
    repo.write("patched.c", "x\n");
    const { change } = await changes.after(run(), later);
    expect((await scene(repo).changes.after(run(), later)).change).toEqual(change);
    repo.write("late.txt", "edited before the second reader came\n");
    const second = await changes.after(run(), later);
    expect([second.files.length, repo.git("rev-parse", TURN)]).toEqual([2, second.change.commit]);
  });

  it("goes to a held ref alone where it holds a secret; a user's own is in no commit", async () => {
    const { repo, changes, run, log } = scene();
    repo.write(".env", "SECRET-1\n");
    repo.write("mine.txt", "edited\n");
    const start = await changes.before(run());
    expect(repo.tryGit("show", `${start.commit}:.env`).status).not.toBe(0);
    repo.write("fine.txt", "fine\n");
    const { change, files } = await changes.after(run(), start);
    expect([told(files), change.leftOut]).toEqual([["added fine.txt (other)"], []]);
    repo.write("key.txt", "SECRET-2\n");
    const second = await changes.after(run(), start);
    const ref = "refs/codex-inbox/held/t1-1";
    const held = { ref, commit: repo.git("rev-parse", ref), paths: ["key.txt"] };
    expect(second.change).toMatchObject({ commit: null, held });
    expect(repo.git("for-each-ref", "refs/codex-inbox/turns")).toBe("");
    expect(log).toEqual([`change-held ${ref}`]);
  });

  it("names what is not in it, unless that was so before", async () => {
    const { repo, changes, run } = scene();
    repo.write("big.bin", Buffer.alloc(2_000));
    const start = await changes.before(run());
    repo.write("bigger.bin", Buffer.alloc(3_000));
    const { change } = await changes.after(run(), start);
    expect(change).toMatchObject({ commit: null, leftOut: [{ path: "bigger.bin", bytes: 3_000 }] });
  });

  it("is told by the patches alone where it cannot be recorded, and why", async () => {
    const { repo, changes, run, log } = scene(undefined, { filesMax: 3 });
    for (let n = 0; n < 4; n += 1) repo.write(`new-${n}`, "x\n");
    const start = await changes.before(run());
    const problem = "4 files differ from what was committed; at most 3 are recorded at once";
    expect(start).toMatchObject({ commit: null, problem });
    repo.write("patched.c", "x\n");
    const { change, files } = await changes.after(run(), start);
    expect([change.problem, told(files)]).toEqual([problem, ["modified patched.c (patch)"]]);
    expect(log).toEqual([`change-not-recorded ${problem}`]);
    const elsewhere = await changes.before(run("/"));
    expect(elsewhere.problem).toBe("/: no repository");
    const planted = makeGitRepo(join(repo.dir, "planted"));
    expect((await changes.before(run("planted"))).problem).toContain(`${planted.dir}/.git makes it a repository`);
  });

  it("is asked of the repository that an allowed folder or a submodule is, and of one without a commit", async () => {
    const other = tempRepo({ empty: true });
    const { changes, run, repo } = scene(undefined, { allowed: other.dir });
    const start = await changes.before(run(other.dir));
    other.write("inbox/theirs.c", "not ours there\n");
    const { change, files } = await changes.after(run(other.dir), start);
    expect(told(files)).toEqual(["added inbox/theirs.c (other)"]);
    expect(other.git("rev-parse", TURN)).toBe(change.commit);
    const source = tempRepo();
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", source.dir, "lib");
    const inside = await changes.before(run("lib"));
    repo.write("lib/new.c", "new\n");
    const found = await changes.after(run("lib"), inside);
    expect(told(found.files)).toEqual(["added new.c (other)"]);
    expect(gitRepoAt(join(repo.dir, "lib")).git("rev-parse", TURN)).toBe(found.change.commit);
  });

  it("follows HEAD and the user's conflicts, and outlives the folder that the run worked in", async () => {
    const { repo, changes, run } = scene();
    repo.write("lib/a.c", "a\n");
    repo.git("add", "--all");
    repo.git("commit", "-q", "-m", "mine");
    repo.git("switch", "-q", "-c", "other", "HEAD~1");
    repo.write("lib/a.c", "theirs\n");
    repo.git("add", "--all");
    repo.git("commit", "-q", "-m", "theirs");
    const start = await changes.before(run("lib"));
    expect(start).toMatchObject({ outside: null, commit: repo.git("rev-parse", "HEAD") });
    rmSync(join(repo.dir, "lib"), { recursive: true });
    expect(told((await changes.after(run("lib"), start)).files)).toEqual(["deleted lib/a.c (other)"]);
    repo.git("checkout", "-q", "--", "lib");
    expect(repo.tryGit("merge", "main").status).toBe(1);
    writeFileSync(join(repo.dir, ".git/index.lock"), "");
    const between = await changes.before(run());
    expect(repo.git("diff-tree", "-r", "--name-only", "HEAD", between.commit ?? "")).toBe("lib/a.c");
  });
});
