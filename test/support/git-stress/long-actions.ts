import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { waitFor } from "../wait-for.ts";
import type { GitUser } from "./git-user.ts";
import {
  awaitRepair,
  commitIndex,
  commitsBack,
  commitTracked,
  settle,
  stage,
  type UserAction,
} from "./user-actions.ts";
import { withFile } from "./user-files.ts";

/** What goes on while the user's attention is elsewhere: an editor is open, another branch is checked out, a lock is held. */
export interface Meanwhile {
  /** Resolves after tasks have ended, or a moment later where none does. */
  pass(): Promise<void>;
  /** A folder outside the checkout for an editor's notes. */
  readonly notesDir: string;
}

const HELD_LOCK_MS = 300;

/** Returns the actions that stand still in the middle. */
export function longActions(
  meanwhile: Meanwhile,
): readonly (readonly [name: string, weight: number, action: UserAction])[] {
  let editors = 0;

  /** Runs `command` with an editor that stays open while other things happen; the branch must not move under it. */
  async function withEditor(user: GitUser, variable: string, ...command: readonly string[]): Promise<void> {
    editors += 1;
    const name = join(meanwhile.notesDir, `editor-${editors}`);
    // Keeps what it is given: the message may be that of a commit with a result.
    writeFileSync(name, `#!/bin/sh\ntouch ${name}.open\nwhile [ ! -e ${name}.close ]; do sleep 0.01; done\n`, {
      mode: 0o755,
    });
    const done = user.gitWith({ [variable]: name }, ...command);
    done.catch(() => undefined); // Awaited below.
    await Promise.race([done, waitFor(() => existsSync(`${name}.open`), { what: "the editor" })]);
    const before = await user.look("rev-parse", "main");
    await meanwhile.pass();
    const after = await user.look("rev-parse", "main");
    if (before !== after) user.problem(`the branch moved while the editor of git ${command.join(" ")} was open`);
    writeFileSync(`${name}.close`, "");
    await done;
  }

  const commitInEditor: UserAction = async (user, random) => {
    const path = user.edit(random.chance(0.5) ? user.fresh() : user.known(random.below(1_000)));
    await user.git("add", "--", path);
    stage(user, path);
    if (random.chance(0.3)) {
      commitTracked(user);
      await withEditor(user, "GIT_EDITOR", "commit", "-a", "-e", "-m", "user: -a, in the editor");
      return;
    }
    if (random.chance(0.3)) await withEditor(user, "GIT_EDITOR", "commit", "--amend");
    else await withEditor(user, "GIT_EDITOR", "commit", "-e", "-m", "user: in the editor");
    commitIndex(user);
  };

  const olderBranch: UserAction = async (user, random) => {
    await settle(user);
    await awaitRepair(user);
    const mine = user.files;
    const target = random.chance(0.5) ? "before" : await commitsBack(user, 1 + random.below(5));
    await user.git("branch", "--force", "older", target);
    const files = await user.filesOf("older");
    await user.git("switch", "older");
    user.files = { head: files, index: files, disk: files };
    await user.verify("switch to an older branch");
    await meanwhile.pass();
    await user.git("switch", "main");
    user.files = mine;
  };

  const topicBranch: UserAction = async (user, random) => {
    await settle(user);
    await user.git("switch", "-c", "topic");
    const count = 1 + random.below(3);
    for (let n = 0; n < count; n += 1) {
      const path = user.edit(user.fresh());
      await user.git("add", "--", path);
      stage(user, path);
      await user.git("commit", "-m", "user: on the topic");
      commitIndex(user);
    }
    const mine = user.files;
    if (random.chance(0.5)) await meanwhile.pass();
    await user.git("switch", "main");
    if (random.chance(0.3)) await withEditor(user, "GIT_EDITOR", "merge", "--no-ff", "--edit", "topic");
    else await user.git("merge", "--no-ff", "-m", "user: merge", "topic");
    user.files = mine;
    await user.git("branch", "--delete", "--force", "topic");
  };

  /** Stops at the first of the last commits, amends it there, and goes on: ours among them are written anew. */
  const rebase: UserAction = async (user, random) => {
    await settle(user);
    await awaitRepair(user);
    const target = await unmergedBack(user, 1 + random.below(4));
    if (target === "HEAD~0") return;
    const mine = user.files;
    await user.gitWith({ GIT_SEQUENCE_EDITOR: "sed -i -e '1s/^pick/edit/'" }, "rebase", "--interactive", target);
    const path = user.edit(user.fresh());
    const text = user.files.disk.get(path);
    await user.git("add", "--", path);
    await user.git("commit", "--amend", "--no-edit");
    await meanwhile.pass();
    await user.gitWith({ GIT_EDITOR: "true" }, "rebase", "--continue");
    const { head, index, disk } = mine;
    user.files = {
      head: withFile(head, path, text),
      index: withFile(index, path, text),
      disk: withFile(disk, path, text),
    };
  };

  const rebaseInEditor: UserAction = async (user, random) => {
    await settle(user);
    await awaitRepair(user);
    const target = await unmergedBack(user, 1 + random.below(3));
    if (target === "HEAD~0") return;
    await withEditor(user, "GIT_SEQUENCE_EDITOR", "rebase", "--interactive", "--force-rebase", target);
  };

  return [
    ["commit in an editor", 3, commitInEditor],
    ["an older branch", 2, olderBranch],
    ["a topic branch", 3, topicBranch],
    ["rebase with a stop", 2, rebase],
    ["rebase in an editor", 1, rebaseInEditor],
    ["a held index.lock", 2, (user) => holdIndexLock(user)],
  ];
}

/** The same as `commitsBack`, after the last merge: a rebase loses what was amended to a merge, with or without us. */
async function unmergedBack(user: GitUser, count: number): Promise<string> {
  const merge = (await user.look("rev-list", "--merges", "-1", "start..HEAD")).trim();
  const from = merge === "" ? "start" : merge;
  const length = Number(await user.look("rev-list", "--count", "--first-parent", `${from}..HEAD`));
  return `HEAD~${Math.min(count, length)}`;
}

/** A program that is not git (an IDE, JGit) holds `index.lock` and writes the index it read; nobody else may write it meanwhile. */
async function holdIndexLock(user: GitUser): Promise<void> {
  const gitDir = join(user.dir, ".git");
  const lock = join(gitDir, "index.lock");
  await waitFor(() => take(lock), { what: "index.lock", intervalMs: 1 });
  const index = await user.look("ls-files", "--stage", "--debug");
  await delay(HELD_LOCK_MS);
  if (index !== (await user.look("ls-files", "--stage", "--debug")))
    user.problem("the index was written under a lock of the user's");
  rmSync(lock);
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, "", { flag: "wx" });
    return true;
  } catch {
    return false; // Held for the moment.
  }
}
