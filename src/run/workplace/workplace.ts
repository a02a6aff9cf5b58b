import { join, relative } from "node:path";
import type { Log } from "../../base/surroundings.ts";
import { createChangedFiles } from "../../git/index/changed-files.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import type { StatePaths } from "../../store/state-paths.ts";
import { INBOX, LEDGER, ROTATED_LEDGERS, SESSIONS } from "../../task/records/workspace-paths.ts";

/** What changed in the work tree the agents work in. */
export interface Workplace {
  /** Absolute root that a task's `workdir` is relative to and may not leave. */
  readonly root: string;
  /** Uncommitted paths below `workdir` that were touched since `sinceMs` (Unix ms), ours left out; each also as an absolute one, links resolved. */
  changedFiles(workdir: string, sinceMs: number): Promise<readonly TouchedFile[]>;
}

/** A path that differs from HEAD, from the top of its work tree, and how. */
export interface TouchedFile {
  readonly path: string;
  readonly change: string;
  readonly absolutePath: string;
}

/** Agents may work in the checkout that holds our own files: these are left out of what they changed. */
export function openWorkplace(place: WorkspacePlace, paths: StatePaths, log: Log): Workplace {
  const prefix = relative(place.topDir, place.workspaceDir);
  const ours = [INBOX, SESSIONS, LEDGER, ROTATED_LEDGERS].map((path) => (prefix === "" ? path : `${prefix}/${path}`));
  const changed = createChangedFiles({ keepDir: paths.codeIndex, home: { topDir: place.topDir, ours } });
  return {
    root: place.workRoot,
    async changedFiles(workdir, sinceMs) {
      try {
        const dir = join(place.workRoot, workdir);
        const files = await changed.list(dir, sinceMs);
        if (files.length === 0) return [];
        const topDir = await changed.topOf(dir);
        return files.map((file) => ({ ...file, absolutePath: join(topDir, file.path) }));
      } catch (error) {
        log("changed-files-unknown", { workdir, reason: String(error) });
        return []; // What the agent answered is worth more than the list of what it touched.
      }
    },
  };
}
