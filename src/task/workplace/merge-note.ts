import { inlineCode } from "../text/markdown.ts";

/** A merge that a run is to settle. */
export interface MergeToSettle {
  /** How what is merged is called: a branch without `refs/heads/`, or a commit's id. */
  readonly name: string;
  /** Its commit. */
  readonly target: string;
  /** Files in which conflicts are marked; and others that have one: deleted on one side, or binary. */
  readonly marked: readonly string[];
  readonly unmarked: readonly string[];
}

const PATHS_MAX = 50;

/** Returns what an agent is told of that at the end of its prompt. */
export function mergeNote({ name, marked, unmarked }: MergeToSettle): string {
  const parts = [
    ...(marked.length === 0
      ? []
      : [
          `Both sides have changed the same places in these files. There, the lines between <<<<<<< and ======= are this session's, those between ======= and >>>>>>> are those of ${inlineCode(name)}. Make of both what keeps what either was for, and remove the marks:\n\n${listed(marked)}`,
        ]),
    ...(unmarked.length === 0
      ? []
      : [
          `These have a conflict that cannot be marked (one side has deleted or renamed what the other has changed, or the file is binary); they are as this session has them, where it has them. Look whether that is right, and edit or delete them:\n\n${listed(unmarked)}`,
        ]),
    ...(marked.length + unmarked.length === 0 ? ["Nothing of it is in conflict. Look whether both go together."] : []),
  ];
  return `\n\n## Merge\n\n${inlineCode(name)} was merged into the files here. The merge is committed when your turn ends: run no command of git that writes.\n\n${parts.join("\n\n")}\n`;
}

/** Says that what a session was to merge is part of its branch already. */
export const NOTHING_TO_MERGE = "\n\n## Merge\n\nThere was nothing to merge: the files here have all of it already.\n";

function listed(paths: readonly string[]): string {
  const more = paths.length > PATHS_MAX ? [`- and ${paths.length - PATHS_MAX} more`] : [];
  return [...paths.slice(0, PATHS_MAX).map((path) => `- ${inlineCode(path)}`), ...more].join("\n");
}
