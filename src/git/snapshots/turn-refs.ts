import { runGitPastLocks } from "../gate/stale-lock.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

/** What the agents' turns changed, kept from git's own cleaning by refs of ours: nothing pushes or fetches them unasked. */
export interface TurnRefs {
  /**
   * Lets `refs/codex-inbox/turns/<task>/<run>` name `commit`. Once more with the same commit changes nothing.
   *
   * @param before what it has to name now; `undefined`: nothing
   * @throws GitError where it names another one
   */
  keepTurn(task: string, run: number, commit: string, before?: string): Promise<string>;
  /** Lets `refs/codex-inbox/held/<slug>` name a commit that must not leave this machine, whatever it named before. */
  hold(slug: string, commit: string): Promise<string>;
  /** Returns the refs of all turns. */
  list(): Promise<readonly TurnRef[]>;
  /** Returns the ref of one turn. */
  find(task: string, run: number): Promise<TurnRef | undefined>;
  /** Drops refs that still name what `list` said. */
  drop(refs: readonly TurnRef[]): Promise<void>;
  /** Puts all refs into one file, where there are many single ones. */
  pack(): Promise<void>;
}

export interface TurnRef {
  readonly ref: string;
  readonly commit: string;
  readonly task: string;
  readonly run: number;
  /** Unix ms: when the commit was made. */
  readonly atMs: number;
}

export const TURNS = "refs/codex-inbox/turns/";
const HELD = "refs/codex-inbox/held/";

/** Opens the refs of the repository; no hook runs, and no log of theirs is kept. */
export function createTurnRefs(repository: KnownRepository): TurnRefs {
  const options = ["-c", "core.logAllRefUpdates=false", "-c", "core.fsync=reference"];

  const update = async (lines: readonly string[]): Promise<string | undefined> => {
    const input = lines.map((line) => `${line}\0`).join("");
    const { status, stderr } = await runGitPastLocks(repository, [...options, "update-ref", "-z", "--stdin"], {
      input,
    });
    return status === 0 ? undefined : stderr;
  };
  const read = async (pattern: string): Promise<readonly TurnRef[]> => {
    const format = "--format=%(objectname) %(committerdate:unix) %(refname)";
    const { status, stdout, stderr } = await runGit(repository, ["for-each-ref", format, pattern]);
    if (status !== 0) throw new GitError(`git for-each-ref: ${stderr}`);
    return stdout.toString("utf8").split("\n").flatMap(parseRef);
  };
  const commitOf = async (ref: string): Promise<string> =>
    (await runGit(repository, ["rev-parse", "--verify", "--quiet", ref])).stdout.toString("latin1").trim();

  return {
    async keepTurn(task, run, commit, before = "0".repeat(commit.length)) {
      const ref = `${TURNS}${task}/${run}`;
      const refused = await update([`update ${ref}`, commit, before]);
      if (refused !== undefined && (await commitOf(ref)) !== commit) throw new GitError(`${ref}: ${refused}`);
      return ref;
    },
    async hold(slug, commit) {
      const ref = `${HELD}${slug}`;
      const refused = await update([`update ${ref}`, commit, ""]);
      if (refused !== undefined) throw new GitError(`${ref}: ${refused}`);
      return ref;
    },
    list: () => read(TURNS),
    find: async (task, run) => (await read(`${TURNS}${task}/${run}`))[0],
    async drop(refs) {
      if (refs.length === 0) return;
      // One that has moved meanwhile keeps all of them for the next time.
      const refused = await update(refs.flatMap(({ ref, commit }) => [`delete ${ref}`, commit]));
      if (refused !== undefined) throw new GitError(`git update-ref: ${refused}`);
    },
    async pack() {
      const { status, stderr } = await runGitPastLocks(repository, ["pack-refs", "--all"], { isBackground: true });
      if (status !== 0) throw new GitError(`git pack-refs: ${stderr}`);
    },
  };
}

function parseRef(line: string): readonly TurnRef[] {
  const [commit = "", seconds = "", ref = ""] = line.split(" ");
  const [task = "", run = ""] = ref.slice(TURNS.length).split("/");
  return /^\d+$/.test(run) ? [{ ref, commit, task, run: Number(run), atMs: Number(seconds) * 1_000 }] : [];
}
