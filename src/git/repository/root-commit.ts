import { CoordinatorError } from "../../base/errors.ts";
import type { KeptText } from "../../task/text/kept-text.ts";
import type { GitPlace } from "../process/git-environment.ts";
import { runGit } from "../process/git-process.ts";
import { readIdentity } from "./committer-identity.ts";

export interface RootCommit {
  /** Full name of the branch to make: "refs/heads/inbox". */
  readonly branch: string;
  readonly message: KeptText;
  /** Path to content. */
  readonly files: ReadonlyMap<string, KeptText>;
  /** Unix ms. */
  readonly timeMs: number;
}

/**
 * Makes a branch of its own in the repository at `place`: one commit without a parent. No work tree and no index is
 * touched, so it does not matter what the user is doing in them; the repository may be empty.
 *
 * @throws CoordinatorError `REFUSED` when the branch is there already or git refuses its name
 */
export async function createRootCommit(place: GitPlace, { branch, message, files, timeMs }: RootCommit): Promise<void> {
  // Checked first: on a bad name fast-import leaves a crash report in the git directory.
  const isName = branch.startsWith("refs/heads/") && (await runGit(place, ["check-ref-format", branch])).status === 0;
  if (!isName) throw new CoordinatorError("REFUSED", `"${shortName(branch)}" is not a name for a branch`);
  const identity = await readIdentity(place);
  const blobs = Array.from(files, ([path, content]) => `M 100644 inline ${quoted(path)}\n${counted(content)}\n`);
  const signed = `committer ${identity} ${Math.floor(timeMs / 1_000)} +0000\n`;
  const input = `commit ${branch}\n${signed}${counted(message)}\n${blobs.join("")}\ndone\n`;
  const { status, stderr } = await runGit(place, ["fast-import", "--quiet", "--done"], { input });
  if (status === 0) return;
  // An existing branch is left alone by fast-import itself: the new commit does not descend from it.
  throw new CoordinatorError("REFUSED", `cannot make the branch ${shortName(branch)}: ${stderr}`);
}

function shortName(branch: string): string {
  return branch.replace(/^refs\/heads\//, "");
}

/** The form of a text whose length is given in bytes, so that nothing in it means anything. */
function counted(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}`;
}

function quoted(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
