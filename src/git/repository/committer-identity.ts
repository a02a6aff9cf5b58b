import type { GitPlace } from "../process/git-environment.ts";
import { runGit } from "../process/git-process.ts";

/** Signs our commits where the user has configured no name: git's own guess from the machine would be nobody's. */
const FALLBACK_IDENTITY = "codex-inbox <codex-inbox@localhost>";

/** Tells who commits in a repository, as `readIdentity` does. */
export type IdentityOf = (place: GitPlace) => Promise<string>;

/** Asks git once for each repository: a change of the user's name is seen at the next start. */
export function createIdentities(): IdentityOf {
  const asked = new Map<string, Promise<string>>();
  return (place) => {
    const identity = asked.get(place.gitDir) ?? readIdentity(place);
    asked.set(place.gitDir, identity);
    return identity;
  };
}

/** Returns "Name <address>" as configured for this repository, or a name of our own. */
export async function readIdentity(place: GitPlace): Promise<string> {
  const result = await runGit(place, ["-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"]);
  const line = result.stdout.toString("utf8").trim();
  const end = line.lastIndexOf("> ") + 1;
  const identity = line.slice(0, end);
  const isIdentity = identity.includes("<") && /^ \d+ [+-]\d{4}$/.test(line.slice(end));
  return result.status === 0 && isIdentity ? identity : FALLBACK_IDENTITY;
}

/** Returns the variables that name who makes a commit: "Name <address>", and when (Unix ms). */
export function identityEnvironment(identity: string, atMs: number): Readonly<Record<string, string>> {
  const at = identity.lastIndexOf(" <");
  const [name, email] = [identity.slice(0, Math.max(0, at)), identity.slice(at + 2, -1)];
  const date = `${Math.floor(atMs / 1_000)} +0000`;
  return {
    ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: date },
    ...{ GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email, GIT_COMMITTER_DATE: date },
  };
}

/** Returns the author of our commits where the user names none: `git log --author=codex-inbox` finds them, and hides the others. */
export function authorFor(identity: string): string {
  return `codex-inbox ${identity.slice(identity.lastIndexOf("<"))}`;
}
