import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Drop } from "../../../../src/task/file/drop.ts";
import { freshId } from "../../../support/blob-and-id.ts";
import {
  BROKEN_TEXT,
  type InboxWorkspace,
  makeInboxWorkspace,
  temporaryFolder,
} from "../../../support/inbox-workspace.ts";

async function onlyDrop(workspace: InboxWorkspace): Promise<Drop> {
  const scan = await workspace.settledScan();
  const [drop] = scan.drops;
  if (drop === undefined || scan.drops.length > 1) throw new Error(`expected one drop: ${JSON.stringify(scan)}`);
  return drop;
}

function claimsLeft(workspace: InboxWorkspace): readonly string[] {
  const accepting = join(workspace.stateDir, "accepting");
  return existsSync(accepting) ? readdirSync(accepting) : [];
}

function read(workspace: InboxWorkspace, name: string): string {
  return readFileSync(join(workspace.inboxDir, name), "utf8");
}

/** Both ways of holding a file: moved into the claim, or hidden beside where it was. /dev/shm is another file system. */
describe.each([
  {
    where: "the same file system",
    options: () => ({}),
    held: (id: string, folder: string, name: string) => `.git/codex-inbox/accepting/${id}/${folder}/${name}`,
  },
  {
    where: "another file system",
    options: () => ({ stateDir: temporaryFolder("/dev/shm") }),
    held: (id: string, folder: string) => `inbox/${folder}/.codex-inbox-${id}`,
  },
])("with the claims on $where", ({ options, held }) => {
  it("a release leaves nothing, also where something else was put into the claim", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("docs/a/fix.md");
    const id = freshId();
    await workspace.intake.claim(await onlyDrop(workspace), id);
    writeFileSync(join(workspace.stateDir, "accepting", id, "strange"), "");
    await workspace.intake.release(id);
    expect(claimsLeft(workspace)).toEqual([]);
  });

  it("a claim takes the file out of the inbox and keeps its folder; its release leaves nothing", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("docs/sub/typo.md");
    const drop = await onlyDrop(workspace);
    const id = freshId();
    expect(await workspace.intake.claim(drop, id)).toEqual(drop);
    expect(claimsLeft(workspace)).toEqual([id]);
    expect(workspace.files().filter((name) => name.includes(id))).toEqual([held(id, "docs/sub", "typo.md")]);
    expect((await workspace.settledScan()).drops).toEqual([]);
    await workspace.intake.release(id);
    expect(claimsLeft(workspace)).toEqual([]);
    expect(workspace.files("inbox")).toEqual([]);
    expect(statSync(join(workspace.inboxDir, "docs/sub")).isDirectory()).toBe(true);
    await workspace.intake.release(id); // Again: nothing to do.
    expect(workspace.notices).toEqual([]);
  });

  it("a file that may not be moved just now stays where it is, and leaves no claim", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("docs/sub/typo.md");
    const drop = await onlyDrop(workspace);
    expect(await workspace.intake.claim(drop, freshId(), () => false)).toBe("changed");
    expect(claimsLeft(workspace)).toEqual([]);
    expect(await onlyDrop(workspace)).toEqual(drop);
  });

  it("a file that is gone is nobody's, and leaves no claim", async () => {
    const workspace = makeInboxWorkspace(options());
    const path = workspace.drop("fix.md");
    const drop = await onlyDrop(workspace);
    rmSync(path);
    expect(await workspace.intake.claim(drop, freshId())).toBeUndefined();
    expect(claimsLeft(workspace)).toEqual([]);
    expect(workspace.files("inbox")).toEqual([]);
  });

  it("an id that is being taken by somebody else is left to them", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("one.md");
    workspace.drop("two.md");
    const [one, two] = (await workspace.settledScan()).drops;
    if (one === undefined || two === undefined) throw new Error("expected two drops");
    const id = freshId();
    expect(await workspace.intake.claim(one, id)).toEqual(one);
    expect(await workspace.another().claim(two, id)).toBeUndefined();
    expect(read(workspace, "two.md")).toBe("Fix the login.\n");
    expect(await workspace.another().leftClaims()).toEqual([{ id, drop: one }]);
  });

  it.each([
    { name: "saved again", text: "Fix the logout.\n" },
    { name: "no longer valid", text: BROKEN_TEXT },
    { name: "emptied", text: "" },
  ])("a file that was $name meanwhile is put back and settles anew", async ({ text }) => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("docs/fix.md");
    const drop = await onlyDrop(workspace);
    workspace.drop("docs/fix.md", text);
    expect(await workspace.intake.claim(drop, freshId())).toBe("changed");
    expect(workspace.files("inbox")).toEqual(["docs/fix.md"]);
    expect(read(workspace, "docs/fix.md")).toBe(text);
    expect(claimsLeft(workspace)).toEqual([]);
    const scan = await workspace.intake.scan();
    expect(scan).toMatchObject({ drops: [], broken: [], settledAtMs: expect.any(Number) });
    expect(workspace.notices).toEqual([]);
  });

  it("a file named after its id that was exchanged by rename is taken as it is now", async () => {
    const workspace = makeInboxWorkspace(options());
    const id = freshId();
    workspace.drop(`${id}.md`);
    const drop = await onlyDrop(workspace);
    renameSync(workspace.drop(".new", "Fix the logout.\n"), join(workspace.inboxDir, `${id}.md`));
    expect(await workspace.intake.claim(drop, id)).toMatchObject({ path: drop.path, text: "Fix the logout.\n" });
    expect(workspace.files("inbox").filter((name) => name.endsWith(".md"))).toEqual([]);
  });

  it("a file whose time alone changed is taken", async () => {
    const workspace = makeInboxWorkspace(options());
    const path = workspace.drop("fix.md");
    const drop = await onlyDrop(workspace);
    utimesSync(path, 1_000, 1_000);
    expect(await workspace.intake.claim(drop, freshId())).toMatchObject({ blob: drop.blob, modifiedAtMs: 1_000_000 });
  });

  it.each([
    { name: "a named pipe", make: (path: string) => execFileSync("mkfifo", [path]) },
    { name: "a symbolic link", make: (path: string) => symlinkSync("/etc/passwd", path) },
    { name: "a folder", make: (path: string) => mkdirSync(path) },
  ])("$name put in the place of a drop is put back", async ({ make }) => {
    const workspace = makeInboxWorkspace(options());
    const path = workspace.drop("fix.md");
    const drop = await onlyDrop(workspace);
    rmSync(path);
    make(path);
    expect(await workspace.intake.claim(drop, freshId())).toBe("changed");
    expect(readdirSync(workspace.inboxDir)).toEqual(["fix.md"]);
    expect(claimsLeft(workspace)).toEqual([]);
  });

  it("a folder exchanged for a symbolic link leads nowhere", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("docs/fix.md");
    const drop = await onlyDrop(workspace);
    rmSync(join(workspace.inboxDir, "docs"), { recursive: true });
    mkdirSync(join(workspace.dir, "private"));
    writeFileSync(join(workspace.dir, "private", "fix.md"), "Fix the login.\n");
    symlinkSync(join(workspace.dir, "private"), join(workspace.inboxDir, "docs"));
    expect(await workspace.intake.claim(drop, freshId())).toBeUndefined();
    expect(workspace.files("private")).toEqual(["fix.md"]);
    expect(claimsLeft(workspace)).toEqual([]);
  });

  it("what goes back never replaces a newer file: it is kept beside it, and not run", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("docs/fix.md", "Earlier.\n");
    const id = freshId();
    await workspace.intake.claim(await onlyDrop(workspace), id);
    workspace.drop("docs/fix.md", "Newer.\n");
    await workspace.intake.putBack(id);
    expect(workspace.files("inbox")).toEqual([`docs/_fix.${id}.md`, "docs/fix.md"]);
    expect(read(workspace, "docs/fix.md")).toBe("Newer.\n");
    expect(read(workspace, `docs/_fix.${id}.md`)).toBe("Earlier.\n");
    expect(workspace.notices).toEqual([expect.stringContaining(`inbox/docs/_fix.${id}.md`)]);
    expect((await onlyDrop(workspace)).text).toBe("Newer.\n");
    expect(claimsLeft(workspace)).toEqual([]);
  });

  it("what goes back is not kept beside a file that holds the same: git has brought that one back", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("docs/fix.md", "Fix it.\n");
    const id = freshId();
    await workspace.intake.claim(await onlyDrop(workspace), id);
    workspace.drop("docs/fix.md", "Fix it.\n");
    await workspace.intake.putBack(id);
    expect(workspace.files("inbox")).toEqual(["docs/fix.md"]);
    expect([workspace.notices, claimsLeft(workspace)]).toEqual([[], []]);
    expect((await onlyDrop(workspace)).text).toBe("Fix it.\n");
  });

  it("what was written into a file after it was read goes back, like a file saved again", async () => {
    const workspace = makeInboxWorkspace(options());
    const descriptor = openSync(workspace.drop("fix.md"), "a");
    const id = freshId();
    await workspace.intake.claim(await onlyDrop(workspace), id);
    writeSync(descriptor, "And the logout.\n");
    closeSync(descriptor);
    await workspace.intake.release(id);
    expect(workspace.files("inbox")).toEqual(["fix.md"]);
    expect(read(workspace, "fix.md")).toBe("Fix the login.\nAnd the logout.\n");
    expect(workspace.notices).toEqual([expect.stringContaining("inbox/fix.md was written to")]);
    expect(claimsLeft(workspace)).toEqual([]);
  });

  it("the next coordinator finishes what was claimed, puts back what is not valid, and removes what is empty", async () => {
    const workspace = makeInboxWorkspace(options());
    const [good, bad, journaled, empty] = [freshId(), freshId(), freshId(), freshId()];
    for (const [name, id] of [
      ["docs/good.md", good],
      ["bad.md", bad],
      ["journaled.md", journaled],
    ] as const) {
      const path = workspace.drop(name);
      const descriptor = openSync(path, "a");
      await workspace.intake.claim(await onlyDrop(workspace), id);
      if (id === bad) writeSync(descriptor, "\0");
      closeSync(descriptor);
    }
    mkdirSync(join(workspace.stateDir, "accepting", empty, "docs"), { recursive: true });
    const next = workspace.another();
    const left = await next.leftClaims((id) => id === journaled);
    expect(left).toMatchObject([{ id: good, drop: { path: "inbox/docs/good.md", folderKey: "docs" } }]);
    expect(claimsLeft(workspace)).toEqual([good]);
    expect(workspace.files("inbox").filter((name) => !name.includes(".codex-inbox-"))).toEqual(["bad.md"]);
    await next.release(good);
    expect(claimsLeft(workspace)).toEqual([]);
    expect(workspace.files("inbox")).toEqual(["bad.md"]);
  });

  it("a claim whose file was put back already is only ended", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("fix.md");
    const id = freshId();
    await workspace.intake.claim(await onlyDrop(workspace), id);
    linkSync(join(workspace.dir, held(id, ".", "fix.md")), join(workspace.inboxDir, "fix.md")); // A crash after the link, before the unlink.
    expect(await workspace.another().leftClaims()).toEqual([]);
    expect(workspace.files("inbox")).toEqual(["fix.md"]);
    expect(claimsLeft(workspace)).toEqual([]);
  });
});

it("where the inbox is gone a file stays under its claim, for the next start", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("fix.md");
  const id = freshId();
  await workspace.intake.claim(await onlyDrop(workspace), id);
  rmSync(workspace.inboxDir, { recursive: true });
  await workspace.intake.putBack(id);
  expect(workspace.notices).toEqual([expect.stringContaining("until the next start")]);
  expect(existsSync(workspace.inboxDir)).toBe(false);
  expect(await workspace.another().leftClaims()).toMatchObject([{ id, drop: { text: "Fix the login.\n" } }]);
});

it("a session's folder that the user removed is made again for what goes back", async () => {
  const workspace = makeInboxWorkspace();
  workspace.drop("docs/fix.md");
  const id = freshId();
  await workspace.intake.claim(await onlyDrop(workspace), id);
  rmSync(join(workspace.inboxDir, "docs"), { recursive: true });
  await workspace.intake.putBack(id);
  expect(workspace.files("inbox")).toEqual(["docs/fix.md"]);
});

it("a name that is as long as names may be is kept beside under a shorter one", async () => {
  const workspace = makeInboxWorkspace();
  const name = `${"ü".repeat(126)}.md`;
  workspace.drop(name);
  const id = freshId();
  await workspace.intake.claim(await onlyDrop(workspace), id);
  workspace.drop(name, "Newer.\n");
  await workspace.intake.putBack(id);
  expect(workspace.files("inbox")).toEqual([`_${"ü".repeat(114)}.${id}.md`, name].sort());
});

it.each(["inbox/../secret.md", "inbox//x.md", "/etc/x.md", "sessions/x.md", "inbox"])(
  "refuses the path %s",
  async (path) => {
    const workspace = makeInboxWorkspace();
    workspace.drop("fix.md");
    const drop = await onlyDrop(workspace);
    await expect(workspace.intake.claim({ ...drop, path }, freshId())).rejects.toThrow("not a path in the inbox");
  },
);

it.each(["..", "", "x/y", "20261120-141530-k3f9x2/.."])("refuses the id %j", async (id) => {
  const workspace = makeInboxWorkspace();
  workspace.drop("fix.md");
  const drop = await onlyDrop(workspace);
  await expect(workspace.intake.claim(drop, id)).rejects.toThrow("not a task id");
  await expect(workspace.intake.release(id)).rejects.toThrow("not a task id");
  expect(workspace.files("inbox")).toEqual(["fix.md"]);
});

it("a disk that takes no claim leaves the file where it is, and says so once", async () => {
  const workspace = makeInboxWorkspace({ stateDir: "/dev/null/state" });
  workspace.drop("fix.md");
  const drop = await onlyDrop(workspace);
  expect(await workspace.intake.claim(drop, freshId())).toBeUndefined();
  expect(await workspace.intake.claim(drop, freshId())).toBeUndefined();
  expect(workspace.notices).toEqual([expect.stringContaining("inbox/fix.md cannot be taken (ENOTDIR)")]);
  expect(read(workspace, "fix.md")).toBe("Fix the login.\n");
});

it("claims of different files may be made side by side", async () => {
  const workspace = makeInboxWorkspace();
  for (let index = 0; index < 50; index += 1) workspace.drop(`s${index % 3}/${index}.md`, `Task ${index}.\n`);
  appendFileSync(join(workspace.inboxDir, "s0", "0.md"), "More.\n");
  const { drops } = await workspace.settledScan();
  expect(await Promise.all(drops.map((drop) => workspace.intake.claim(drop, freshId())))).toEqual(drops);
});
