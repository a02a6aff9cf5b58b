import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MERGED_PLACES, mergeAttributes } from "../../task/records/merged-files.ts";
import { shellWord } from "../../task/text/shell-word.ts";
import { SESSION_BRANCH_PREFIX } from "../../task/workplace/workplace-lease.ts";
import type { Branch, Goal } from "../branch.ts";
import { createMerger } from "../merge/merger.ts";
import { readIdentity } from "../repository/committer-identity.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { countBetween, refAt, refsBelow } from "../worktrees/session-branch.ts";
import { integrate } from "./integrate.ts";
import { createRemote, type Remote } from "./remote.ts";
import { differences } from "./tree-difference.ts";

/** What keeps the branch here from following the remote, and what a person can do. `why` is a sentence. */
export interface InTheWay {
  readonly why: string;
  /** From the top of the checkout; the first few. */
  readonly paths: readonly string[];
  /** `undefined`: it goes on by itself. */
  readonly command: string | undefined;
}

/** What one round came to. */
export interface SyncOutcome {
  /** Commits that the branch here has and the remote has not, and the other way round; `undefined`: the remote has no such branch. */
  readonly ahead: number;
  readonly behind: number;
  readonly inTheWay: InTheWay | undefined;
  /** Why the remote does not take what is here. */
  readonly refused: string | undefined;
  /** The branch here has moved. */
  readonly moved: boolean;
  /** The remote has taken the branch. */
  readonly pushed: boolean;
}

export interface SyncLinkOptions {
  readonly repository: KnownRepository;
  /** From the top of the work tree to the workspace: "" or "sub/folder/". */
  readonly prefix: string;
  /** Without `refs/heads/`: here, and there. */
  readonly localBranch: string;
  readonly remoteBranch: string;
  readonly remote: string;
  /** Absolute folder of ours, for merges. */
  readonly mergingDir: string;
  readonly branch: Pick<Branch, "advance" | "waiting">;
  readonly now: () => number;
  readonly random: () => number;
  /** Whether files of the user's may move in the checkout now; else why not, as a sentence. */
  readonly mayMove: () => string | undefined;
  /** The remote was read, or has taken the branch. */
  readonly onRemote: (remote: Remote) => void;
  /** Whether branches of sessions and recorded changes go along. */
  readonly sessions: () => boolean;
}

/** The branch and its remote. */
export interface SyncLink {
  readonly remote: Remote;
  /** Brings branches of sessions into a clone that is new, where they travel; else it takes no time. @throws RemoteError, GitError; AbortError */
  prepare(signal: AbortSignal): Promise<void>;
  /** Fetches, integrates, pushes, and moves the branch forward. @throws RemoteError, GitError; AbortError */
  round(signal: AbortSignal): Promise<SyncOutcome>;
}

/** How often somebody else may be faster in one round. */
const TRIES_MAX = 6;
const AGAIN_MS = 150;
/** A user's command is waited for this long; then the next round tries again. */
const GATE_MS = 20_000;
const PATHS_SHOWN = 20;
const SESSION_REFS = [`refs/heads/${SESSION_BRANCH_PREFIX}`, "refs/codex-inbox/turns/"] as const;
const SESSION_REFS_MAX = 1_000;

type Step = "again" | Pick<SyncOutcome, "inTheWay" | "refused" | "moved">;

const DONE = { inTheWay: undefined, refused: undefined, moved: false } as const;

export function openSyncLink(options: SyncLinkOptions): SyncLink {
  const { repository, branch } = options;
  const remote = createRemote(repository, { name: options.remote, branch: options.remoteBranch });
  const merger = createMerger(repository, options.mergingDir, {
    attributes: mergeAttributes(options.prefix),
    renames: false,
  });
  let identity: Promise<string> | undefined;
  const parts = {
    ...{ repository, merger, prefix: options.prefix, now: options.now, readTexts: remote.readTexts },
    identity: () => {
      identity ??= readIdentity(repository);
      return identity;
    },
    indexPath: join(options.mergingDir, "..", "sync-index"),
  };
  const pull = `git -C ${shellWord(repository.topDir)} pull --no-rebase ${options.remote} ${options.remoteBranch}`;
  const sent = new Map<string, string>();
  let haveSessions = false;
  /** The round under way has sent the branch. */
  let sentBranch = false;

  const blocked = (why: string, paths: readonly string[], command: string | undefined): Step => ({
    ...DONE,
    inTheWay: { why, paths: paths.slice(0, PATHS_SHOWN), command },
  });

  async function push(
    commit: string,
    signal: AbortSignal,
  ): Promise<"accepted" | "stale" | { readonly refused: string }> {
    const ref = `refs/heads/${options.remoteBranch}`;
    const outcome = (await remote.push([{ ref, to: commit }], signal)).get(ref);
    if (outcome?.kind === "refused") return { refused: `${options.remote} refuses ${ref}: ${outcome.reason}` };
    if (outcome?.kind !== "accepted") return "stale";
    sentBranch = true;
    options.onRemote(remote);
    return "accepted";
  }

  /** What the branch here moves to while the user commits to it: first here, to be pushed then. */
  const joinTo =
    (commit: string): Goal["join"] =>
    async (tip) => {
      if (tip === undefined) return commit;
      const made = await integrate(parts, tip, commit);
      if (made.kind === "merged") return made.commit;
      return made.kind === "behind" ? commit : made.kind === "conflict" ? undefined : tip;
    };

  /** Moves the branch here to a commit that the remote holds. */
  async function follow(local: string | undefined, to: string, signal: AbortSignal): Promise<Step> {
    if (local !== undefined && (await changesFilesOfUsers(local, to))) {
      const why = options.mayMove();
      if (why !== undefined) return blocked(why, [], undefined);
    }
    const gate = AbortSignal.timeout(GATE_MS);
    let waited: string | undefined;
    const watch = setInterval(() => {
      waited = branch.waiting()?.reason ?? waited;
    }, GATE_MS / 20);
    try {
      const either = AbortSignal.any([signal, gate]);
      const goal = local === undefined ? to : { from: local, to, join: joinTo(to) };
      const moved = await branch.advance(goal, either);
      // The branch has new commits meanwhile: what both come to is to be pushed.
      if (moved.kind === "apart" || (moved.kind === "moved" && moved.tip !== to)) return "again";
      if (moved.kind === "in-the-way") return blocked(moved.why, moved.paths, pull);
      return { ...DONE, moved: moved.kind === "moved" };
    } catch (error) {
      signal.throwIfAborted();
      if (!gate.aborted) throw error;
      return blocked(waited ?? "another git process is at work", [], undefined);
    } finally {
      clearInterval(watch);
    }
  }

  async function changesFilesOfUsers(local: string, to: string): Promise<boolean> {
    const changed = await differences(repository, local, to, []);
    const isOurs = (path: string): boolean =>
      MERGED_PLACES.some((place) => path === options.prefix + place || path.startsWith(`${options.prefix}${place}/`));
    return [...changed.keys()].some((path) => !isOurs(path));
  }

  async function step(local: string | undefined, tip: string | undefined, signal: AbortSignal): Promise<Step> {
    if (local === undefined) return tip === undefined ? DONE : follow(undefined, tip, signal);
    const made = tip === undefined ? { kind: "ahead" as const } : await integrate(parts, local, tip);
    if (made.kind === "same") return DONE;
    if (made.kind === "conflict") return blocked("the same files were changed here and there", made.paths, pull);
    if (made.kind === "unrelated")
      return blocked(
        `${options.remoteBranch} of ${options.remote} has no commit in common with this branch`,
        [],
        undefined,
      );
    if (made.kind === "behind") return tip === undefined ? DONE : follow(local, tip, signal);
    const commit = made.kind === "merged" ? made.commit : local;
    const pushed = await push(commit, signal);
    if (pushed === "stale") return "again";
    if (pushed !== "accepted") return { ...DONE, refused: pushed.refused };
    return made.kind === "merged" ? follow(local, commit, signal) : DONE;
  }

  const sessionRefs = async (): Promise<readonly (readonly [string, string])[]> =>
    (await Promise.all(SESSION_REFS.map((folder) => refsBelow(repository, folder)))).flatMap((refs) => [...refs]);

  /** A clone that is new has none of them yet: then all are brought. Later ones of other clones are not, nor what was removed here. */
  async function bringSessions(signal: AbortSignal): Promise<void> {
    if (haveSessions || !options.sessions()) return;
    const isNew = (await sessionRefs()).length === 0;
    if (isNew) await remote.bring(SESSION_REFS, signal);
    haveSessions = true;
    if (isNew) for (const [ref, id] of await sessionRefs()) sent.set(ref, id);
  }

  /** What was sent once is not sent again while it is the same; held refs stay here. */
  async function sendSessions(signal: AbortSignal): Promise<void> {
    const refs = await sessionRefs();
    const news = refs.filter(([ref, id]) => sent.get(ref) !== id).slice(0, SESSION_REFS_MAX);
    if (news.length === 0) return;
    const outcomes = await remote.push(
      news.map(([ref, to]) => ({ ref, to })),
      signal,
    );
    for (const [ref, id] of news) if (outcomes.get(ref)?.kind !== "stale") sent.set(ref, id);
  }

  return {
    remote,
    prepare: bringSessions,
    async round(signal) {
      const here = `refs/heads/${options.localBranch}`;
      let moved = false;
      sentBranch = false;
      for (let attempt = 1; ; attempt += 1) {
        const { tip } = await remote.fetch(signal);
        options.onRemote(remote);
        const done = await step(await refAt(repository, here), tip, signal);
        if (done === "again") moved = true;
        else {
          moved ||= done.moved;
          await bringSessions(signal);
          if (options.sessions()) await sendSessions(signal);
          const local = await refAt(repository, here);
          const there = await refAt(
            repository,
            `refs/codex-inbox/remotes/${options.remote}/heads/${options.remoteBranch}`,
          );
          const [ahead, behind] =
            local === undefined || there === undefined ? [0, 0] : await countBetween(repository, local, there);
          return { ...done, moved, pushed: sentBranch, ahead, behind };
        }
        if (attempt >= TRIES_MAX)
          return {
            ...{ ahead: 0, behind: 0, moved, pushed: sentBranch, refused: undefined },
            inTheWay: {
              why: "the branch moves faster than it can be merged, here or there",
              paths: [],
              command: undefined,
            },
          };
        await delay(AGAIN_MS * attempt * (0.5 + options.random()), undefined, { signal });
      }
    },
  };
}
