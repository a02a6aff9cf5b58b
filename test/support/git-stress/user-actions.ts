import type { SeededRandom } from "../seeded-random.ts";
import { waitFor } from "../wait-for.ts";
import type { GitUser } from "./git-user.ts";
import { type Files, withFile } from "./user-files.ts";

/** One thing a user does: some commands, after which `user.files` says what they must have led to. */
export type UserAction = (user: GitUser, random: SeededRandom) => Promise<void>;

/** `git add -- path`, as the user means it. */
export function stage(user: GitUser, path: string): void {
  const { index, disk } = user.files;
  user.files = { ...user.files, index: withFile(index, path, disk.get(path)) };
}

/** What is staged becomes the commit. */
export function commitIndex(user: GitUser): void {
  user.files = { ...user.files, head: user.files.index };
}

/** `commit -a`: what is tracked is staged as it lies on disk. */
export function commitTracked(user: GitUser): void {
  const { index, disk } = user.files;
  const tracked = new Map([...index].map(([path]) => [path, disk.get(path) ?? ""]));
  user.files = { head: tracked, index: tracked, disk };
}

/** `reset --hard`: tracked files are as in `files`, and those that are not in it are gone. */
function resetTo(user: GitUser, files: Files): void {
  user.files = { head: files, index: files, disk: files };
}

/** Commits whatever the user has staged or changed, a staged drop too, since some commands refuse to begin otherwise. */
export async function settle(user: GitUser): Promise<void> {
  const { index, disk } = user.files;
  if (!sameFiles(index, disk)) {
    commitTracked(user);
    await user.git("commit", "-a", "-m", "user: what was left");
  } else if ((await user.look("diff", "--cached", "--name-only")) !== "") {
    commitIndex(user);
    // Git reads index and branch one after the other: where a commit of ours came between, nothing of the user's was staged.
    await user.shell("git commit -m 'user: what was staged' || git diff --cached --quiet");
  }
}

/**
 * What a mixed reset of the user's left of ours is committed again soon. Commands that want a clean work tree wait for that, and
 * for nothing else: whatever else of ours is changed there fails them.
 */
export async function awaitRepair(user: GitUser): Promise<void> {
  if (!user.hasLeftovers) return;
  const isRepaired = async (): Promise<boolean> =>
    (await user.look("diff", "--name-only", "--", "inbox", "sessions", "tasks.md", "tasks")) === "" &&
    (await user.look("ls-files", "--others", "--", "sessions", "tasks")) === "";
  await waitFor(isRepaired, { what: "what a reset left of ours to be committed again", timeoutMs: REPAIR_MS });
  user.hasLeftovers = false;
}

const REPAIR_MS = 30_000;

function sameFiles(one: Files, other: Files): boolean {
  return one.size === other.size && [...one].every(([path, text]) => other.get(path) === text);
}

async function pathToEdit(user: GitUser, random: SeededRandom): Promise<string> {
  return random.chance(0.5) ? user.fresh() : user.known(random.below(1_000));
}

const addAndCommit: UserAction = async (user, random) => {
  const path = user.edit(await pathToEdit(user, random));
  await user.git("add", "--", path);
  stage(user, path);
  await user.git("commit", "-m", "user: add and commit");
  commitIndex(user);
};

const addAndCommitInOneLine: UserAction = async (user, random) => {
  const path = user.edit(await pathToEdit(user, random));
  await user.shell(`git add -- ${path} && git commit -q -m 'user: in one line'`);
  stage(user, path);
  commitIndex(user);
};

const commitAll: UserAction = async (user, random) => {
  user.edit(user.known(random.below(1_000)));
  commitTracked(user);
  await user.git("commit", "-a", "-m", "user: commit -a");
};

const addEverything: UserAction = async (user, random) => {
  user.edit(await pathToEdit(user, random));
  user.files = { ...user.files, index: user.files.disk };
  await user.git("add", "-A");
  await user.git("commit", "-m", "user: add -A");
  commitIndex(user);
};

/** What else is staged stays so. */
const commitOnePath: UserAction = async (user, random) => {
  const path = user.edit(user.known(random.below(1_000)));
  await user.git("commit", "-m", "user: commit -- path", "--", path);
  const text = user.files.disk.get(path);
  const { head, index, disk } = user.files;
  user.files = { head: withFile(head, path, text), index: withFile(index, path, text), disk };
};

/** Keeps the message: the last commit may be one with a result. */
const amend: UserAction = async (user, random) => {
  const path = user.edit(await pathToEdit(user, random));
  await user.git("add", "--", path);
  stage(user, path);
  await user.git("commit", "--amend", "--no-edit");
  commitIndex(user);
};

/** Stays staged until a later action takes it along; half of them are edited again on disk. */
const leaveStaged: UserAction = async (user, random) => {
  const path = user.edit(user.fresh());
  await user.git("add", "--", path);
  stage(user, path);
  if (random.chance(0.5)) user.edit(path);
};

const stash: UserAction = (user, random) =>
  stashAndPop(user, random, random.chance(0.3) ? ["--include-untracked"] : []);

/** With files that git does not know git itself removes those, too, that somebody makes while it looks: agents do. */
export const stashTracked: UserAction = (user, random) => stashAndPop(user, random, []);

const stashAndPop = async (
  user: Parameters<UserAction>[0],
  random: Parameters<UserAction>[1],
  options: readonly string[],
): Promise<void> => {
  await awaitRepair(user);
  user.edit(user.known(random.below(1_000)));
  const before = user.files;
  await user.git("stash", "push", ...options);
  resetTo(user, before.head);
  await user.verify("stash push");
  if (random.chance(0.5)) await user.git("status", "--short");
  await user.git("stash", "pop", "--index");
  user.files = before;
};

const resetHard: UserAction = async (user, random) => {
  if (random.chance(0.5)) user.edit(user.known(random.below(1_000)));
  await user.git("reset", "--hard", "HEAD");
  resetTo(user, user.files.head);
};

/** Takes back the last commits, ours among them. */
const resetBack: UserAction = async (user, random) => {
  const target = (await user.look("rev-parse", await commitsBack(user, 1 + random.below(4)))).trim();
  const files = await user.filesOf(target);
  await user.git("reset", "--hard", target);
  resetTo(user, files);
};

/** Takes the last commits back but leaves everything on disk, and commits all of it again. */
const resetMixed: UserAction = async (user, random) => {
  await settle(user);
  const target = (await user.look("rev-parse", await commitsBack(user, 1 + random.below(3)))).trim();
  const head = await user.filesOf(target);
  await user.git("reset", "--mixed", "--quiet", target);
  user.hasLeftovers = true;
  user.files = { ...user.files, head, index: head };
  await user.verify("reset --mixed");
  await user.git("add", "-A", "--", "user", "src", "README.md");
  user.files = { ...user.files, index: user.files.disk };
  if (sameFiles(head, user.files.disk)) return;
  await user.git("commit", "-m", "user: after a mixed reset");
  commitIndex(user);
};

const checkoutFile: UserAction = async (user, random) => {
  const path = user.edit(user.known(random.below(1_000)));
  await user.git("checkout", "--", path);
  const { index, disk } = user.files;
  user.files = { ...user.files, disk: withFile(disk, path, index.get(path)) };
};

const takeSnapshot: UserAction = async (user, random) => {
  const commands = [
    ["status"],
    ["log", "--oneline", "-20", "--stat"],
    ["diff", "HEAD"],
    ["status", "--short"],
  ] as const;
  await user.git(...random.pick([...commands] as [readonly string[], ...(readonly string[])[]]));
};

const collectGarbage: UserAction = async (user, random) => {
  const detach = random.chance(0.3) ? "true" : "false";
  await user.git("-c", `gc.auto=${50 + random.below(200)}`, "-c", `gc.autoDetach=${detach}`, "gc", "--auto", "--quiet");
};

/** Returns how to name the commit `count` before the last one, not going back beyond where the user began. */
export async function commitsBack(user: GitUser, count: number): Promise<string> {
  const length = Number(await user.look("rev-list", "--count", "--first-parent", "start..HEAD"));
  return `HEAD~${Math.min(count, length)}`;
}

/** Actions of a few milliseconds, with how often they happen. */
export const QUICK_ACTIONS: readonly (readonly [name: string, weight: number, action: UserAction])[] = [
  ["add and commit", 10, addAndCommit],
  ["add && commit", 5, addAndCommitInOneLine],
  ["commit -a", 8, commitAll],
  ["add -A", 3, addEverything],
  ["commit -- path", 6, commitOnePath],
  ["commit --amend", 6, amend],
  ["leave staged", 5, leaveStaged],
  ["stash", 6, stash],
  ["reset --hard", 3, resetHard],
  ["reset --hard HEAD~n", 4, resetBack],
  ["reset --mixed", 2, resetMixed],
  ["checkout -- file", 3, checkoutFile],
  ["look around", 6, takeSnapshot],
  ["gc", 2, collectGarbage],
];
