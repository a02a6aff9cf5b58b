import type { TaskChange } from "../../task/records/task-file/change-section.ts";

/** What one run has changed, and how. */
export interface RunDiff extends TaskChange {
  /** As `git diff` prints it, at most 2 MB; `null` where it cannot be shown. */
  readonly diff: string | null;
  readonly isCut: boolean;
  /** Why it cannot be shown. */
  readonly missing: string | null;
}

/** What the runs of a task have changed, in their order. */
export interface TaskDiff {
  readonly task: string;
  readonly title: string;
  readonly status: string;
  readonly changes: readonly RunDiff[];
}

export interface DiffOptions {
  /** This run alone. */
  readonly run?: number | undefined;
  /** Which files and by how many lines, in place of how. */
  readonly stat?: boolean | undefined;
}

/** Returns the diffs of several runs as one text, which `git apply` takes. What cannot be shown is said in lines that it passes over. */
export function diffText({ changes }: TaskDiff): string {
  return changes
    .map(({ run, diff, isCut, missing }) => {
      if (diff === null) return `# run ${run}: ${missing ?? ""}\n`;
      const cut = isCut ? "\n# cut: git diff shows all of it\n" : "";
      return `${changes.length > 1 ? `# run ${run}\n` : ""}${diff}${cut}`;
    })
    .join("");
}
