import { join, relative } from "node:path";
import type { Log } from "../../base/surroundings.ts";
import { createChangedFiles } from "../../git/index/changed-files.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import type { StatePaths } from "../../store/state-paths.ts";
import { INBOX, LEDGER, ROTATED_LEDGERS, SESSIONS } from "../../task/records/workspace-paths.ts";
import type { ChangedFile } from "../../task/state/run.ts";

/** What changed in the work tree the agents work in. */
export interface Workplace {
  /** Absolute root that a task's `workdir` is relative to and may not leave. */
  readonly root: string;
  /** Uncommitted paths below `workdir` that were touched since `sinceMs` (Unix ms), ours left out. */
  changedFiles(workdir: string, sinceMs: number): Promise<readonly ChangedFile[]>;
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
        return await changed.list(join(place.workRoot, workdir), sinceMs);
      } catch (error) {
        log("changed-files-unknown", { workdir, reason: String(error) });
        return []; // What the agent answered is worth more than the list of what it touched.
      }
    },
  };
}
