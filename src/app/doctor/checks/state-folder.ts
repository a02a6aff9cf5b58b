import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type FileStamp, readStamp } from "../../../base/files/file-stamp.ts";
import { isAtomicLeftover } from "../../../base/files/write-file-atomic.ts";
import { probeLifeLine } from "../../../base/process/life-line.ts";
import { hasLiveOwner } from "../../../git/gate/locks.ts";
import { leftOverPacks } from "../../../git/objects/own-packs.ts";
import { homeName } from "../../../store/state-paths.ts";
import type { Check, Tell } from "../check.ts";
import type { Ground } from "../ground.ts";

const TOO_MUCH = 0o077;
/** Who has one of these can hand in tasks, or sign in at the page. The folder keeps others from them too. */
const SECRETS: ReadonlySet<string> = new Set(["server.json", "sign-ins.json", "policy.json", "socket"]);
const FOLDERS: ReadonlySet<string> = new Set([
  ...["journal", "runs", "unknown-runs", "accepting", "tmp", "locks", "session-locks", "stop-requests", "paused"],
  ...["own-threads", "drop-receipts", "run-evidence", "events", "code-index", "copied", "socket", "set-aside", "homes"],
]);
const LIFE_LINE = /^\.lock\.alive-/;
const COMMITTER_TEMPORARY = /^committer\.json\.\d+\.tmp$/;

/** The folder is its owner's alone, and holds files and folders. */
export const stateFolderCheck: Check = {
  name: "state-folder",
  what: "The coordinator's folder and the secrets in it are open to their owner alone, and all in it is plain files and folders",
  why: "It holds prompts, the token of the HTTP interface and the policy: who can read it can hand in tasks, who can write it allows them everything",
  look({ paths, repairs }, tell) {
    const root = readStamp(paths.root);
    if (root === undefined) return; // Nobody has served here yet.
    const above = homeName(paths.root) === undefined ? [] : [dirname(dirname(paths.root)), dirname(paths.root)];
    const inside = namesIn(paths.root).map((name) => join(paths.root, name));
    for (const path of [...above, paths.root, ...inside]) {
      const stamp = readStamp(path);
      if (stamp === undefined) continue;
      tell.looked("entries", 1);
      const isPlain = stamp.kind === "file" || stamp.kind === "folder";
      const isClosed = (stamp.mode & TOO_MUCH) === 0;
      if (isPlain && !isClosed && (!inside.includes(path) || SECRETS.has(basename(path))))
        tell.problem({
          path,
          message: `others than its owner may use it (mode ${stamp.mode.toString(8)})`,
          remedy: `chmod ${(stamp.mode & 0o700).toString(8)} it; every start of a coordinator does the same`,
          repair: repairs.closeToOthers(path),
        });
      const isMisplaced = stamp.kind === "file" && FOLDERS.has(basename(path));
      if ((!isPlain && !LIFE_LINE.test(basename(path))) || isMisplaced)
        tell.problem({
          path,
          message: `it is ${kindWords(stamp)}, where only ${isMisplaced ? "a folder belongs" : "plain files and folders belong"}`,
          remedy: "move it away: nothing of ours made it",
          // Without a policy the defaults hold, which may allow more.
          ...(path !== paths.policy && { repair: repairs.moveAside(path) }),
        });
    }
  },
};

/** What a kill leaves of files that were being written. */
export const leftoversCheck: Check = {
  name: "temporary-files",
  what: "No half-written file of a process that was killed lies in the coordinator's folder, or among git's packs",
  why: "Such files are read by nobody and take room; every start of a coordinator removes most of them",
  async look(ground, tell) {
    const { paths, repairs, isServed, place } = ground;
    if (isServed) return; // They are being written.
    const tellLeft = (path: string): void =>
      tell.note({
        path,
        message: "it was being written when a process of ours was killed",
        remedy: "nothing needs to be done: the next coordinator removes it",
        repair: repairs.moveAside(path),
      });
    const journal = ["open", "done"].map((name) => join(paths.journal, name));
    for (const folder of [paths.root, ...journal])
      for (const name of namesIn(folder))
        if (isAtomicLeftover(name) || (folder === paths.root && COMMITTER_TEMPORARY.test(name)))
          tellLeft(join(folder, name));
    if (existsSync(join(paths.journal, "probe"))) tellLeft(join(paths.journal, "probe"));
    const temporary = join(paths.root, "tmp");
    if (!hasLiveOwner(place.stateDir)) for (const name of namesIn(temporary)) tellLeft(join(temporary, name));
    const { objectsDir } = await ground.repository();
    for (const path of leftOverPacks(objectsDir))
      tell.note({
        path,
        message: "it is a pack of ours that a process was making, or joining with others, when it was killed",
        remedy: "nothing needs to be done: the next coordinator removes it, and nothing that counts stands in it alone",
      });
    await tellLifeLines(ground, tell);
  },
};

/** Sockets of lock holders that are gone. */
async function tellLifeLines({ paths, repairs }: Ground, tell: Tell): Promise<void> {
  for (const name of namesIn(paths.root).filter((one) => LIFE_LINE.test(one))) {
    if ((await probeLifeLine(paths.root, name)) !== "gone") continue;
    tell.note({
      path: join(paths.root, name),
      message: "it is the socket of a coordinator that is gone",
      remedy: "nothing needs to be done: nobody asks at it",
      repair: repairs.moveAside(join(paths.root, name)),
    });
  }
}

/** Returns the names in a folder; none where there is no folder. */
export function namesIn(folder: string): readonly string[] {
  return readStamp(folder)?.kind === "folder" ? readdirSync(folder).sort() : [];
}

function kindWords({ kind }: FileStamp): string {
  if (kind === "file") return "a file";
  return kind === "link" ? "a symbolic link" : "a pipe, a device or a socket";
}
