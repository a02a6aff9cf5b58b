import type { GitPlace } from "../process/git-environment.ts";
import { runGit } from "../process/git-process.ts";

/** Signs our commits where the user has configured no name: git's own guess from the machine would be nobody's. */
const FALLBACK_IDENTITY = "codex-inbox <codex-inbox@localhost>";

/** Returns "Name <address>" as configured for this repository, or a name of our own. */
export async function readIdentity(place: GitPlace): Promise<string> {
  const result = await runGit(place, ["-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"]);
  const line = result.stdout.toString("utf8").trim();
  const end = line.lastIndexOf("> ") + 1;
  const identity = line.slice(0, end);
  const isIdentity = identity.includes("<") && /^ \d+ [+-]\d{4}$/.test(line.slice(end));
  return result.status === 0 && isIdentity ? identity : FALLBACK_IDENTITY;
}

/** Returns the author of our commits where the user names none: `git log --author=codex-inbox` finds them, and hides the others. */
export function authorFor(identity: string): string {
  return `codex-inbox ${identity.slice(identity.lastIndexOf("<"))}`;
}
