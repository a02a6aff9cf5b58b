import {
  appendFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  watch as watchFolder,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type TreeWatch, watchTree } from "../../../../src/intake/inbox/watch/tree-watch.ts";
import { tempDir } from "../../../support/temp-dir.ts";
import { waitFor } from "../../../support/wait-for.ts";
import { expectHints, watchedInbox } from "../../../support/watched-inbox.ts";

function write(path: string, text = "Fix the login.\n"): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

describe("hints at", () => {
  it.each<{ name: string; prepare?: (inbox: string) => void; act: (inbox: string, round: number) => void }>([
    { name: "a new file", act: (inbox, round) => write(join(inbox, `${round}.md`)) },
    {
      name: "a file renamed in",
      act: (inbox, round) => {
        write(join(inbox, "..", "new"));
        renameSync(join(inbox, "..", "new"), join(inbox, `${round}.md`));
      },
    },
    {
      name: "a file renamed from a dot-name",
      act: (inbox, round) => {
        write(join(inbox, ".new"));
        renameSync(join(inbox, ".new"), join(inbox, `${round}.md`));
      },
    },
    {
      name: "a file written to",
      prepare: (inbox) => write(join(inbox, "fix.md")),
      act: (inbox) => appendFileSync(join(inbox, "fix.md"), "More.\n"),
    },
    {
      name: "a file touched",
      prepare: (inbox) => write(join(inbox, "docs/fix.md")),
      act: (inbox, round) => utimesSync(join(inbox, "docs/fix.md"), round, round),
    },
    {
      name: "a file removed",
      prepare: (inbox) => {
        for (let round = 0; round < 4; round += 1) write(join(inbox, `docs/${round}.md`));
      },
      act: (inbox, round) => rmSync(join(inbox, `docs/${round}.md`)),
    },
    { name: "a file in a new folder", act: (inbox, round) => write(join(inbox, `s${round}/a/b/c/fix.md`)) },
    {
      name: "a folder with files renamed in",
      act: (inbox, round) => {
        write(join(inbox, "..", "folder", "fix.md"));
        renameSync(join(inbox, "..", "folder"), join(inbox, `s${round}`));
      },
    },
    {
      name: "a file in a folder that was there before",
      prepare: (inbox) => mkdirSync(join(inbox, "a/b/c/d"), { recursive: true }),
      act: (inbox, round) => write(join(inbox, `a/b/c/d/${round}.md`)),
    },
    {
      name: "the inbox removed",
      act: (inbox) => {
        rmSync(inbox, { recursive: true });
        mkdirSync(inbox);
      },
    },
  ])("$name", async ({ prepare, act }) => {
    const one = watchedInbox();
    mkdirSync(one.inboxDir);
    prepare?.(one.inboxDir);
    one.watch.start();
    await expectHints(one, (round) => act(one.inboxDir, round));
    expect(one.state.notices).toEqual([]);
  });
});

it("files in a new folder are found however soon they come", async () => {
  const dir = tempDir();
  const inboxDir = join(dir, "inbox");
  mkdirSync(inboxDir);
  let wanted = "";
  let found = "";
  const one = watchedInbox({
    workspaceDir: dir,
    onHint: () => {
      if (existsSync(wanted)) found = wanted;
    },
  });
  one.watch.start();
  for (let round = 0; round < 20; round += 1) {
    const folder = join(inboxDir, `s${round}`, "a");
    wanted = join(folder, "fix.md");
    const path = wanted;
    mkdirSync(folder, { recursive: true });
    for (let turn = 0; turn < round; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    write(path);
    await waitFor(() => found === path, { what: `a hint after ${path} was there` });
  }
});

it("names that are ignored give no hint", async () => {
  const one = watchedInbox();
  mkdirSync(one.inboxDir);
  let changes = 0;
  const watcher = watchTree(
    one.inboxDir,
    () => {
      changes += 1;
    },
    () => undefined,
  );
  onTestFinished(() => watcher.close());
  await waitFor(() => changes > 0, { what: "everything to be watched" });
  for (let index = 0; index < 50; index += 1) {
    write(join(one.inboxDir, `.${index}.md`));
    write(join(one.inboxDir, `${index}.error.md`));
    write(join(one.inboxDir, "_drafts", `${index}.md`));
  }
  const before = changes;
  write(join(one.inboxDir, "fix.md"));
  await waitFor(() => changes > before, { what: "the change that counts" });
  expect(changes).toBeLessThan(10);
});

describe.each<{ kind: string; tree: TreeWatch }>([
  { kind: "chokidar", tree: watchTree },
  {
    kind: "a watcher that is deaf once its folder was removed",
    tree: (path, onChange, onError) => {
      const watcher = watchFolder(path, onChange).on("error", onError);
      return { close: async () => watcher.close() };
    },
  },
])("with $kind", ({ tree }) => {
  it.each<{ name: string; exchange: (inbox: string) => void }>([
    {
      name: "removed and made again",
      exchange: (inbox) => {
        rmSync(inbox, { recursive: true });
        mkdirSync(inbox);
      },
    },
    {
      name: "renamed away and made again",
      exchange: (inbox) => {
        renameSync(inbox, `${inbox}-${Math.random()}`);
        mkdirSync(inbox);
      },
    },
    {
      name: "renamed away and back",
      exchange: (inbox) => {
        renameSync(inbox, `${inbox}-away`);
        renameSync(`${inbox}-away`, inbox);
      },
    },
    {
      name: "exchanged by rename",
      exchange: (inbox) => {
        mkdirSync(`${inbox}-new`);
        rmSync(inbox, { recursive: true });
        renameSync(`${inbox}-new`, inbox);
      },
    },
  ])("an inbox that was $name is watched again", async ({ exchange }) => {
    const one = watchedInbox({ watchTree: tree });
    mkdirSync(one.inboxDir);
    one.watch.start();
    for (let round = 0; round < 4; round += 1) {
      await expectHints(one, () => exchange(one.inboxDir));
      await expectHints(one, (file) => write(join(one.inboxDir, `${round}-${file}.md`)));
    }
    expect(one.state.notices).toEqual([]);
  });

  it("an inbox that is missing is watched as soon as it comes, and hinted at", async () => {
    const one = watchedInbox({ watchTree: tree });
    one.watch.start();
    await waitFor(() => one.state.hints > 0, { what: "the first hint" });
    const before = one.state.hints;
    mkdirSync(one.inboxDir);
    await waitFor(() => one.state.hints > before, { what: "a hint at the new folder" });
    await expectHints(one, (round) => write(join(one.inboxDir, `${round}.md`)));
    rmSync(one.inboxDir, { recursive: true });
    symlinkSync(one.dir, one.inboxDir); // Not a folder: not watched.
    rmSync(one.inboxDir);
    mkdirSync(one.inboxDir);
    await expectHints(one, (round) => write(join(one.inboxDir, `${round}.md`)));
    expect(one.state.notices).toEqual([]);
  });

  it("a workspace that was moved away and made again is watched again after the next look", async () => {
    const dir = join(tempDir(), "workspace");
    mkdirSync(join(dir, "inbox"), { recursive: true });
    const opened: string[] = [];
    const one = watchedInbox({
      workspaceDir: dir,
      rescanMs: 10,
      watchTree: (path, onChange, onError) => {
        opened.push(path);
        return tree(path, onChange, onError);
      },
    });
    one.watch.start();
    renameSync(dir, `${dir}-away`);
    mkdirSync(join(dir, "inbox"), { recursive: true });
    await waitFor(() => opened.length === 2, { what: "the new folder to be watched" });
  });

  it("a workspace that was away for a while is watched again, without a look", async () => {
    const dir = join(tempDir(), "workspace");
    mkdirSync(join(dir, "inbox"), { recursive: true });
    let [opened, closed] = [0, 0];
    const one = watchedInbox({
      workspaceDir: dir,
      watchTree: (path, onChange, onError) => {
        opened += 1;
        const watcher = tree(path, onChange, onError);
        return { close: () => watcher.close().finally(() => (closed += 1)) };
      },
    });
    one.watch.start();
    renameSync(dir, `${dir}-away`);
    await waitFor(() => closed === 1, { what: "the watcher of the folder that is away to be closed" });
    renameSync(`${dir}-away`, dir);
    await waitFor(() => opened === 2, { what: "the folder to be watched again" });
    await expectHints(one, (round) => write(join(one.inboxDir, `${round}.md`)));
  });

  it("a workspace that was away for a moment is watched anew, without a look", async () => {
    const dir = join(tempDir(), "workspace");
    mkdirSync(join(dir, "inbox"), { recursive: true });
    let opened = 0;
    const one = watchedInbox({
      workspaceDir: dir,
      watchTree: (path, onChange, onError) => {
        opened += 1;
        return tree(path, onChange, onError);
      },
    });
    one.watch.start();
    renameSync(dir, `${dir}-away`);
    renameSync(`${dir}-away`, dir);
    await waitFor(() => opened === 2, { what: "the folder to be watched anew", timeoutMs: 5_000 });
    await expectHints(one, (round) => write(join(one.inboxDir, `${round}.md`)));
  });
});

it("hints every so often, whatever is heard", async () => {
  const one = watchedInbox({ rescanMs: 5 });
  one.watch.start();
  await waitFor(() => one.state.hints >= 5, { what: "five looks" });
});

it("many changes at once are one hint", async () => {
  let change: () => void = () => undefined;
  const one = watchedInbox({
    watchTree: (_path, onChange) => {
      change = onChange;
      return { close: async () => undefined };
    },
  });
  mkdirSync(one.inboxDir);
  one.watch.start();
  await waitFor(() => one.state.hints === 1, { what: "the first hint" });
  for (let index = 0; index < 500; index += 1) change();
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(one.state.hints).toBe(2);
});

it("leaves nothing behind when it is stopped, and says nothing more", async () => {
  const one = watchedInbox({ rescanMs: 1 });
  mkdirSync(one.inboxDir);
  one.watch.start();
  await waitFor(() => one.state.hints > 3, { what: "some hints" });
  await one.watch.stop();
  const { hints } = one.state;
  write(join(one.inboxDir, "fix.md"));
  const other = watchedInbox({ workspaceDir: one.dir, rescanMs: 1 });
  other.watch.start();
  await waitFor(() => other.state.hints > 3, { what: "hints of another watch" });
  await other.watch.stop();
  expect(one.state.hints).toBe(hints);
  const watchers = (): number => process.getActiveResourcesInfo().filter((name) => name === "FSEventWrap").length;
  await waitFor(() => watchers() === 0, { what: "every watcher to be closed" });
});
