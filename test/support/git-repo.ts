import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type GitAnswer, runGitSync } from "./git-starter.ts";

/** A repository to play the user in. Paths are relative to `dir`. */
export interface GitRepo {
  readonly dir: string;
  /** Runs git and returns what it printed, without the last line break. @throws Error with git's message when it fails */
  git(...args: readonly string[]): string;
  tryGit(...args: readonly string[]): GitAnswer;
  write(path: string, text: string | Uint8Array): void;
  /** Returns the file's text, or `undefined` where there is none. */
  read(path: string): string | undefined;
}

/** Returns a handle on the work tree at `dir`. */
export function gitRepoAt(dir: string): GitRepo {
  const tryGit = (...args: readonly string[]): GitAnswer => runGitSync(dir, args);
  return {
    dir,
    tryGit,
    git(...args) {
      const { status, stdout, stderr } = tryGit(...args);
      if (status !== 0) throw new Error(`git ${args.join(" ")} ended with ${status}: ${stderr}${stdout}`);
      return stdout.trimEnd();
    },
    write(path, text) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    },
    read: (path) => (existsSync(join(dir, path)) ? readFileSync(join(dir, path), "utf8") : undefined),
  };
}

export interface RepoShape {
  readonly objectFormat?: "sha1" | "sha256";
  /** Leave the branch unborn. */
  readonly empty?: boolean;
  /** Keep the git directory there (absolute) instead of in `.git`. */
  readonly gitDir?: string;
  /** Configure no name for commits. */
  readonly anonymous?: boolean;
}

const CONFIG = `[gc]
\tauto = 0
[maintenance]
\tauto = false
[commit]
\tgpgSign = false
[core]
\thooksPath = /dev/null
`;

/** Makes a repository with one commit on `main` in the folder `dir`; no maintenance ever starts in it. */
export function makeGitRepo(dir: string, shape: RepoShape = {}): GitRepo {
  mkdirSync(dir, { recursive: true });
  const repo = gitRepoAt(dir);
  const place = shape.gitDir === undefined ? [] : [`--separate-git-dir=${shape.gitDir}`];
  repo.git("init", "--quiet", "-b", "main", `--object-format=${shape.objectFormat ?? "sha1"}`, ...place);
  const name = shape.anonymous === true ? "" : "[user]\n\tname = User\n\temail = user@example.org\n";
  appendFileSync(join(shape.gitDir ?? join(dir, ".git"), "config"), CONFIG + name); // In place of six starts of git.
  if (shape.empty !== true) {
    repo.write("README.md", "# Project\n");
    repo.write("src/main.c", "int main(void) { return 0; }\n");
    repo.git("add", "--all");
    repo.git("-c", "user.name=User", "-c", "user.email=user@example.org", "commit", "--quiet", "-m", "first");
  }
  return repo;
}
