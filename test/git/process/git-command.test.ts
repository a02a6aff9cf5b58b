import { describe, expect, it } from "vitest";
import { mayWrite, parseGitCommand } from "../../../src/git/process/git-command.ts";

const words = (line: string): readonly string[] => line.split(" ");

describe("a command line of git", () => {
  it("is read past its global options", () => {
    const line = "/usr/bin/git -c user.name=x -C sub -C .. --git-dir=.git --work-tree /w --no-pager commit -m -C";
    expect(parseGitCommand(words(line))).toEqual({
      name: "commit",
      rest: ["-m", "-C"],
      changesTo: ["sub", ".."],
      gitDir: ".git",
      workTree: "/w",
    });
  });

  it("may be a program of its own", () => {
    expect(parseGitCommand(words("/usr/lib/git-core/git-remote-https origin")).name).toBe("remote-https");
  });

  it.each([
    ["git log -p", false],
    ["git --paginate diff", false],
    ["git --version", false],
    ["git status --short", false],
    ["git fetch --all", false],
    ["git gc --auto", false],
    ["git branch --list", false],
    ["git branch -vv", false],
    ["git branch -m old new", true],
    ["git branch --force main HEAD", true],
    ["git stash list", false],
    ["git stash", true],
    ["git stash pop", true],
    ["git worktree list", false],
    ["git worktree remove x", true],
    ["git commit", true],
    ["git -c core.editor=vi commit --amend", true],
    ["git rebase -i main", true],
    ["git checkout main", true],
    ["git pull", true],
    ["git add -p", true],
    ["git update-ref refs/heads/main HEAD", true],
    ["git an-alias-of-somebody", true],
  ])("%s: may write is %s", (line, expected) => {
    expect(mayWrite(parseGitCommand(words(line)))).toBe(expected);
  });
});
