import type { ChangedFile, RunChange } from "../../state/run.ts";
import { inlineCode, plainMarkdown } from "../../text/markdown.ts";
import { CHANGED_BY, CHANGED_FILES_HEADING } from "./task-result.ts";

/** What one run of a task has changed, as results and interfaces tell it. Absent things are `null`. */
export interface TaskChange {
  readonly run: number;
  /** The run's own commit, and what it is compared with. */
  readonly commit: string | null;
  readonly parent: string | null;
  /** Of its session; `null` in a shared checkout, where a ref of ours alone holds it. */
  readonly branch: string | null;
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
  /** The commit of what somebody else had edited before. */
  readonly outside: string | null;
  /** What is in no commit, and why. */
  readonly leftOut: readonly { readonly path: string; readonly why: string }[];
  /** A change that looks as if it held a secret is on this ref alone, which never leaves the machine. */
  readonly held: { readonly ref: string; readonly commit: string; readonly paths: readonly string[] } | null;
  /** Why it is not recorded. */
  readonly problem: string | null;
  /** The commit that it merges besides. */
  readonly merged: string | null;
  /** What the session's branch did not merge with then: the work of a session, or `null`: what is checked out. */
  readonly overlaps: readonly { readonly with: string | null; readonly paths: readonly string[] }[];
}

const CHANGED_FILES_SHOWN_MAX = 200;
const LEFT_OUT_SHOWN_MAX = 10;
const OVERLAPS_SHOWN_MAX = 10;
const OVERLAP_PATHS_MAX = 10;
const WORDS_MAX = 300;
const ID_SHOWN = 12;

/** Returns what is told of a run's change; `undefined` where there is nothing to say. */
export function taskChange(run: number, files: number, change: RunChange | undefined): TaskChange | undefined {
  if (change === undefined) return undefined;
  const { commit, parent, branch, insertions, deletions, outside = null, held, problem = null, merged = null } = change;
  const leftOut = change.leftOut.slice(0, LEFT_OUT_SHOWN_MAX).map(({ path, why }) => ({ path, why }));
  const overlaps = (change.overlaps ?? [])
    .slice(0, OVERLAPS_SHOWN_MAX)
    .map(({ session, paths }) => ({ with: session, paths: paths.slice(0, OVERLAP_PATHS_MAX) }));
  if (commit === null && held === null && problem === null && leftOut.length + overlaps.length === 0) return undefined;
  return {
    run,
    commit,
    parent,
    branch,
    files,
    insertions,
    deletions,
    outside,
    leftOut,
    held,
    problem,
    merged,
    overlaps,
  };
}

/** Returns "3 files, 10 lines added, 2 removed". */
export function changeSize({ files, insertions, deletions }: TaskChange): string {
  const lines = insertions === 1 ? "line" : "lines";
  return `${files} ${files === 1 ? "file" : "files"}, ${insertions} ${lines} added, ${deletions} removed`;
}

/** Returns the part of a result that tells what was changed, in lines; empty where nothing was. */
export function changeLines(
  task: string,
  run: number,
  files: readonly ChangedFile[],
  changes: readonly TaskChange[],
): readonly string[] {
  const words = changes.flatMap((change) => sentences(task, change, change.run === run));
  if (files.length === 0 && words.length === 0) return [];
  const lines = words.map((sentence) => `${sentence}  `);
  return [CHANGED_FILES_HEADING, "", ...lines, ...(lines.length > 0 && files.length > 0 ? [""] : []), ...listed(files)];
}

function sentences(task: string, change: TaskChange, isLast: boolean): readonly string[] {
  const { run, commit, branch, outside, leftOut, held, problem, merged, overlaps } = change;
  const of = isLast ? "" : `Run ${run}: `;
  const place = branch === null ? `refs/codex-inbox/turns/${task}/${run}` : branch;
  const told: string[] = [];
  if (commit !== null)
    told.push(`${of}Commit ${inlineCode(commit.slice(0, ID_SHOWN))} (${inlineCode(place)}): ${changeSize(change)}.`);
  if (merged !== null)
    told.push(
      `${of}It merges ${inlineCode(merged.slice(0, ID_SHOWN))}; files that are as one of the two had them do not count.`,
    );
  if (held !== null) {
    const paths = held.paths.map(inlineCode).join(", ");
    told.push(
      `${of}What looks like a secret is in ${paths}: the change is on ${inlineCode(held.ref)} alone, which is never pushed.`,
    );
  }
  if (outside !== null)
    told.push(`${of}Edited before the run, and no part of it: ${inlineCode(outside.slice(0, ID_SHOWN))}.`);
  for (const { path, why } of leftOut)
    told.push(`${of}Not in the commit: ${inlineCode(path)} (${plainMarkdown(why, WORDS_MAX)}).`);
  for (const { with: other, paths } of overlaps) {
    const what = other === null ? "what is checked out" : `session ${inlineCode(other)}`;
    told.push(`${of}The session's work does not merge with ${what}: ${paths.map(inlineCode).join(", ")}.`);
  }
  if (problem !== null) told.push(`${of}The change is not recorded: ${plainMarkdown(problem, WORDS_MAX)}.`);
  return told;
}

function listed(files: readonly ChangedFile[]): readonly string[] {
  if (files.length === 0) return [""];
  const of = (by: ChangedFile["by"]): readonly ChangedFile[] => files.filter((file) => file.by === by);
  const ordered = [...of(undefined), ...of("patch"), ...of("other")];
  const lines: string[] = [];
  let author: ChangedFile["by"];
  for (const { path, change, by } of ordered.slice(0, CHANGED_FILES_SHOWN_MAX)) {
    if (by !== undefined && by !== author) lines.push(...(lines.length > 0 ? [""] : []), CHANGED_BY[by], "");
    author = by;
    lines.push(`- ${plainMarkdown(change, 40) || "changed"} ${inlineCode(path)}`);
  }
  const more = ordered.length - CHANGED_FILES_SHOWN_MAX;
  return [...lines, ...(more > 0 ? [`- and ${more} more`] : []), ""];
}

/** Returns what a committed file tells of its task's changes; what is no such list tells of none. */
export function parseChanges(value: unknown): readonly TaskChange[] {
  return Array.isArray(value) ? value.flatMap((one: unknown) => (isObject(one) ? [parseChange(one)] : [])) : [];
}

function parseChange(value: Readonly<Record<string, unknown>>): TaskChange {
  const { leftOut, held } = value;
  const commit = isObject(held) ? id(held.commit) : null;
  return {
    ...{ run: count(value.run), commit: id(value.commit), parent: id(value.parent), branch: text(value.branch) },
    ...{ files: count(value.files), insertions: count(value.insertions), deletions: count(value.deletions) },
    outside: id(value.outside),
    leftOut: (Array.isArray(leftOut) ? leftOut : []).flatMap((one: unknown) =>
      isObject(one) ? [{ path: String(one.path), why: String(one.why) }] : [],
    ),
    held:
      isObject(held) && commit !== null
        ? { ref: String(held.ref), commit, paths: (Array.isArray(held.paths) ? held.paths : []).map(String) }
        : null,
    problem: text(value.problem),
    merged: id(value.merged),
    overlaps: (Array.isArray(value.overlaps) ? value.overlaps : []).flatMap((one: unknown) =>
      isObject(one) ? [{ with: text(one.with), paths: (Array.isArray(one.paths) ? one.paths : []).map(String) }] : [],
    ),
  };
}

/** Whoever writes a result by hand makes git look up nothing but commits. */
function id(value: unknown): string | null {
  return typeof value === "string" && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value) ? value : null;
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
