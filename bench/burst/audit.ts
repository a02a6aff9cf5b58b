import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Drop } from "../support/drops.ts";
import { git } from "../support/workspace.ts";

/** What Git holds of a number of tasks. */
export interface Audit {
  /** Tasks that succeeded and whose result is in the branch, in exactly one commit and one file. */
  readonly exactlyOnce: number;
  /** What is wrong with the others. */
  readonly problems: readonly string[];
}

export async function audit(dir: string, drops: readonly Drop[]): Promise<Audit> {
  const trailers = ["Task-Id", "Task-Status"].map((key) => `%(trailers:key=${key},valueonly,separator=%x2C)`);
  const log = await git(dir, "log", `--format=${trailers.join(" ")}`, "main");
  const commits = new Map<string, string[]>();
  for (const line of log.split("\n")) {
    const [task = "", status = ""] = line.split(" ");
    commits.set(task, [...(commits.get(task) ?? []), status]);
  }
  const files = new Map<string, number>();
  for (const path of (await git(dir, "ls-tree", "-r", "--name-only", "main", "sessions/")).split("\n")) {
    const [, date = "", time, end] =
      /(\d{4}-\d\d-\d\d)(?:-\d+)?\/(?:.*\/)?(\d{6})-[^/]*?([0-9a-z]{6})\.md$/.exec(path) ?? [];
    const id = `${date.replaceAll("-", "")}-${time}-${end}`;
    files.set(id, (files.get(id) ?? 0) + 1);
  }
  const problems = drops.flatMap(({ id }) => {
    const statuses = commits.get(id) ?? [];
    const found = files.get(id) ?? 0;
    const inbox = existsSync(join(dir, "inbox", `${id}.md`));
    if (statuses.join() === "succeeded" && found === 1 && !inbox) return [];
    return [`${id}: commits ${JSON.stringify(statuses)}, result files ${found}${inbox ? ", still in inbox/" : ""}`];
  });
  return { exactlyOnce: drops.length - problems.length, problems };
}
