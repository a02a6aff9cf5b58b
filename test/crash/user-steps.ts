import { setTimeout as delay } from "node:timers/promises";
import type { GitUser } from "../support/git-stress/git-user.ts";
import { longActions } from "../support/git-stress/long-actions.ts";
import {
  commitIndex,
  QUICK_ACTIONS,
  settle,
  stage,
  stashTracked,
  type UserAction,
} from "../support/git-stress/user-actions.ts";
import { withFile } from "../support/git-stress/user-files.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import type { TortureHome } from "./home/torture-home.ts";

/**
 * What a user does here. Left out is what only comes to its end beside a coordinator that lives (a mixed reset, which has results
 * committed again), rewrites what others have already, or is long (editors, rebases): test/support/git-stress is about those.
 */
function actionsOf(home: TortureHome): readonly (readonly [name: string, weight: number, action: UserAction])[] {
  const pass = (): Promise<void> => delay(40);
  const left = home.isShared ? /amend|reset --(?:mixed|hard HEAD)/ : /reset --mixed/;
  return [
    ...QUICK_ACTIONS.filter(([name]) => !left.test(name)).map(
      ([name, weight, action]) => [name, weight, name === "stash" ? stashTracked : action] as const,
    ),
    ...longActions({ pass, notesDir: home.place.base }).filter(([name]) => name === "an older branch"),
    ["merge of a topic", 3, mergeTopic],
    ["stash for keeps", 2, stashForKeeps],
  ];
}

/** Does `count` things, and looks after each whether all is as the user has it. */
export async function workAsUser(home: TortureHome, random: SeededRandom, count: number): Promise<string> {
  const done: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const actions = actionsOf(home);
    const [name, act] = choose(actions, random.below(actions.reduce((sum, [, weight]) => sum + weight, 0)));
    if (/reset|stash|branch|switch|gc/.test(name)) forgetWhatIsTaken(home, name);
    await act(home.user, random);
    if (act === mergeTopic) home.counts.merges += 1;
    await takeLandings(home);
    await home.user.verify(name);
    done.push(name);
  }
  return done.join(", ");
}

/** Files in inbox/ that nobody has taken yet, and commits on the way, may go by these: that is the user's will. */
function forgetWhatIsTaken(home: TortureHome, name: string): void {
  for (const task of home.tasks)
    if (task.dir === home.dir && task.path !== undefined && task.id === undefined)
      task.isUncertain ||= /reset|stash/.test(name);
  if (/reset/.test(name)) home.kept.clear();
}

/**
 * What a user can do in the moment in which a coordinator stands still. Each takes another way past branch and index.
 *
 * @param at where it stands: about to put its index in place of the user's, which is changed then; or about to move the branch to what it
 *   has built on that, where the user commits
 */
export async function raceUser(home: TortureHome, at: string): Promise<void> {
  const { user } = home;
  const turn = home.kept.size + user.commands;
  const isBeforeBranch = /^commit:(?:objects-written|files-written|index-built)/.test(at);
  const kind = at.startsWith("commit:swap-files") ? 1 : isBeforeBranch ? (turn % 2) * 2 : turn % 3;
  if (kind === 0) {
    const subject = `user: race ${turn}`;
    await user.git("commit", "-q", "--allow-empty", "-m", subject);
    commitIndex(user);
    home.kept.add(subject);
  } else {
    const path = user.edit(user.fresh());
    await user.git("add", "--", path);
    stage(user, path);
    if (kind === 2) {
      await user.git("commit", "-q", "-m", "user: race");
      commitIndex(user);
    }
  }
}

/** Of each user: landings whose files are among those that the user has. */
const seenLandings = new WeakMap<GitUser, Set<string>>();

/**
 * What a session's branch was cut from comes along when it lands, as with any merge: also commits that the user has reset since. To be
 * called before it is looked whether all is as the user has it; a landing may come late, without an answer.
 */
export async function takeLandings({ user, repo }: Pick<TortureHome, "user" | "repo">): Promise<void> {
  const seen = seenLandings.get(user) ?? new Set();
  seenLandings.set(user, seen);
  const log = repo.git(
    "log",
    "--merges",
    "--format=%H %P %(trailers:key=Merged-Branch,valueonly,separator=%x20)",
    "HEAD",
  );
  for (const line of log.split("\n")) {
    const [commit = "", , theirs = "", branch = ""] = line.split(" ");
    if (branch === "" || seen.has(commit)) continue;
    seen.add(commit);
    const [landed, there] = [await user.filesOf("HEAD"), await user.filesOf(theirs)];
    for (const [path, text] of landed) {
      const { head, index, disk } = user.files;
      if (head.get(path) === text || there.get(path) !== text) continue;
      user.files = {
        head: withFile(head, path, text),
        index: withFile(index, path, text),
        disk: withFile(disk, path, text),
      };
    }
  }
}

const mergeTopic: UserAction = async (user, random) => {
  await settle(user);
  await user.git("switch", "-q", "-C", "topic"); // What failed at HEAD has made the branch.
  for (let n = 1 + random.below(2); n > 0; n -= 1) {
    const path = user.edit(user.fresh());
    await user.git("add", "--", path);
    stage(user, path);
    await user.git("commit", "-q", "-m", "user: on the topic");
    commitIndex(user);
  }
  const mine = user.files;
  await user.git("switch", "-q", "main");
  await user.git("merge", "-q", "--no-ff", "-m", "user: merge", "topic");
  user.files = mine;
  await user.git("branch", "--delete", "--force", "topic");
};

const stashForKeeps: UserAction = async (user, random) => {
  user.edit(user.known(random.below(1_000)));
  const before = user.files.head;
  await user.git("stash", "push", "-q");
  user.files = { head: before, index: before, disk: before };
};

function choose<Item>(actions: readonly (readonly [string, number, Item])[], point: number): readonly [string, Item] {
  let left = point;
  for (const [name, weight, action] of actions) {
    if (left < weight) return [name, action];
    left -= weight;
  }
  throw new Error("weights do not add up");
}
