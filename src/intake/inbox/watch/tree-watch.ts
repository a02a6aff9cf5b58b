import { basename, relative } from "node:path";
import { watch } from "chokidar";
import { FOLDER_DEPTH_MAX } from "../limits.ts";
import { isDropName, isIgnoredName } from "../name-rules.ts";

/**
 * Watches the folder at `path` and those below it. Calls `onChange` for whatever may have changed and when everything is
 * watched (after an error too: then it sees a part only), `onError` any number of times: with ENOENT when the folder itself is gone.
 */
export type TreeWatch = (path: string, onChange: () => void, onError: (error: unknown) => void) => TreeWatcher;

export interface TreeWatcher {
  close(): Promise<void>;
}

/**
 * Watches with chokidar, which is told of folders alone: their watchers see every file in them. It knows the files by its
 * `raw` events then, at once (10,000 files: 0.8 s earlier than by `add`) and with 60 MB less memory (measured with 6.0.0).
 */
export const watchTree: TreeWatch = (path, onChange, onError) => {
  const watcher = watch(path, {
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    depth: FOLDER_DEPTH_MAX,
    ignorePermissionErrors: true,
    ignored: (entry, stats) => isNotWatched(path, entry) || (stats !== undefined && !stats.isDirectory()),
  });
  watcher.on("raw", (_event, name) => {
    if (name === null || !isIgnoredName(basename(name))) onChange();
  });
  watcher.on("all", onChange);
  watcher.on("unlinkDir", (gone) => {
    if (gone === path) onError(Object.assign(new Error(`${path} is gone`), { code: "ENOENT" }));
  });
  watcher.on("ready", onChange);
  watcher.on("error", onError);
  return watcher;
};

/**
 * Only names below `root` count: the workspace itself may well lie below a dot-name. No session's folder is named like a drop; told of
 * drops, chokidar would list their folder anew for each that is taken out of it.
 */
function isNotWatched(root: string, entry: string): boolean {
  const below = relative(root, entry);
  return (
    below !== "" && !below.startsWith("..") && below.split("/").some((name) => isIgnoredName(name) || isDropName(name))
  );
}
