import { join, relative } from "node:path";
import { createChangedFiles } from "../../git/index/changed-files.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import type { Log, WorkTreePort } from "../../dispatch/ports.ts";
import type { StatePaths } from "../../store/state-paths.ts";
import { INBOX, LEDGER, ROTATED_LEDGERS, SESSIONS } from "../../task/records/workspace-paths.ts";

/** Agents may work in the checkout that holds our own files: these are left out of what they changed. */
export function openWorkTree(place: WorkspacePlace, paths: StatePaths, log: Log): WorkTreePort {
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
