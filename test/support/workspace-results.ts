import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { foldLedger, isFinal, type LedgerRow, parseLedger } from "../../src/task/ledger/ledger.ts";
import { type ParsedTaskFile, parseTaskFile } from "../../src/task/records/task-file/parsed-task-file.ts";
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

/** Reads the workspace in `branch`, in the folder of the work tree that `repo` stands in. Starts git only where the branch has moved since. */
export function readResults(repo: GitRepo, branch: string): WorkspaceResults {
  const atTip = keptByTip(repo, branch);
  const list = (...folders: readonly string[]): readonly CommittedFile[] =>
    atTip(`list ${folders.join(" ")}`, () =>
      repo
        .git("ls-tree", "-r", "-z", branch, "--", ...folders)
        .split("\0")
        .flatMap((line) => {
          const [, blob, path] = /^\d+ blob (\S+)\t(.*)$/s.exec(line) ?? [];
          return blob === undefined || path === undefined ? [] : [{ path, blob }];
        }),
    );
  const texts = new Map<string, string>();
  const show = (files: readonly CommittedFile[]): readonly string[] => {
    const unread = [...new Set(files.map(({ blob }) => blob))].filter((blob) => !texts.has(blob));
    for (const [blob, text] of readBlobs(repo, unread)) texts.set(blob, text);
    return files.map(({ blob }) => texts.get(blob) ?? "");
  };

  const tasks = (): readonly (ParsedTaskFile & { readonly path: string })[] =>
    atTip("tasks", () => {
      const files = list("sessions").filter(({ path }) => path.endsWith(".md"));
      return show(files).flatMap((text, index) => {
        const file = parseTaskFile(text);
        return file === undefined ? [] : [{ ...file, path: files[index]?.path ?? "" }];
      });
    });
  const rows = (): readonly LedgerRow[] => show(list("tasks.md", "tasks")).flatMap(parseLedger);
  const transcripts = (sessionKey: string): readonly string[] =>
    show(list(`sessions/${sessionKey}`).filter(({ path }) => /\/transcript(\/[^/]+)?\.jsonl$/.test(path)));

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
      transcripts(sessionKey).flatMap((text) => text.split("\n").filter((line) => line !== "")),
    transcript: (sessionKey) => transcripts(sessionKey).flatMap((text) => parseTranscript(text)),
    commits: () => atTip("commits", () => resultCommits(repo, branch)),
  };
}

function resultCommits(repo: GitRepo, branch: string): readonly ResultCommit[] {
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
}

/** Returns what keeps an answer until the branch moves. The branch is looked up without git, as the tests that wait do it every 10 ms. */
function keptByTip(repo: GitRepo, branch: string): <Value>(name: string, read: () => Value) => Value {
  const name = branch.startsWith("refs/") ? branch : `refs/heads/${branch}`;
  let commonDir: string | undefined;
  let tip: string | undefined;
  const kept = new Map<string, unknown>();
  const tipNow = (): string => {
    commonDir ??= resolve(repo.dir, repo.git("rev-parse", "--git-common-dir"));
    try {
      return readFileSync(join(commonDir, name), "utf8");
    } catch {
      return repo.git("rev-parse", "--verify", name); // Packed, or there is no such branch: git says so.
    }
  };
  return <Value>(what: string, read: () => Value): Value => {
    const now = tipNow();
    if (now !== tip) kept.clear();
    tip = now;
    if (!kept.has(what)) kept.set(what, read());
    return kept.get(what) as Value;
  };
}

/** Reads blobs by one start of git. */
export function readBlobs(repo: GitRepo, blobs: readonly string[]): readonly (readonly [blob: string, text: string])[] {
  if (blobs.length === 0) return [];
  const input = blobs.map((blob) => `${blob}\n`).join("");
  const { stdout, stderr } = spawnSync("git", ["cat-file", "--batch"], { cwd: repo.dir, input, maxBuffer: 1 << 28 });
  let at = 0;
  return blobs.map((blob) => {
    const lineEnd = stdout.indexOf("\n", at);
    const size = Number(/ blob (\d+)$/.exec(stdout.toString("latin1", at, lineEnd))?.[1] ?? Number.NaN);
    if (lineEnd === -1 || Number.isNaN(size)) throw new Error(`git cat-file: no blob ${blob}: ${stderr}`);
    at = lineEnd + 1 + size + 1;
    return [blob, stdout.toString("utf8", lineEnd + 1, lineEnd + 1 + size)];
  });
}
