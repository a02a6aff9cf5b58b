import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { freshId } from "../../support/blob-and-id.ts";
import { BROKEN_TEXT, type InboxWorkspace, makeInboxWorkspace } from "../../support/inbox-workspace.ts";
import { renderErrorFile } from "../../support/kept.ts";

const OURS = renderErrorFile("x.md", []);

/** What the coordinator does at every look. */
async function lookAndReport(workspace: InboxWorkspace): Promise<void> {
  const scan = await workspace.settledScan();
  await workspace.intake.reportBroken(scan.broken);
}

function read(workspace: InboxWorkspace, name: string): string {
  return readFileSync(join(workspace.inboxDir, name), "utf8");
}

it("says beside a broken file what is wrong with it, until it is right", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("docs/broken.md", BROKEN_TEXT);
  await lookAndReport(workspace);
  expect(workspace.files("inbox")).toEqual(["docs/broken.error.md", "docs/broken.md"]);
  expect(read(workspace, "docs/broken.error.md")).toContain("line 2, column");
  expect(read(workspace, "docs/broken.error.md")).toContain("`broken.md`");
  workspace.drop("docs/broken.md", "Fix the login.\n");
  await lookAndReport(workspace);
  expect(workspace.files("inbox")).toEqual(["docs/broken.md"]);
});

it("an error file goes with its broken file, and another coordinator's as well", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("broken.md", BROKEN_TEXT);
  await lookAndReport(workspace);
  renameSync(join(workspace.inboxDir, "broken.md"), join(workspace.dir, "away.md"));
  const next = workspace.another();
  await next.reportBroken((await workspace.settledScan(next)).broken);
  expect(workspace.files("inbox")).toEqual([]);
});

it("stays while the broken file is being edited", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("broken.md", BROKEN_TEXT);
  await lookAndReport(workspace);
  workspace.drop("broken.md", "Fix the login.\n");
  const scan = await workspace.intake.scan();
  expect(scan).toMatchObject({ drops: [], broken: [] });
  await workspace.intake.reportBroken(scan.broken);
  expect(existsSync(join(workspace.inboxDir, "broken.error.md"))).toBe(true);
});

it("is written only when it would say something else", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("broken.md", BROKEN_TEXT);
  await lookAndReport(workspace);
  const path = join(workspace.inboxDir, "broken.error.md");
  const { ino, ctimeMs } = lstatSync(path);
  await lookAndReport(workspace);
  const next = workspace.another();
  await next.reportBroken((await workspace.settledScan(next)).broken);
  expect(lstatSync(path)).toMatchObject({ ino, ctimeMs });
  const before = read(workspace, "broken.error.md");
  workspace.drop("broken.md", `${BROKEN_TEXT}More.\n`); // Another file, the same problem.
  await lookAndReport(workspace);
  expect(lstatSync(path)).toMatchObject({ ino, ctimeMs });
  workspace.drop("broken.md", "---\nresume: maybe\n---\nFix it.\n");
  await lookAndReport(workspace);
  expect(read(workspace, "broken.error.md")).not.toBe(before);
});

it("comes back when the user deletes it or writes into it", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("broken.md", BROKEN_TEXT);
  await lookAndReport(workspace);
  const text = read(workspace, "broken.error.md");
  rmSync(join(workspace.inboxDir, "broken.error.md"));
  await lookAndReport(workspace);
  expect(read(workspace, "broken.error.md")).toBe(text);
  writeFileSync(join(workspace.inboxDir, "broken.error.md"), `${text}More.\n`);
  await lookAndReport(workspace);
  expect(read(workspace, "broken.error.md")).toBe(text);
});

it("leaves a file of the user alone, whatever its name, and says so once", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("broken.md", BROKEN_TEXT);
  workspace.drop("broken.error.md", "My own notes.\n");
  workspace.drop("other.error.md", "Mine too.\n");
  await lookAndReport(workspace);
  await lookAndReport(workspace);
  expect(read(workspace, "broken.error.md")).toBe("My own notes.\n");
  expect(read(workspace, "other.error.md")).toBe("Mine too.\n");
  expect(workspace.notices).toEqual([
    "inbox/broken.md is broken, but inbox/broken.error.md is not ours and stays as it is",
  ]);
});

it.each([
  { name: "symbolic link", make: (path: string, target: string) => symlinkSync(target, path) },
  { name: "folder", make: (path: string) => mkdirSync(path) },
  { name: "named pipe", make: (path: string) => execFileSync("mkfifo", [path]) },
])("a $name in the place of the error file is left alone", async ({ make }) => {
  const workspace = makeInboxWorkspace();
  const target = join(workspace.dir, "target.md");
  writeFileSync(target, OURS);
  workspace.drop("broken.md", BROKEN_TEXT);
  make(join(workspace.inboxDir, "broken.error.md"), target);
  make(join(workspace.inboxDir, "fine.error.md"), target);
  await lookAndReport(workspace);
  expect(lstatSync(join(workspace.inboxDir, "broken.error.md")).isFile()).toBe(false);
  expect(existsSync(join(workspace.inboxDir, "fine.error.md"))).toBe(true);
  expect(readFileSync(target, "utf8")).toBe(OURS);
  expect(workspace.notices).toHaveLength(1);
});

it("stands beside whatever is broken: folder, named pipe, link, a name with a line break", async () => {
  const workspace = makeInboxWorkspace();
  mkdirSync(join(workspace.inboxDir, "folder.md"));
  execFileSync("mkfifo", [join(workspace.inboxDir, "pipe.md")]);
  symlinkSync("/etc/hostname", join(workspace.inboxDir, "link.md"));
  workspace.drop("two\nlines.md");
  await lookAndReport(workspace);
  const errors = workspace.files("inbox").filter((name) => name.endsWith(".error.md"));
  expect(errors).toEqual(["folder.error.md", "link.error.md", "pipe.error.md", "two\nlines.error.md"]);
  expect(read(workspace, "two\nlines.error.md")).toContain("two\\x0alines.md");
});

it("two broken files that share an error file do not write it in turns", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("x.md", BROKEN_TEXT);
  workspace.drop("x.MD", BROKEN_TEXT);
  await lookAndReport(workspace);
  const { ino } = lstatSync(join(workspace.inboxDir, "x.error.md"));
  await lookAndReport(workspace);
  expect(lstatSync(join(workspace.inboxDir, "x.error.md")).ino).toBe(ino);
  expect(read(workspace, "x.error.md")).toContain("`x.MD`");
});

it("what a crash left half written is replaced, and nothing else is left behind", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop(".codex-inbox-error-file", "<!-- codex-in");
  workspace.drop("broken.md", BROKEN_TEXT);
  await lookAndReport(workspace);
  expect(workspace.files("inbox")).toEqual(["broken.error.md", "broken.md"]);
});

it("a name too long for an error file is said, and does not stop the others", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop(`${"a".repeat(250)}.md`, BROKEN_TEXT);
  workspace.drop("z.md", BROKEN_TEXT);
  await lookAndReport(workspace);
  expect(existsSync(join(workspace.inboxDir, "z.error.md"))).toBe(true);
  expect(workspace.notices).toEqual([expect.stringContaining("(ENAMETOOLONG)")]);
});

it("a folder that is gone by then needs no error file", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("docs/broken.md", BROKEN_TEXT);
  const scan = await workspace.settledScan();
  rmSync(join(workspace.inboxDir, "docs"), { recursive: true });
  await workspace.intake.reportBroken(scan.broken);
  expect(workspace.files("inbox")).toEqual([]);
  expect(workspace.notices).toEqual([]);
});

it("a drop that was taken takes its error file with it", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("fix.md", BROKEN_TEXT);
  await lookAndReport(workspace);
  workspace.drop("fix.md");
  const [drop] = (await workspace.settledScan()).drops;
  if (drop === undefined) throw new Error("expected a drop");
  const id = freshId();
  await workspace.intake.claim(drop, id);
  await workspace.intake.release(id);
  const scan = await workspace.intake.scan();
  await workspace.intake.reportBroken(scan.broken);
  expect(workspace.files("inbox")).toEqual([]);
});

it("an error file may be read by everybody who may read the folder", async () => {
  const workspace = makeInboxWorkspace();
  chmodSync(workspace.drop("broken.md", BROKEN_TEXT), 0o600);
  await lookAndReport(workspace);
  expect(lstatSync(join(workspace.inboxDir, "broken.error.md")).mode & 0o444).toBe(0o444 & ~process.umask());
});
