import { existsSync } from "node:fs";
import { join } from "node:path";
import { listInbox } from "../../../intake/inbox/inbox-walk.ts";

/** More of inbox/ is not looked at, and of those that wait so many are named. */
const ENTRIES_MAX = 10_000;
const PATHS_SHOWN = 100;

/** What lies in inbox/ and waits for a coordinator to take it; paths begin with `inbox/`. */
export interface WaitingDrops {
  readonly count: number;
  /** The first 100, by path. */
  readonly paths: readonly string[];
}

/** What lies in inbox/ as files tell, where no coordinator says it. */
export interface InboxView {
  /** What would become tasks if the workspace were served; `null` where nothing would. */
  readonly inbox: WaitingDrops | null;
  /** What was refused (`.error.md` beside it); the first 100, by path. */
  readonly broken: readonly string[];
}

/** Names the files that would become tasks if the workspace were served, and those that were refused. */
export async function lookIntoInbox(workspaceDir: string): Promise<InboxView> {
  const { files } = await listInbox(workspaceDir, ENTRIES_MAX);
  const isRefused = (path: string): boolean => existsSync(join(workspaceDir, path.replace(/\.md$/i, ".error.md")));
  const { true: refused = [], false: waiting = [] } = Object.groupBy(files.map(({ path }) => path).sort(), (path) =>
    isRefused(path) ? "true" : "false",
  );
  return {
    inbox: waiting.length === 0 ? null : { count: waiting.length, paths: waiting.slice(0, PATHS_SHOWN) },
    broken: refused.slice(0, PATHS_SHOWN),
  };
}
