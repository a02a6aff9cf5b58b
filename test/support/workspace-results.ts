import { foldLedger, isFinal, type LedgerRow, parseLedger } from "../../src/task/ledger/ledger.ts";
import { type ParsedTaskFile, parseTaskFile } from "../../src/task/records/task-record.ts";
import { parseTranscript } from "../../src/task/session/transcript.ts";
import type { TranscriptEntry } from "../../src/task/session/transcript-entry.ts";
import type { GitRepo } from "./git-repo.ts";

/** A commit of a task's result. */
export interface ResultCommit {
  readonly commit: string;
  readonly subject: string;
  readonly task: string;
  readonly status: string;
}

/** What the branch says, and nothing but the branch. */
export interface WorkspaceResults {
  /** Every committed task file. */
  tasks(): readonly (ParsedTaskFile & { readonly path: string })[];
  /** The one committed task whose prompt contains `text`. @throws Error where it is not exactly one */
  task(text: string): ParsedTaskFile & { readonly path: string };
  /** Every row of the ledger, also of its rotated files. */
  rows(): readonly LedgerRow[];
  /** Tasks that the ledger calls open. */
  openTasks(): readonly string[];
  /** Every line of the session's transcript files, repeated ones included. */
  transcriptLines(sessionKey: string): readonly string[];
  transcript(sessionKey: string): readonly TranscriptEntry[];
  /** The commits that carry a Task-Id, newest first; one entry for each such trailer. */
  commits(): readonly ResultCommit[];
}

/** Reads the workspace in `branch`, in the folder of the work tree that `repo` stands in. */
export function readResults(repo: GitRepo, branch: string): WorkspaceResults {
  const list = (...folders: readonly string[]): readonly string[] =>
    repo
      .git("ls-tree", "-r", "--name-only", "-z", branch, "--", ...folders)
      .split("\0")
      .filter((path) => path !== "");
  const show = (path: string): string => repo.tryGit("cat-file", "blob", `${branch}:./${path}`).stdout;

  const tasks = (): readonly (ParsedTaskFile & { readonly path: string })[] =>
    list("sessions")
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) => {
        const file = parseTaskFile(show(path));
        return file === undefined ? [] : [{ ...file, path }];
      });
  const rows = (): readonly LedgerRow[] => list("tasks.md", "tasks").flatMap((path) => parseLedger(show(path)));
  const transcriptFiles = (sessionKey: string): readonly string[] =>
    list(`sessions/${sessionKey}`).filter((path) => /\/transcript(\/[^/]+)?\.jsonl$/.test(path));

  return {
    tasks,
    task(text) {
      const found = tasks().filter(({ prompt }) => prompt.includes(text));
      const [only, second] = found;
      if (only !== undefined && second === undefined) return only;
      throw new Error(`${found.length} committed tasks say "${text}"`);
    },
    rows,
    openTasks: () => [...foldLedger(rows())].filter(([, row]) => !isFinal(row.status)).map(([id]) => id),
    transcriptLines: (sessionKey) =>
      transcriptFiles(sessionKey).flatMap((path) =>
        show(path)
          .split("\n")
          .filter((line) => line !== ""),
      ),
    transcript: (sessionKey) => transcriptFiles(sessionKey).flatMap((path) => parseTranscript(show(path))),
    commits() {
      const format =
        "%H%x00%s%x00%(trailers:key=Task-Id,valueonly,separator=%x2C)%x00%(trailers:key=Task-Status,valueonly)";
      const log = repo.git("log", "--no-color", "-z", `--format=${format}%x01`, branch);
      return log.split("\x01").flatMap((text): ResultCommit[] => {
        const [commit = "", subject = "", ids = "", status = ""] = text.replace(/^\0/, "").split("\0");
        return ids
          .split(",")
          .filter((id) => id.trim() !== "")
          .map((id) => ({ commit, subject, task: id.trim(), status: status.trim() }));
      });
    },
  };
}
