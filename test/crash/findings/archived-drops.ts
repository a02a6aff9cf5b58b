import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorFilePath, isErrorFile } from "../../../src/task/file/error-file.ts";
import { sessionFactsPath } from "../../../src/task/records/workspace-paths.ts";
import { foldFacts, parseFacts } from "../../../src/task/session/session-facts.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { type AskedTask, taskText } from "../asked-tasks.ts";

/**
 * Returns the tasks whose drops lie in the inbox of `repo` rightly: their session was archived before they were accepted, so they are
 * refused. The file is as it was written, its error file says just that, and the branch says it of the session.
 */
export function refusedAsArchived<Task extends AskedTask>(
  repo: Pick<GitRepo, "dir" | "tryGit">,
  tasks: readonly Task[],
): readonly Task[] {
  return tasks.filter(({ id, number, path, plan }) => {
    const session = path === undefined ? undefined : (plan.session ?? folderKey(path));
    if (id !== undefined || path === undefined || session === undefined) return false;
    if (textOf(join(repo.dir, path)) !== taskText(number, plan)) return false;
    const report = textOf(join(repo.dir, errorFilePath(path))) ?? "";
    const problems = report.split("\n").filter((line) => line.startsWith("- "));
    if (!isErrorFile(report) || problems.length !== 1) return false;
    if (problems[0]?.startsWith(`- the session "${session}" is archived. `) !== true) return false;
    const facts = repo.tryGit("show", `main:${sessionFactsPath(session)}`);
    return facts.status === 0 && foldFacts(parseFacts(facts.stdout)).archived;
  });
}

/** Names below inbox/ of what lies there of these tasks. */
export function namesInInbox(tasks: readonly AskedTask[]): ReadonlySet<string> {
  const paths = tasks.flatMap(({ path }) => (path === undefined ? [] : [path, errorFilePath(path)]));
  return new Set(paths.map((path) => path.slice("inbox/".length)));
}

function folderKey(path: string): string | undefined {
  const folder = dirname(path).slice("inbox/".length);
  return folder === "" ? undefined : folder;
}

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
