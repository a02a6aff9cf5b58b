import type { TaskProblem, TaskSpec } from "../spec/task-spec.ts";
import type { KeptText } from "../text/kept-text.ts";

/** A Markdown file in inbox/ that is a valid task and has come to rest. */
export interface Drop {
  /** Relative to the workspace: "inbox/docs/typo.md". */
  readonly path: string;
  /** From the sub-folder; `undefined` directly in inbox/. Front matter wins over it. */
  readonly folderKey: string | undefined;
  /** The whole file, decoded as UTF-8 (a BOM stays in it as U+FEFF). */
  readonly text: string;
  readonly spec: TaskSpec;
  readonly warnings: readonly string[];
  /** Git's blob id of the bytes, in the repository's object format. */
  readonly blob: string;
  readonly modifiedAtMs: number;
  /** When its content or its name was changed: a file that was written elsewhere and moved here has an older `modifiedAtMs`. */
  readonly changedAtMs: number;
}

/** A file in inbox/ that cannot become a task as it is. */
export interface BrokenDrop {
  readonly path: string;
  readonly blob: string | undefined;
  readonly problems: readonly TaskProblem[];
}

/** One look at inbox/. */
export interface InboxScan {
  /** Ready to be claimed; oldest first (modification time, then path). */
  readonly drops: readonly Drop[];
  readonly broken: readonly BrokenDrop[];
  /** When the next settling file will have come to rest (Unix ms); `undefined` when none is settling. */
  readonly settledAtMs: number | undefined;
  /** Said once to the user: a limit was hit, a folder could not be read, … */
  readonly notices: readonly string[];
}

/** A drop that the branch holds although its task was taken already: the branch's copy has to go. */
export interface StaleDrop {
  readonly path: string;
  readonly blob: string;
  /** The task that was made of it. */
  readonly task?: string;
}

/** An error file that the branch shall hold (`content`) or lose (`undefined`). */
export interface ErrorFileChange {
  readonly path: KeptText;
  readonly subject: KeptText;
  readonly content: KeptText | undefined;
}
