import { foldLedger, isFinal, type LedgerRow, parseLedger } from "../../src/task/ledger/ledger.ts";
import { type ParsedTaskFile, parseTaskFile } from "../../src/task/records/parsed-task-file.ts";
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

interface CommittedFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly blob: string;
}

/** Reads the workspace in `branch`, in the folder of the work tree that `repo` stands in. */
export function readResults(repo: GitRepo, branch: string): WorkspaceResults {
  const list = (...folders: readonly string[]): readonly CommittedFile[] =>
    repo
      .git("ls-tree", "-r", "-z", branch, "--", ...folders)
      .split("\0")
      .flatMap((line) => {
        const [, blob, path] = /^\d+ blob (\S+)\t(.*)$/s.exec(line) ?? [];
        return blob === undefined || path === undefined ? [] : [{ path, blob }];
      });
  /** By blob, so that a test that looks again and again reads only what is new. */
  const texts = new Map<string, string>();
  const show = ({ blob }: CommittedFile): string => {
    const text = texts.get(blob) ?? repo.tryGit("cat-file", "blob", blob).stdout;
    texts.set(blob, text);
    return text;
  };

  const tasks = (): readonly (ParsedTaskFile & { readonly path: string })[] =>
    list("sessions")
      .filter(({ path }) => path.endsWith(".md"))
      .flatMap((one) => {
        const file = parseTaskFile(show(one));
        return file === undefined ? [] : [{ ...file, path: one.path }];
      });
  const rows = (): readonly LedgerRow[] => list("tasks.md", "tasks").flatMap((one) => parseLedger(show(one)));
  const transcriptFiles = (sessionKey: string): readonly CommittedFile[] =>
    list(`sessions/${sessionKey}`).filter(({ path }) => /\/transcript(\/[^/]+)?\.jsonl$/.test(path));

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
      transcriptFiles(sessionKey).flatMap((one) =>
        show(one)
          .split("\n")
          .filter((line) => line !== ""),
      ),
    transcript: (sessionKey) => transcriptFiles(sessionKey).flatMap((one) => parseTranscript(show(one))),
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
