import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { GitRepo } from "./git-repo.ts";

/** What a user does again and again; each works whatever was done before. */
const COMMANDS: readonly (readonly string[])[] = [
  ["status", "--porcelain"],
  ["commit", "--quiet", "--allow-empty", "-m", "mine"],
  ["switch", "--quiet", "--create", "topic"],
  ["log", "-1", "--format=%H"],
  ["switch", "--quiet", "-"],
  ["branch", "--quiet", "-D", "topic"],
  ["stash", "list"],
];

export interface UserReport {
  readonly commands: number;
  readonly failures: readonly string[];
}

/** A user at work in the checkout of `repo`, one command of git after the other, until `isOver`; each of them once at least. */
export async function workUntil(repo: GitRepo, isOver: () => boolean): Promise<UserReport> {
  const failures: string[] = [];
  let commands = 0;
  do {
    const args = COMMANDS[commands % COMMANDS.length] ?? [];
    commands += 1;
    await promisify(execFile)("git", args, { cwd: repo.dir }).catch((error: unknown) => failures.push(String(error)));
  } while (!isOver() || commands % COMMANDS.length !== 0);
  return { commands, failures };
}
