import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gitRepoAt, makeGitRepo } from "../../support/git-repo.ts";
import { digestOf, snapshotScene } from "../../support/snapshot-scene.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const MEGABYTE = 1024 * 1024;
const names = (files: readonly { readonly path: string; readonly change: string }[]): readonly string[] =>
  files.map(({ path, change }) => `${change} ${path}`);

describe("a snapshot of a work tree", () => {
  it("is a commit of what differs, with what its parent has in our folders", async () => {
    const { repo } = snapshotScene();
    repo.write("tasks.md", "ours\n");
    repo.write("sessions/a/1.md", "ours\n");
    repo.git("add", "--all");
    repo.git("commit", "-q", "-m", "ours");
    const scene = snapshotScene(repo);
    repo.write("src/main.c", "int x;\n");
    repo.write("new/file name.txt", "one\ntwo\n");
    repo.write("tasks.md", "edited\n");
    repo.write("inbox/next.md", "a drop\n");
    rmSync(join(repo.dir, "README.md"));
    const { commit, files, leftOut, secrets } = await scene.taken();
    expect(names(files)).toEqual(["deleted README.md", "added new/file name.txt", "modified src/main.c"]);
    expect(files[1]).toMatchObject({ addedLines: 2, deletedLines: 0 });
    expect([leftOut, secrets]).toEqual([[], []]);
    expect(scene.show(commit, "tasks.md")).toBe("ours\n");
    expect(scene.show(commit, "sessions/a/1.md")).toBe("ours\n");
    expect(repo.git("log", "-1", "--format=%an|%cn|%ct|%P|%s|%(trailers:key=Run,valueonly)", commit)).toBe(
      `Codex|Somebody|1700000000|${scene.head}|docs: Fix it (turn 1)|1`,
    );
    expect(repo.git("fsck", "--no-dangling", commit)).toBe("");
  });

  it("leaves the user's index, HEAD, refs, configuration and files byte for byte as they were", async () => {
    const scene = snapshotScene();
    const { repo } = scene;
    repo.write("src/main.c", "staged\n");
    repo.git("add", "src/main.c");
    repo.write("src/main.c", "and changed again\n");
    repo.write("untracked.txt", "mine\n");
    repo.write("README.md", "stashed\n");
    repo.git("stash", "push", "-q", "--", "README.md");
    const before = digestOf(repo.dir, [".git/objects", ".git/codex-inbox"]);
    const { files } = await scene.taken();
    expect(names(files)).toEqual(["modified src/main.c", "added untracked.txt"]);
    await scene.take();
    expect(digestOf(repo.dir, [".git/objects", ".git/codex-inbox"])).toEqual(before);
  });

  it("says that nothing has changed, and takes only what is new the next time", async () => {
    const scene = snapshotScene();
    expect(await scene.take()).toEqual({
      ...{ kind: "unchanged", leftOut: [], tree: scene.repo.git("rev-parse", "HEAD^{tree}") },
    });
    scene.repo.write("a.txt", "a\n");
    const first = await scene.taken();
    expect(await scene.take({ parents: [first.commit] })).toMatchObject({ kind: "unchanged", tree: first.tree });
    scene.repo.write("b.txt", "b\n");
    expect(names((await scene.taken({ parents: [first.commit] })).files)).toEqual(["added b.txt"]);
    rmSync(join(scene.repo.dir, "a.txt"));
    rmSync(join(scene.repo.dir, "b.txt"));
    expect(await scene.take()).toMatchObject({ kind: "unchanged" });
  });

  it("taken again is the same commit, also when our index was lost, damaged or changed by a kill", async () => {
    const scene = snapshotScene();
    scene.repo.write("a.txt", "a\n");
    scene.repo.write("big.bin", "");
    truncateSync(join(scene.repo.dir, "big.bin"), 11 * MEGABYTE);
    const { commit } = await scene.taken();
    const { indexPath } = scene.request();
    const spoil: Readonly<Record<string, () => void>> = {
      nothing: () => undefined,
      lost: () => rmSync(indexPath),
      damaged: () => truncateSync(indexPath, 40),
      "state lost": () => rmSync(`${indexPath}.json`),
      "locked by a kill": () => writeFileSync(`${indexPath}.lock`, ""),
      "changed by a kill": () => {
        scene.repo.write("b.txt", "b\n");
        const git = gitRepoAt(scene.repo.dir);
        process.env.GIT_INDEX_FILE = indexPath;
        git.git("update-index", "--add", "b.txt");
        delete process.env.GIT_INDEX_FILE;
        rmSync(join(scene.repo.dir, "b.txt"));
      },
    };
    for (const [how, harm] of Object.entries(spoil)) {
      harm();
      expect({ how, commit: (await scene.taken()).commit }).toEqual({ how, commit });
    }
  });

  it("is begun anew where what it had was swept away by git", async () => {
    const scene = snapshotScene();
    scene.repo.write("a.txt", "a\n");
    const { commit } = await scene.taken();
    scene.repo.git("prune", "--expire=now");
    expect(scene.repo.tryGit("cat-file", "-e", commit).status).not.toBe(0);
    scene.repo.write("b.txt", "b\n");
    const again = await scene.taken();
    expect(scene.show(again.commit, "a.txt")).toBe("a\n");
    expect(scene.repo.git("fsck", "--no-dangling", again.commit)).toBe("");
  });

  it("holds what a repository that was made inside holds, its own .git aside, and what lies behind a bogus one", async () => {
    const scene = snapshotScene();
    const { repo } = scene;
    const nested = makeGitRepo(join(repo.dir, "nested"));
    nested.write(".gitignore", "*.log\n");
    nested.write("x.log", "ignored there\n");
    makeGitRepo(join(repo.dir, "nested/deeper")).write("new.txt", "not committed there\n");
    repo.write("bogus/.git", "garbage\n");
    repo.write("bogus/b.txt", "b\n");
    repo.write("empty/.git/x", "");
    repo.write("empty/e.txt", "e\n");
    const { commit, files } = await scene.taken();
    expect(files.map(({ path }) => path)).toEqual([
      ...["bogus/b.txt", "empty/e.txt", "nested/.gitignore", "nested/README.md"],
      ...["nested/deeper/README.md", "nested/deeper/new.txt", "nested/deeper/src/main.c", "nested/src/main.c"],
      "nested/x.log", // No rule of ours says otherwise.
    ]);
    expect(scene.show(commit, "nested/deeper/new.txt")).toBe("not committed there\n");
    nested.write("src/main.c", "changed\n");
    nested.write("more.txt", "more\n");
    expect(names((await scene.taken({ parents: [commit] })).files)).toEqual([
      ...["added nested/more.txt", "modified nested/src/main.c"],
    ]);
  });

  it("holds files that are hidden only since an ignore file was changed, and none that were before", async () => {
    const repo = tempRepo();
    repo.write(".gitignore", "*.log\n!keep.log\nbuild/\n");
    repo.write("sub/.gitignore", "/out\n*.tmp\n# a word\n");
    repo.git("add", "--all");
    repo.git("commit", "-q", "-m", "rules");
    const scene = snapshotScene(repo);
    for (const path of ["a.log", "build/x", "sub/out/x", "sub/deep/y.tmp", "node_modules/a/index.js", "venv/bin/x"])
      repo.write(path, "was hidden before\n");
    repo.write("keep.log", "shown\n");
    expect(names((await scene.taken()).files)).toEqual(["added keep.log"]);
    repo.write(".gitignore", "*\n");
    repo.write("src/new.c", "hidden\n");
    repo.write("lib/.gitignore", "*\n");
    repo.write("lib/x.js", "hidden\n");
    const { commit, files } = await scene.taken();
    expect(names(files)).toEqual([
      ...["modified .gitignore", "added keep.log", "added lib/.gitignore", "added lib/x.js", "added src/new.c"],
    ]);
    repo.write("src/newer.c", "hidden in the turn after that\n");
    expect(names((await scene.taken({ parents: [commit] })).files)).toEqual(["added src/newer.c"]);
    repo.write("src/old.c", "hidden, and not touched since\n");
    expect(await scene.take({ parents: [commit], hiddenSinceMs: Date.now() + 60_000 })).toMatchObject({
      kind: "taken", // "src/newer.c", of the turn before
    });
    repo.write(".gitignore", "");
    expect(names((await scene.taken()).files)).toContain("added a.log");
  });

  it("names what it leaves out: large files, too much at once, names that git refuses", async () => {
    const scene = snapshotScene();
    const limits = { ...scene.request().limits, totalBytesMax: 27 };
    scene.repo.write("big.bin", "");
    truncateSync(join(scene.repo.dir, "big.bin"), 50 * MEGABYTE);
    scene.repo.write("a.bin", "123456");
    scene.repo.write("b.bin", "1234567");
    scene.repo.write("c.bin", "12345678");
    scene.repo.write("x/.GIT/config", "[core]\n");
    scene.repo.write("small.txt", "small\n");
    const { commit, files, leftOut } = await scene.taken({ limits });
    expect(names(files)).toEqual(["added a.bin", "added b.bin", "added small.txt"]);
    expect(leftOut.map(({ path, why }) => `${path}: ${why}`)).toEqual([
      "big.bin: larger than 10 MB",
      "c.bin: beyond the 27 bytes that are recorded at once",
      "x/.GIT/config: git takes no file of this name",
    ]);
    expect(scene.repo.git("log", "-1", "--format=%(trailers:key=Left-Out,valueonly)", commit)).toContain(
      "big.bin (larger than 10 MB)\nc.bin",
    );
    const before = await scene.take({ parents: [commit], leftOutBefore: leftOut, limits });
    expect(before).toMatchObject({ kind: "unchanged", leftOut: [{ path: "x/.GIT/config" }] });
    truncateSync(join(scene.repo.dir, "big.bin"), 51 * MEGABYTE);
    const after = await scene.take({ parents: [commit], leftOutBefore: leftOut, limits });
    expect(after.leftOut[0]).toMatchObject({ path: "big.bin", bytes: 51 * MEGABYTE });
  });

  it("names a submodule with changes of its own, and takes which commit it is at", async () => {
    const other = makeGitRepo(join(tempDir(), "other"));
    const repo = tempRepo();
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.dir, "module");
    repo.git("commit", "-q", "-m", "module");
    const scene = snapshotScene(repo);
    expect(await scene.take()).toMatchObject({ kind: "unchanged", leftOut: [] });
    const module = gitRepoAt(join(repo.dir, "module"));
    module.write("new.txt", "new\n");
    expect(await scene.take()).toMatchObject({ kind: "unchanged", leftOut: [{ path: "module" }] });
    module.git("add", "--all");
    module.git("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "in the module");
    const { files, leftOut } = await scene.taken();
    expect([names(files), leftOut]).toEqual([["modified module"], []]);
  });

  it("holds links, programs, deletions and renames as they are, and whatever their names are", async () => {
    const scene = snapshotScene();
    const { repo } = scene;
    writeFileSync(Buffer.concat([Buffer.from(`${repo.dir}/`), Buffer.from([0x66, 0xff, 0xfe])]), "bytes\n");
    repo.write('line\nbreak "and" \\tab\t.txt', "odd\n");
    repo.write("-x", "dash\n");
    repo.write(":(glob)**", "magic\n");
    symlinkSync("/nowhere", join(repo.dir, "link"));
    renameSync(join(repo.dir, "src/main.c"), join(repo.dir, "src/Main.c"));
    chmodSync(join(repo.dir, "README.md"), 0o755);
    const { commit, files } = await scene.taken();
    expect(names(files).toSorted()).toEqual(
      [
        ...['added line\nbreak "and" \\tab\t.txt', "added -x", "added :(glob)**", "added f��", "added link"],
        ...["added src/Main.c", "deleted src/main.c", "modified README.md"],
      ].toSorted(),
    );
    expect(repo.git("ls-tree", commit, "link", "README.md")).toMatch(/^100755 .*README.md\n120000 .*link$/);
    expect(repo.git("ls-tree", "-z", "--name-only", commit).split("\0").length).toBe(8);
    expect(await scene.take({ parents: [commit] })).toMatchObject({ kind: "unchanged" });
    rmSync(join(repo.dir, "src"), { recursive: true });
    symlinkSync("/nowhere", join(repo.dir, "src"));
    rmSync(join(repo.dir, "link"));
    mkdirSync(join(repo.dir, "link"));
    repo.write("link/inside", "x\n");
    expect(names((await scene.taken({ parents: [commit] })).files).toSorted()).toEqual([
      ...["added link/inside", "added src", "deleted link", "deleted src/Main.c"],
    ]);
  });

  it("stores text as the attributes say, runs no filter, and takes a file that cannot be converted as it is", async () => {
    const scene = snapshotScene();
    const { repo } = scene;
    const ran = join(tempDir(), "ran");
    repo.git("config", "filter.evil.clean", `touch ${ran}; cat`);
    repo.git("config", "core.autocrlf", "true");
    repo.git("config", "core.safecrlf", "true");
    repo.write(".gitattributes", "*.x filter=evil\n*.u working-tree-encoding=UTF-16\n*.crlf -text\n");
    repo.write("a.x", "a\n");
    repo.write("dos.txt", "one\r\ntwo\n");
    repo.write("raw.crlf", "one\r\n");
    repo.write("broken.u", "abc");
    repo.write("fine.txt", "fine\n");
    const { commit } = await scene.taken();
    expect(scene.show(commit, "dos.txt")).toBe("one\ntwo\n");
    expect(scene.show(commit, "raw.crlf")).toBe("one\r\n");
    expect(scene.show(commit, "broken.u")).toBe("abc");
    expect(scene.show(commit, "fine.txt")).toBe("fine\n");
    expect(repo.tryGit("hash-object", ran).status).not.toBe(0);
  });

  it("names files with a secret that they had not before, or leaves them out", async () => {
    const { repo } = snapshotScene();
    repo.write("old.txt", "SECRET-1\nx\n");
    repo.git("add", "--all");
    repo.git("commit", "-q", "-m", "a secret of before");
    const scene = snapshotScene(repo);
    repo.write("old.txt", "SECRET-1\ny\n");
    repo.write("new.txt", "a\nSECRET-2\n");
    repo.write("bin", Buffer.from("\0SECRET-3\n"));
    symlinkSync("/dev/zero", join(repo.dir, "endless"));
    const apart = await scene.taken({ secrets: "leave-out" });
    expect(names(apart.files)).toEqual(["added bin", "added endless", "modified old.txt"]);
    expect(apart.leftOut).toMatchObject([{ path: "new.txt", why: "it holds what looks like a secret (token)" }]);
    const same = { parents: [apart.commit], leftOutBefore: apart.leftOut };
    expect(await scene.take(same)).toMatchObject({ kind: "unchanged", leftOut: [] });
    repo.write("new.txt", "SECRET-2 and more\n");
    expect((await scene.taken(same)).secrets).toEqual([{ path: "new.txt", kinds: ["token"] }]);
    expect((await scene.taken()).secrets).toEqual([{ path: "new.txt", kinds: ["token"] }]);
  });

  it("keeps what is held out of later commits, names included", async () => {
    const scene = snapshotScene();
    scene.repo.write("inside.txt", "SECRET-1\n");
    scene.repo.write("SECRET-2.txt", "x\n");
    const held = ["SECRET-2.txt", "inside.txt"].map((path) => ({ path, kinds: ["token"] }));
    expect((await scene.taken()).secrets).toEqual(held);
    scene.repo.write("plain.txt", "p\n");
    const apart = await scene.taken({ secrets: "leave-out" });
    expect(names(apart.files)).toEqual(["added plain.txt"]);
    expect(apart.leftOut.map(({ path }) => path)).toEqual(["SECRET-2.txt", "inside.txt"]);
    expect(scene.repo.git("log", "-1", "--format=%B", apart.commit)).not.toContain("SECRET-2");
    const next = { parents: [apart.commit], leftOutBefore: apart.leftOut };
    expect(await scene.take(next)).toMatchObject({ kind: "unchanged" });
  });

  it("is refused where too many files differ", async () => {
    const scene = snapshotScene();
    for (let n = 0; n < 30; n += 1) scene.repo.write(`many/${n}`, `${n}\n`);
    const limits = { fileBytesMax: 1000, totalBytesMax: 1000, filesMax: 29 };
    await expect(scene.take({ limits })).rejects.toThrow("30 files differ from what was committed; at most 29");
    expect((await scene.taken()).files).toHaveLength(30);
  });

  it.each(["sha1", "sha256"] as const)("works in a repository without a commit (%s)", async (objectFormat) => {
    const scene = snapshotScene(tempRepo({ empty: true, objectFormat }));
    expect(await scene.take()).toMatchObject({ kind: "unchanged" });
    scene.repo.write("a.txt", "a\n");
    const { commit } = await scene.taken();
    expect(scene.repo.git("log", "--format=%P|%s", commit)).toBe("|docs: Fix it (turn 1)");
    expect(scene.repo.git("fsck", "--no-dangling", commit)).not.toContain("error");
  });

  it("has two parents where it is to have them, also if nothing has changed", async () => {
    const scene = snapshotScene();
    scene.repo.write("a.txt", "a\n");
    const { commit } = await scene.taken();
    const both = await scene.taken({ parents: [commit, scene.head] });
    expect(scene.repo.git("log", "-1", "--format=%P", both.commit)).toBe(`${commit} ${scene.head}`);
  });
});
