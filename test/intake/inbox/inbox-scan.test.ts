import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { InboxScan } from "../../../src/task/file/drop.ts";
import { DEFAULT_RIGHTS } from "../../../src/task/rights/rights.ts";
import { freshId, hashBlob } from "../../support/blob-and-id.ts";
import { BROKEN_TEXT, brokenPathsOf, makeInboxWorkspace, pathsOf, SETTLE_MS } from "../../support/inbox-workspace.ts";
import { startLineProcess } from "../../support/line-process.ts";

const OLD = new Date("2026-01-01T00:00:00Z");

function messageOf(scan: InboxScan, path: string): string {
  return scan.broken.find((broken) => broken.path === path)?.problems[0]?.message ?? "";
}

it("hands out a whole drop once it has come to rest", async () => {
  const { drop, intake, clock } = makeInboxWorkspace();
  const path = drop("docs/typo.md", "---\ntitle: Typo\n---\nCorrect it.\n");
  utimesSync(path, OLD, OLD);
  clock.nowMs += 1;
  expect(await intake.scan()).toEqual({ drops: [], broken: [], settledAtMs: clock.nowMs + SETTLE_MS, notices: [] });
  clock.nowMs += SETTLE_MS;
  const scan = await intake.scan();
  expect(scan).toMatchObject({ broken: [], settledAtMs: undefined, notices: [] });
  expect(scan.drops).toMatchObject([
    {
      path: "inbox/docs/typo.md",
      folderKey: "docs",
      text: "---\ntitle: Typo\n---\nCorrect it.\n",
      spec: { title: "Typo", sessionKey: "docs", id: undefined },
      blob: hashBlob(Buffer.from("---\ntitle: Typo\n---\nCorrect it.\n")),
      modifiedAtMs: OLD.getTime(),
    },
  ]);
});

it("hands a file out at once of which it is known that nobody is writing it", async () => {
  const { drop, intake } = makeInboxWorkspace({ isWhole: (path) => path === "inbox/docs/pulled.md" });
  drop("docs/pulled.md");
  drop("docs/typed.md");
  expect((await intake.scan()).drops).toMatchObject([{ path: "inbox/docs/pulled.md" }]);
});

it("a file that settles anew holds the newer ones of its session, and no others", async () => {
  const { drop, intake, clock } = makeInboxWorkspace();
  const first = drop("docs/first.md");
  utimesSync(first, OLD, OLD);
  drop("docs/second.md");
  drop("alone.md");
  await intake.scan();
  clock.nowMs += SETTLE_MS / 2;
  appendFileSync(first, "More.\n");
  utimesSync(first, OLD, OLD);
  await intake.scan();
  clock.nowMs += SETTLE_MS / 2;
  const scan = await intake.scan();
  expect(pathsOf(scan)).toEqual(["inbox/alone.md"]);
  expect(scan.settledAtMs).toBe(clock.nowMs + SETTLE_MS / 2);
  clock.nowMs += SETTLE_MS / 2;
  const paths = pathsOf(await intake.scan());
  expect(paths[0]).toBe("inbox/docs/first.md");
  expect(paths.toSorted()).toEqual(["inbox/alone.md", "inbox/docs/first.md", "inbox/docs/second.md"]);
});

it("a file that is still written to settles anew with every write", async () => {
  const { drop, intake, clock } = makeInboxWorkspace();
  const path = drop("fix.md");
  utimesSync(path, OLD, OLD);
  await intake.scan();
  for (let round = 0; round < 3; round += 1) {
    clock.nowMs += SETTLE_MS - 1;
    expect(pathsOf(await intake.scan())).toEqual([]);
    appendFileSync(path, "More.\n");
    utimesSync(path, OLD, OLD); // Even where its time says nothing.
    expect((await intake.scan()).settledAtMs).toBe(clock.nowMs + SETTLE_MS);
  }
  clock.nowMs += SETTLE_MS;
  expect((await intake.scan()).drops[0]?.text).toBe("Fix the login.\nMore.\nMore.\nMore.\n");
});

it("a file exchanged by rename settles anew, although size and time are the same", async () => {
  const { drop, intake, clock, inboxDir } = makeInboxWorkspace();
  utimesSync(drop("fix.md", "One.\n"), OLD, OLD);
  utimesSync(drop(".new", "Two.\n"), OLD, OLD);
  await intake.scan();
  clock.nowMs += SETTLE_MS;
  renameSync(join(inboxDir, ".new"), join(inboxDir, "fix.md"));
  expect(pathsOf(await intake.scan())).toEqual([]);
  clock.nowMs += SETTLE_MS;
  expect((await intake.scan()).drops[0]?.text).toBe("Two.\n");
});

it("a file written between the look at its size and the look into it settles anew", async () => {
  const workspace = makeInboxWorkspace({
    hashBlob: (bytes) => {
      if (bytes.length === 3) appendFileSync(join(workspace.inboxDir, "b.md"), "More.\n"); // While a.md is read.
      return hashBlob(bytes);
    },
  });
  utimesSync(workspace.drop("a.md", "Go\n"), OLD, OLD);
  workspace.drop("b.md");
  const scan = await workspace.settledScan();
  expect(pathsOf(scan)).toEqual(["inbox/a.md"]);
  expect(scan.settledAtMs).toBe(workspace.clock.nowMs + SETTLE_MS);
  await workspace.intake.scan();
  workspace.clock.nowMs += SETTLE_MS;
  expect((await workspace.intake.scan()).drops.map((drop) => drop.text)).toEqual(["Go\n", "Fix the login.\nMore.\n"]);
});

it("a time in the future does not hold a file back", async () => {
  const { drop, intake, clock } = makeInboxWorkspace();
  const future = new Date(clock.nowMs + 86_400_000);
  utimesSync(drop("fix.md"), future, future);
  expect((await intake.scan()).settledAtMs).toBe(clock.nowMs + SETTLE_MS);
  clock.nowMs += SETTLE_MS;
  expect(pathsOf(await intake.scan())).toEqual(["inbox/fix.md"]);
});

it("a clock that is set back makes a file wait once more, not for as long as it was set back", async () => {
  const { drop, intake, clock } = makeInboxWorkspace();
  utimesSync(drop("fix.md"), OLD, OLD);
  await intake.scan();
  clock.nowMs -= 3_600_000;
  expect((await intake.scan()).settledAtMs).toBe(clock.nowMs + SETTLE_MS);
});

it("takes a file named after its id at once, with that id", async () => {
  const { drop, intake } = makeInboxWorkspace();
  const [one, other] = [freshId(), freshId()];
  drop(`${one}.md`);
  drop(`docs/${other}.md`, `---\nid: ${other}\n---\nFix it.\n`);
  const scan = await intake.scan();
  expect(scan.drops.map((drop) => drop.spec.id).sort()).toEqual([one, other].sort());
});

it("a file whose name and front matter give two ids is broken", async () => {
  const { drop, settledScan } = makeInboxWorkspace();
  const [one, other] = [freshId(), freshId()];
  drop(`${one}.md`, `---\nid: ${other}\n---\nFix it.\n`);
  const scan = await settledScan();
  expect(pathsOf(scan)).toEqual([]);
  expect(messageOf(scan, `inbox/${one}.md`)).toContain(other);
});

it("tells of a broken file only when it has come to rest, with its blob", async () => {
  const { drop, intake, clock } = makeInboxWorkspace();
  const id = freshId();
  drop("broken.md", BROKEN_TEXT);
  drop(`${id}.md`, BROKEN_TEXT);
  clock.nowMs = Date.now() + 1;
  const first = await intake.scan();
  expect(first.broken).toEqual([]);
  expect(first.settledAtMs).toBeGreaterThan(clock.nowMs);
  clock.nowMs += SETTLE_MS;
  const scan = await intake.scan();
  expect(brokenPathsOf(scan)).toEqual([`inbox/${id}.md`, "inbox/broken.md"].sort());
  expect(scan.broken[0]?.blob).toBe(hashBlob(Buffer.from(BROKEN_TEXT)));
});

it("a broken file that is corrected becomes a drop", async () => {
  const { drop, settledScan } = makeInboxWorkspace();
  drop("fix.md", BROKEN_TEXT);
  expect(brokenPathsOf(await settledScan())).toEqual(["inbox/fix.md"]);
  drop("fix.md", "Fix the login.\n");
  const scan = await settledScan();
  expect(brokenPathsOf(scan)).toEqual([]);
  expect(pathsOf(scan)).toEqual(["inbox/fix.md"]);
});

it("ignores what is not meant as a task", async () => {
  const { drop, settledScan } = makeInboxWorkspace();
  const ignored = [
    ".hidden.md",
    "_draft.md",
    "README.md",
    "docs/readme.MD",
    "x.error.md",
    "X.ERROR.MD",
    "notes.txt",
    "image.png",
    "x.markdown",
    ".git/x.md",
    "_old/x.md",
    "x.md~",
  ];
  for (const name of ignored) drop(name);
  drop("error.md");
  drop("FIX.MD");
  const scan = await settledScan();
  expect([...pathsOf(scan)].sort()).toEqual(["inbox/FIX.MD", "inbox/error.md"]);
  expect(scan).toMatchObject({ broken: [], notices: [] });
});

it("a sub-folder names the session, up to four deep; a name that is no session key is told with its files", async () => {
  const { drop, settledScan } = makeInboxWorkspace();
  drop("a/b/c/d/x.md");
  drop("a/b/c/d/e/x.md");
  drop("a/b/c/d/e/f/x.md");
  drop("my notes/x.md");
  drop("2026-11-20/x.md");
  const scan = await settledScan();
  expect(scan.drops.map((drop) => drop.folderKey)).toEqual(["a/b/c/d"]);
  expect(brokenPathsOf(scan)).toEqual(["inbox/2026-11-20/x.md", "inbox/a/b/c/d/e/x.md", "inbox/my notes/x.md"]);
  expect(messageOf(scan, "inbox/my notes/x.md")).toContain("letters, digits");
  expect(messageOf(scan, "inbox/a/b/c/d/e/x.md")).toContain("at most 4");
  expect(scan.notices).toHaveLength(0);
});

it("says once that a folder lies too deep, and again when that came back", async () => {
  const { drop, intake, inboxDir } = makeInboxWorkspace();
  drop("a/b/c/d/e/f/x.md");
  expect((await intake.scan()).notices).toEqual([expect.stringContaining("inbox/a/b/c/d/e/f/ is not looked into")]);
  expect((await intake.scan()).notices).toEqual([]);
  rmSync(join(inboxDir, "a"), { recursive: true });
  await intake.scan();
  drop("a/b/c/d/e/f/x.md");
  expect((await intake.scan()).notices).toHaveLength(1);
});

it("never waits for a named pipe, and tells what each thing that is no file is", async () => {
  const { inboxDir, settledScan } = makeInboxWorkspace();
  execFileSync("mkfifo", [join(inboxDir, "pipe.md")]);
  mkdirSync(join(inboxDir, "folder.md"));
  writeFileSync(join(inboxDir, "folder.md", "inner.md"), "Fix it.\n");
  symlinkSync("/etc/hostname", join(inboxDir, "link.md"));
  symlinkSync("/nowhere", join(inboxDir, "dangling.md"));
  const server = createServer().listen(join(inboxDir, "socket.md"));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const scan = await settledScan();
  expect(pathsOf(scan)).toEqual([]);
  expect(Object.fromEntries(scan.broken.map((broken) => [broken.path, broken.problems[0]?.message]))).toEqual({
    "inbox/pipe.md": expect.stringContaining("named pipe"),
    "inbox/folder.md": expect.stringContaining("a folder"),
    "inbox/link.md": expect.stringContaining("symbolic link"),
    "inbox/dangling.md": expect.stringContaining("symbolic link"),
    "inbox/socket.md": expect.stringContaining("socket"),
  });
});

it("follows no symbolic link to a folder, and says so", async () => {
  const { dir, inboxDir, settledScan, intake } = makeInboxWorkspace();
  mkdirSync(join(dir, "elsewhere"));
  writeFileSync(join(dir, "elsewhere", "x.md"), "Fix it.\n");
  symlinkSync(join(dir, "elsewhere"), join(inboxDir, "docs"));
  expect((await intake.scan()).notices).toEqual([expect.stringContaining("inbox/docs is left alone")]);
  expect(await settledScan()).toMatchObject({ drops: [], broken: [], notices: [] });
});

it("an inbox that is a symbolic link or a file is left alone, and said to be", async () => {
  const { dir, inboxDir, intake } = makeInboxWorkspace();
  renameSync(inboxDir, join(dir, "real"));
  writeFileSync(join(dir, "real", `${freshId()}.md`), "Fix it.\n");
  symlinkSync(join(dir, "real"), inboxDir);
  expect(await intake.scan()).toMatchObject({ drops: [], notices: [expect.stringContaining("symbolic link")] });
  rmSync(inboxDir);
  writeFileSync(inboxDir, "");
  expect(await intake.scan()).toMatchObject({ drops: [], notices: [expect.stringContaining("not a folder")] });
});

it("a missing inbox is an empty one", async () => {
  const { inboxDir, intake } = makeInboxWorkspace();
  rmSync(inboxDir, { recursive: true });
  expect(await intake.scan()).toEqual({ drops: [], broken: [], settledAtMs: undefined, notices: [] });
});

it("a name that is not UTF-8 is said, one with a line break is broken", async () => {
  const { inboxDir, settledScan, intake, drop } = makeInboxWorkspace();
  writeFileSync(Buffer.concat([Buffer.from(`${inboxDir}/caf`), Buffer.from([0xe9]), Buffer.from(".md")]), "Fix it.\n");
  writeFileSync(Buffer.concat([Buffer.from(`${inboxDir}/caf`), Buffer.from([0xe9]), Buffer.from(".txt")]), "Fix it.\n");
  drop("two\nlines.md");
  drop("grün ☂.md");
  expect((await intake.scan()).notices).toEqual([
    "inbox/caf\\xe9.md is left alone: its name is not valid UTF-8; rename it",
  ]);
  const scan = await settledScan();
  expect(pathsOf(scan)).toEqual(["inbox/grün ☂.md"]);
  expect(messageOf(scan, "inbox/two\nlines.md")).toContain("control character");
});

it("a hard link is a file like any other", async () => {
  const { dir, inboxDir, settledScan } = makeInboxWorkspace();
  writeFileSync(join(dir, "prompt"), "Fix it.\n");
  linkSync(join(dir, "prompt"), join(inboxDir, "fix.md"));
  expect(pathsOf(await settledScan())).toEqual(["inbox/fix.md"]);
});

it("a file or folder that may not be read is told of, and read as soon as it may be", async () => {
  const { dir, stateDir, inboxDir, drop } = makeInboxWorkspace();
  chmodSync(drop("secret.md"), 0o000);
  drop("docs/fix.md");
  drop("open/fix.md");
  chmodSync(join(inboxDir, "docs"), 0o000);
  onTestFinished(() => chmodSync(join(inboxDir, "docs"), 0o755));
  chmodSync(join(inboxDir, "open"), 0o744);
  const child = startLineProcess("inbox-process.ts", { args: [dir, stateDir] });
  await child.ask("nobody");
  const scan: InboxScan = JSON.parse(await child.ask("scan"));
  expect(pathsOf(scan)).toEqual([]);
  expect(messageOf(scan, "inbox/secret.md")).toContain("cannot be read (EACCES)");
  expect([...scan.notices].sort()).toEqual([
    "inbox/docs/ cannot be read (EACCES)",
    "inbox/open/ cannot be read (EACCES)",
  ]);
  chmodSync(join(inboxDir, "secret.md"), 0o644);
  chmodSync(join(inboxDir, "docs"), 0o755);
  chmodSync(join(inboxDir, "open"), 0o755);
  const again: InboxScan = JSON.parse(await child.ask("scan"));
  expect([...pathsOf(again)].sort()).toEqual(["inbox/docs/fix.md", "inbox/open/fix.md", "inbox/secret.md"]);
});

it("an inbox/ that may not be read fails the scan, so that it is told of until it may be", async () => {
  const { dir, stateDir, inboxDir, drop } = makeInboxWorkspace();
  drop("fix.md");
  chmodSync(inboxDir, 0o000);
  onTestFinished(() => chmodSync(inboxDir, 0o755));
  const child = startLineProcess("inbox-process.ts", { args: [dir, stateDir] });
  await child.ask("nobody");
  expect(JSON.parse(await child.ask("fault"))).toBe("EACCES");
  chmodSync(inboxDir, 0o755);
  expect(JSON.parse(await child.ask("fault"))).toBeNull();
});

it("a drop that is refused is broken from then on, and keeps no other from being handed out, until it or the rights change", async () => {
  let rights = { ...DEFAULT_RIGHTS };
  const { drop, intake, clock } = makeInboxWorkspace({ rights: () => rights, limits: { filesMax: 2 } });
  for (const name of ["a", "b", "c"]) drop(`${name}.md`);
  const settledScan = async (): Promise<InboxScan> => {
    await intake.scan();
    clock.nowMs += SETTLE_MS;
    return intake.scan();
  };
  const first = await settledScan();
  expect(pathsOf(first)).toEqual(["inbox/a.md", "inbox/b.md"]);
  const problems = [{ line: undefined, column: undefined, message: "no", expected: "less", example: undefined }];
  for (const { path, blob } of first.drops) intake.refuse({ path, blob, problems });
  const second = await intake.scan();
  expect([pathsOf(second), brokenPathsOf(second)]).toEqual([["inbox/c.md"], ["inbox/a.md", "inbox/b.md"]]);
  appendFileSync(drop("a.md"), "Another.\n");
  expect(pathsOf(await settledScan())).toContain("inbox/a.md");
  rights = { ...DEFAULT_RIGHTS, maxDropsPerRun: 50 };
  for (const { path, blob } of (await intake.scan()).drops) intake.refuse({ path, blob, problems });
  rights = { ...rights };
  expect(pathsOf(await intake.scan())).toHaveLength(2);
});
