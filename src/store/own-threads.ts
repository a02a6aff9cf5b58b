import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import { readBoundedText } from "../base/files/read-bounded.ts";
import { makeDirectory } from "../base/files/write-file-atomic.ts";
import { isThreadId } from "../task/names/thread-id.ts";
import type { Origin } from "../task/rights/origin.ts";
import type { OriginKind } from "../task/rights/origin-kind.ts";

/** What the file of a thread holds in which tasks have been that came by a commit, or go back to one, and no others. */
const OF_COMMITS = "commit";

/**
 * The codex threads that runs of this workspace have begun: only these may be gone on in, whatever the branch or a task file names. What
 * was said in one stands in codex's own folder, unredacted: so a task of a commit goes on in none in which the user's own have been.
 * One small file each, in the coordinator's own folder.
 */
export interface OwnThreads {
  /** Returns why a task that comes this way may not go on in a thread; `undefined`: it may. */
  problem(thread: string, kind: OriginKind): string | undefined;
  /** Notes a thread that a run has begun, not durably: what a loss of power takes back is not gone on in, and a fresh one is begun. */
  add(thread: string, origin: Origin): void;
  /** Notes that a task goes on in a thread, before it is told anything. */
  enter(thread: string, origin: Origin): void;
}

export function openOwnThreads(dir: string): OwnThreads {
  const write = (thread: string, text: string): void => {
    const put = (): void => writeFileSync(join(dir, thread), text, { mode: 0o600 });
    try {
      try {
        put();
      } catch (error) {
        if (systemErrorCode(error) !== "ENOENT") throw error;
        makeDirectory(dir, 0o700);
        put();
      }
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error; // Else a fresh thread is begun next time, with what was said in this one.
    }
  };
  const isOwn = (thread: string): boolean => isThreadId(thread) && existsSync(join(dir, thread));
  const isOfCommits = (thread: string): boolean =>
    isOwn(thread) && readBoundedText(join(dir, thread), OF_COMMITS.length) === OF_COMMITS;
  return {
    problem(thread, kind) {
      if (!isOwn(thread)) return "no run of this workspace has begun it";
      if (kind !== "commit" || isOfCommits(thread)) return undefined;
      return "tasks have been in it that did not come by a commit, and what these said is not for one that did";
    },
    add(thread, origin) {
      if (isThreadId(thread)) write(thread, goesBackToCommit(origin) ? OF_COMMITS : "");
    },
    enter(thread, origin) {
      if (!goesBackToCommit(origin) && isOfCommits(thread)) write(thread, "");
    },
  };
}

function goesBackToCommit({ kind, bounds }: Origin): boolean {
  return kind === "commit" || bounds?.kinds.includes("commit") === true;
}
