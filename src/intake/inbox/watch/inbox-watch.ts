import { type FSWatcher, lstatSync, watch as watchFolder } from "node:fs";
import { basename, join } from "node:path";
import { systemErrorCode } from "../../../base/errors.ts";
import { INBOX } from "../../../task/records/workspace-paths.ts";
import { UNWATCHED_RESCAN_MS } from "../limits.ts";
import { type TreeWatch, type TreeWatcher, watchTree } from "./tree-watch.ts";

export interface InboxWatchOptions {
  readonly workspaceDir: string;
  /** How often to look without being told. */
  readonly rescanMs: number;
  readonly onHint: () => void;
  readonly onNotice: (message: string) => void;
  readonly watchTree?: TreeWatch;
}

/** Hints that inbox/ may have changed. Never the truth: a hint may be missing, late, or for nothing. */
export interface InboxWatch {
  start(): void;
  stop(): Promise<void>;
}

/** How often is looked whether the folders that are watched are still there: a watcher of a repository that was away may stay silent. */
const FOLLOW_MS = 1_000;

/** The user's share of inotify is used up. From then on a watcher sees a part of the files, and says nothing of the others. */
const LIMIT_ERRORS = new Set(["ENOSPC", "EMFILE", "ENFILE"]);

/**
 * Returns a watch of inbox/. The folder may be missing, and may be removed and made again: a watcher of a removed folder can
 * stay silent for ever, so the folder's entry in the workspace is watched too, and its identity checked at every look.
 */
export function createInboxWatch(options: InboxWatchOptions): InboxWatch {
  return new Watch(options);
}

class Watch implements InboxWatch {
  readonly #options: InboxWatchOptions;
  readonly #inboxDir: string;
  readonly #closing = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #follower: NodeJS.Timeout | undefined;
  #hint: NodeJS.Immediate | undefined;
  #parent: { readonly identity: string; readonly watcher: FSWatcher } | undefined;
  #tree: { readonly identity: string; readonly watcher: TreeWatcher } | undefined;
  #isLimited = false;

  constructor(options: InboxWatchOptions) {
    this.#options = options;
    this.#inboxDir = join(options.workspaceDir, INBOX);
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), this.#options.rescanMs);
    this.#follower = setInterval(() => this.#follow(), FOLLOW_MS);
    this.#look();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#follower);
    clearImmediate(this.#hint);
    this.#timer = undefined;
    this.#closeParent();
    this.#closeTree();
    await Promise.all(this.#closing);
  }

  #look(): void {
    this.#follow();
    this.#hintSoon();
  }

  #follow(): void {
    this.#followParent();
    this.#followInbox();
  }

  /** One hint per turn of the event loop: by then a new folder's watcher is in place, so that nothing falls between the two. */
  #hintSoon(): void {
    if (this.#timer === undefined || this.#hint !== undefined) return;
    this.#hint = setImmediate(() => {
      this.#hint = undefined;
      this.#options.onHint();
    });
  }

  #followParent(): void {
    const identity = folderIdentity(this.#options.workspaceDir);
    if (this.#isLimited || identity === this.#parent?.identity) return;
    this.#closeParent();
    if (identity === undefined) return;
    try {
      const watcher = watchFolder(this.#options.workspaceDir, (event, name) => this.#onParentEvent(event, name));
      watcher.on("error", (error) => this.#onError(error));
      this.#parent = { identity, watcher };
    } catch (error) {
      this.#onError(error);
    }
  }

  #onParentEvent(event: string, name: string | null): void {
    // Its own name: the workspace was moved, and what watches it and below may stay silent, also when it is back at once.
    if (event === "rename" && name === basename(this.#options.workspaceDir)) {
      this.#closeParent();
      this.#closeTree();
      this.#look();
      return;
    }
    if (name !== null && name !== INBOX) return;
    // Made, removed or exchanged. The inode number may be the same again, so identity does not tell.
    if (event === "rename") this.#closeTree();
    this.#followInbox();
    this.#hintSoon();
  }

  #followInbox(): void {
    const identity = folderIdentity(this.#inboxDir);
    if (this.#isLimited || identity === this.#tree?.identity) return;
    this.#closeTree();
    if (identity === undefined) return;
    const watch = this.#options.watchTree ?? watchTree;
    const watcher = watch(
      this.#inboxDir,
      () => this.#hintSoon(),
      (error) => this.#onError(error),
    );
    this.#tree = { identity, watcher };
    this.#hintSoon(); // Nobody has watched since the last one was closed.
  }

  #onError(error: unknown): void {
    const code = systemErrorCode(error) ?? String(error);
    if (code === "ENOENT") this.#closeTree(); // The folder is gone: its watcher says nothing more when it comes back.
    // Parts of it cannot be read, which the scan tells of.
    if (this.#timer === undefined || code === "ENOENT" || code === "EACCES" || code === "EPERM") return;
    if (!LIMIT_ERRORS.has(code))
      this.#options.onNotice(`watching ${INBOX}/ failed (${code}); it is looked at every now and then`);
    else if (!this.#isLimited) this.#giveUpWatching(code);
  }

  #giveUpWatching(code: string): void {
    this.#isLimited = true;
    this.#closeParent();
    this.#closeTree();
    clearInterval(this.#timer);
    const rescanMs = Math.min(this.#options.rescanMs, UNWATCHED_RESCAN_MS);
    this.#timer = setInterval(() => this.#hintSoon(), rescanMs);
    this.#options.onNotice(
      `${INBOX}/ cannot be watched (${code}: the limit of inotify is reached); it is looked at every ${rescanMs} ms instead. ` +
        `To watch it again, raise the limit and start again: sudo sysctl ${settingFor(code)}`,
    );
    this.#hintSoon();
  }

  #closeParent(): void {
    this.#parent?.watcher.close();
    this.#parent = undefined;
  }

  #closeTree(): void {
    const closing = this.#tree?.watcher.close();
    this.#tree = undefined;
    if (closing === undefined) return;
    const done = closing.then(
      () => undefined,
      (error: unknown) => this.#onError(error),
    );
    this.#closing.add(done);
    void done.then(() => this.#closing.delete(done));
  }
}

function settingFor(code: string): string {
  return code === "ENOSPC" ? "fs.inotify.max_user_watches=524288" : "fs.inotify.max_user_instances=1024";
}

/** Returns what tells one folder from another at the same path, as far as that can be told; `undefined` where no folder is. */
function folderIdentity(path: string): string | undefined {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats?.isDirectory() === true ? `${stats.dev}:${stats.ino}:${stats.birthtimeMs}` : undefined;
  } catch {
    return undefined; // It cannot be watched either; the scan says why.
  }
}
