import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { isFinal } from "../../src/task/ledger/ledger.ts";
import type { TranscriptEntry } from "../../src/task/session/transcript-entry.ts";
import type { TestWorkspace } from "./workspace.ts";

/** What has to be true of a workspace in which everything is done, whatever happened on the way. */
export interface Settled {
  /** How many tasks were ever asked for. */
  readonly tasks: number;
  /** The status they all ended with; "succeeded" unless given. */
  readonly status?: string;
}

/** Checks that nothing was lost, nothing happened twice, and nothing is left lying about; then commits something as the user. */
export function expectSettled(workspace: TestWorkspace, { tasks, status = "succeeded" }: Settled): void {
  const { results, repo } = workspace;
  const files = results.tasks();
  const ids = files.map(({ id }) => id).sort();
  expect(files.map((file) => file.status)).toEqual(Array.from({ length: tasks }, () => status));
  expect(new Set(ids).size, "one file for each task").toBe(tasks);

  const commits = results.commits();
  expect(commits.map(({ task }) => task).sort(), "one commit for each task").toEqual(ids);
  const finalRows = results.rows().filter((row) => isFinal(row.status));
  expect(finalRows.map(({ task }) => task).sort(), "one final row for each task").toEqual(ids);
  expect(results.openTasks()).toEqual([]);
  for (const session of new Set(files.map(({ sessionKey }) => sessionKey))) {
    const keys = results.transcriptLines(session).map((line) => keyOf(JSON.parse(line)));
    expect(keys, `no line of ${session}'s transcript twice`).toEqual([...new Set(keys)]);
  }

  expect(leftLying(workspace)).toEqual({});
  expect(existsSync(join(workspace.stateDir, "lock")), "the lock of a coordinator").toBe(false);
  expect(repo.git("status", "--porcelain"), "git status").toBe("");
  expect(repo.tryGit("fsck", "--full", "--strict", "--no-dangling"), "git fsck").toMatchObject({
    status: 0,
    stdout: "",
  });
  expect(workspace.agentPids(), "processes of agents").toEqual([]);
  repo.write("notes.txt", `The user goes on after ${tasks}.\n`);
  repo.git("add", "notes.txt");
  repo.git("commit", "--quiet", "-m", "the user goes on");
}

/** Returns what is in inbox/ and in the folders that are empty while nothing is to be done, and git's locks; nothing where that is nothing. */
export function leftLying(workspace: TestWorkspace): Readonly<Record<string, readonly string[]>> {
  const folders = ["accepting", "runs", "journal/open", "session-locks", "wishes", "tmp"];
  const found: readonly (readonly [string, readonly string[]])[] = [
    ["inbox", inboxFiles(workspace)],
    ...folders.map((folder) => [folder, workspace.stateFiles(folder)] as const),
    ["locks", locksIn(join(workspace.dir, ".git"))],
  ];
  return Object.fromEntries(found.filter(([, paths]) => paths.length > 0));
}

function keyOf({ task, run, line, body }: TranscriptEntry): string {
  return `${task} ${run} ${line}${body.kind === "context" ? " context" : ""}`;
}

function inboxFiles(workspace: TestWorkspace): readonly string[] {
  return readdirSync(join(workspace.dir, "inbox"), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && entry.name !== "README.md" && entry.name !== ".gitignore")
    .map(({ name }) => name)
    .sort();
}

function locksIn(gitDir: string): readonly string[] {
  const found = ["index.lock", "HEAD.lock", "refs/heads/main.lock"];
  return found.filter((name) => existsSync(join(gitDir, name)));
}
