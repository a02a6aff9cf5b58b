import { existsSync } from "node:fs";
import { findHolder } from "../../../base/process/process-lock.ts";
import { findLeftLocks } from "../../../git/gate/locks.ts";
import { readServedBranch } from "../../../store/branch/served-branch.ts";
import { readCloneFile } from "../../../store/clone/clone-id.ts";
import { countCopiedTasks } from "../../../store/clone/copied-state.ts";
import { readTaskJournal } from "../../../store/journal/journal-reader.ts";
import { askHealth } from "../../queries/coordinator-client.ts";
import { addressOf, readServer } from "../../queries/server-record.ts";
import type { Check } from "../check.ts";

/** One coordinator for each workspace, and it answers. */
export const lockCheck: Check = {
  name: "lock",
  what: "The lock of the workspace is free, or held by a coordinator that lives and answers",
  why: "Two coordinators would run every task twice; one that hangs holds up everything, and nothing says so",
  async look({ paths, lastHolder, isServed }, tell) {
    if (!existsSync(paths.root)) return;
    if (!isServed && lastHolder !== undefined)
      tell.note({
        path: paths.root,
        message: `process ${lastHolder.pid}, which took the lock at ${lastHolder.startedAt}, is gone without having given it back`,
        remedy: "nothing needs to be done: the next coordinator takes it",
        repair: { what: "takes the lock and gives it back", run: () => undefined }, // Repairs are made while it is held.
      });
    const holder = await findHolder(paths.root, "lock");
    if (!isServed || holder === undefined) return;
    tell.looked("coordinators at work", 1);
    const address = addressOf(readServer(paths.server));
    const health = address === undefined ? undefined : await askHealth(address);
    if (address !== undefined && health === undefined)
      tell.problem({
        path: paths.server,
        message: `the coordinator (process ${holder.pid}) does not answer at ${address.socketPath ?? address.url}`,
        remedy: `look at its log; if it hangs, kill ${holder.pid} and serve again: running agents go on and are adopted`,
      });
    for (const waits of [health?.world, health?.committer, health?.sandbox, health?.codex])
      if (waits != null) tell.note({ message: `it waits since ${waits.since}: ${waits.reason}`, remedy: "see there" });
  },
};

/** The state folder belongs to the repository that it lies in. */
export const cloneCheck: Check = {
  name: "clone",
  what: "The coordinator's folder is that of this clone, and not copied with the repository from another one",
  why: "In a copy, tasks and processes that it names may be those of the original, which may be at work",
  look({ paths }, tell) {
    const file = readCloneFile(paths.clone);
    if (file?.isCopy === true)
      tell.note({
        path: paths.clone,
        message: `it was copied from ${file.place?.path ?? "another place"} (clone ${file.id})`,
        remedy:
          "nothing needs to be done: the next coordinator draws an id of its own, and sets aside below copied/ what is the original's",
      });
    const copied = existsSync(paths.root) ? countCopiedTasks(paths) : 0;
    if (copied > 0)
      tell.note({
        path: paths.root,
        message: `${copied} open tasks of the clone that this one was copied from are set aside`,
        remedy: "codex-inbox serve --take-over runs them here, where the original does not run them any more",
      });
  },
};

/** Open tasks are committed to the branch that they were accepted for. */
export const branchCheck: Check = {
  name: "branch",
  what: "HEAD names a branch, and it is the one that open tasks were accepted for",
  why: "Without it nothing can be served: results have no branch to go to, or would go to another one",
  async look({ place, paths, isServed }, tell) {
    if (place.branch === undefined && !isServed)
      tell.problem({
        path: place.topDir,
        message: "HEAD names no branch (it is detached)",
        remedy: "git switch to the branch that holds the workspace; serve refuses until then",
      });
    const open = readTaskJournal(paths.journal).openIds().length;
    const served = readServedBranch(paths);
    if (place.branch === undefined || served === undefined || served === place.branch || open === 0 || isServed) return;
    const [theirs, ours] = [served, place.branch].map((name) => name.replace(/^refs\/heads\//, ""));
    tell.problem({
      path: paths.branch,
      message: `HEAD names ${ours}, and ${open} open tasks belong to ${theirs}`,
      remedy: `git switch ${theirs}, then serve; it refuses until then`,
    });
  },
};

/** Git's own lock files. */
export const gitLocksCheck: Check = {
  name: "git-locks",
  what: "No lock of git's lies on HEAD, index or branch that nobody holds",
  why: "Git refuses every commit while one is there, yours and ours",
  async look(ground, tell) {
    for (const { path, isOurs, ageMs } of findLeftLocks(await ground.repository(), ground.paths.root)) {
      tell.looked("locks", 1);
      if (isOurs && !ground.isServed)
        tell.problem({
          path,
          message: "a coordinator or command of ours that is gone has left it",
          remedy: "the next coordinator removes it",
          repair: ground.repairs.moveAside(path),
        });
      else if (!isOurs && ageMs > FOREIGN_LOCK_MS)
        tell.problem({
          path,
          message: `it is there for ${Math.round(ageMs / 60_000)} minutes, and not ours`,
          remedy: "look which git holds it (an editor that is open for a commit message?); where none runs, remove it",
        });
    }
  },
};

/** A git of the user's takes a lock for moments, but for the time of an editor. */
const FOREIGN_LOCK_MS = 600_000;
