import { existsSync } from "node:fs";
import { join } from "node:path";
import { listInbox } from "../../intake/inbox/inbox-walk.ts";

/** More of inbox/ is not looked at, and of those that wait so many are named. */
const ENTRIES_MAX = 10_000;
const PATHS_SHOWN = 100;

/** What lies in inbox/ and waits for a coordinator to take it; paths begin with `inbox/`. */
export interface WaitingDrops {
  readonly count: number;
  /** The first 100, by path. */
  readonly paths: readonly string[];
}

/**
 * Names the files that would become tasks if the workspace were served; one that was refused (`.error.md` beside it) would not. Resolves
 * with `null` where there is none.
 */
export async function waitingDrops(workspaceDir: string): Promise<WaitingDrops | null> {
  const { files } = await listInbox(workspaceDir, ENTRIES_MAX);
  const isRefused = (path: string): boolean => existsSync(join(workspaceDir, path.replace(/\.md$/i, ".error.md")));
  const paths = files.map(({ path }) => path).filter((path) => !isRefused(path));
  if (paths.length === 0) return null;
  return { count: paths.length, paths: paths.sort().slice(0, PATHS_SHOWN) };
}
