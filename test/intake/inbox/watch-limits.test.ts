import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { type TreeWatch, watchTree } from "../../../src/intake/inbox/watch/tree-watch.ts";
import { startLineProcess } from "../../support/line-process.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { expectHints, watchedInbox } from "../../support/watched-inbox.ts";

function write(path: string, text = "Fix the login.\n"): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

it.each(["ENOSPC", "EMFILE"])(
  "at the limit of watches (%s) it says once what to do, and looks instead",
  async (code) => {
    const log: string[] = [];
    let closed = 0;
    /** Keeps chokidar's contract at the limit: errors, any number, and the word that everything is watched all the same. */
    const limited: TreeWatch = (path, onChange, onError) => {
      log.push(path);
      setImmediate(() => {
        for (let index = 0; index < 3; index += 1) onError(Object.assign(new Error("no room"), { code }));
        onChange();
      });
      return {
        close: async () => {
          closed += 1;
        },
      };
    };
    const one = watchedInbox({ watchTree: limited, rescanMs: 30 });
    mkdirSync(one.inboxDir);
    one.watch.start();
    await waitFor(() => one.state.hints >= 5, { what: "looks without a watcher" });
    expect(one.state.notices).toEqual([
      expect.stringMatching(/cannot be watched .* every 30 ms .*sysctl fs\.inotify\.max_user_/s),
    ]);
    expect({ opened: log.length, closed }).toEqual({ opened: 1, closed: 1 });
  },
);

it("another error of the watcher is said, and it goes on", async () => {
  const one = watchedInbox({
    rescanMs: 20,
    watchTree: (path, onChange, onError) => {
      setImmediate(() => onError(Object.assign(new Error("odd"), { code: "EIO" })));
      return watchTree(path, onChange, onError);
    },
  });
  mkdirSync(one.inboxDir);
  one.watch.start();
  await waitFor(() => one.state.notices.length > 0, { what: "the notice" });
  expect(one.state.notices[0]).toContain("EIO");
  await expectHints(one, (round) => write(join(one.inboxDir, `${round}.md`)));
});

it.each([
  { name: "of all", limit: 0 },
  { name: "of some folders", limit: 4 },
])("at a real limit, where there is room for the watches $name, nothing is missed", async ({ limit }) => {
  const dir = tempDir();
  for (let index = 0; index < 10; index += 1) mkdirSync(join(dir, "inbox", `s${index}`), { recursive: true });
  const child = startLineProcess("inbox-process.ts", { args: [dir, join(dir, "state"), String(limit)] });
  await child.ask("start");
  const heard = async (): Promise<{ hints: number; notices: readonly string[] }> =>
    JSON.parse(await child.ask("heard"));
  const notice = await waitFor(async () => (await heard()).notices[0], { what: "the notice" });
  expect(notice).toContain("ENOSPC");
  expect(notice).toContain("fs.inotify.max_user_watches");
  const before = (await heard()).hints;
  for (let index = 0; index < 10; index += 1) write(join(dir, "inbox", `s${index}`, "fix.md"));
  await waitFor(async () => (await heard()).hints > before + 1, { what: "two looks" });
  expect(JSON.parse(await child.ask("scan")).drops.length).toBe(10);
  expect((await heard()).notices).toHaveLength(1);
});
