import type { CommitPlan, FileEdit } from "../../src/task/records/commit-plan.ts";
import { asKeptText } from "../../src/task/text/kept-text.ts";

/** Returns an edit that gives the file this text. */
export function put(path: string, text: string): FileEdit {
  return { path: asKeptText(path), apply: (current) => (current === text ? "unchanged" : asKeptText(text)) };
}

/** Returns an edit that appends a line unless the file has it, as the ledger does. */
export function append(path: string, line: string): FileEdit {
  return {
    path: asKeptText(path),
    apply: (current = "") => (current.split("\n").includes(line) ? "unchanged" : asKeptText(`${current}${line}\n`)),
  };
}

export function remove(path: string): FileEdit {
  return { path: asKeptText(path), apply: () => "absent" };
}

export function plan(label: string, ...edits: readonly FileEdit[]): CommitPlan {
  return { label, message: asKeptText(`docs: ${label}\n\nTask-Id: ${label}\n`), edits };
}

/** The edits a finished task makes: its file, one row of the ledger, one line of the transcript. */
export function result(id: string): CommitPlan {
  const edits = [
    put(`sessions/docs/2026-11-20/${id}.md`, `# ${id}\n`),
    append("sessions/docs/transcript.jsonl", `{"task":"${id}"}`),
    append("tasks.md", `| ${id} | succeeded |`),
  ];
  return plan(id, ...edits);
}

/** A signal that never aborts. */
export const ALWAYS = new AbortController().signal;
