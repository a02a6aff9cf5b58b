import { CoordinatorError } from "../../../base/errors.ts";
import type { Surroundings } from "../../../base/surroundings.ts";
import type { PauseStore } from "../../../dispatch/pauses.ts";
import { NO_EDITS, type SessionEdits } from "../../../run/workplace/worktrees/session-edits.ts";
import type { WorktreeLease } from "../../../run/workplace/worktrees/session-worktrees.ts";
import { takerOf } from "../../../task/schedule/pause.ts";
import { shellWord } from "../../../task/text/shell-word.ts";
import type { SessionView } from "../../views/session-list.ts";

/** Where a person may work on a session. Absent things are `null`. */
export interface AttachedView {
  readonly session: string;
  /** Without `refs/heads/`. */
  readonly branch: string;
  /** Absolute path of the top of its worktree. */
  readonly dir: string;
  /** Codex's thread, to go on in. */
  readonly thread: string | null;
  /** Who has taken the session: nothing of it is started until it is released. */
  readonly takenBy: string | null;
}

/** A session that was given back, and what was edited in its worktree since its last run. */
export interface ReleasedView extends SessionEdits {
  readonly session: string;
  /** Somebody had taken it. */
  readonly released: boolean;
}

export interface AttachDeps {
  /** Returns the worktree of a session, made again where it is not there; `undefined` where it never had one. */
  readonly reopen: (session: string) => Promise<Pick<WorktreeLease, "branch" | "dir"> | undefined>;
  readonly pauses: Pick<PauseStore, "read" | "take" | "release">;
  /** Returns the task of a session that has a run, or is about to. */
  readonly underWay: (session: string) => string | undefined;
  readonly user: string;
  readonly now: () => number;
  readonly after: Surroundings["after"];
}

/** A setup may take longer than a client waits for its answer. */
const OPEN_MAX_MS = 20_000;

/**
 * Makes the worktree of a session again where it was removed, and holds the session for the user where `take` says so.
 *
 * @throws CoordinatorError `NOT_FOUND` where it has none; `REFUSED` to take it while a task of it is under way, or where somebody else has; `TRY_AGAIN` while
 * it is being set up; as `SessionWorktrees.open`
 */
export async function attachSession(
  { key, thread }: Pick<SessionView, "key" | "thread">,
  take: boolean,
  deps: AttachDeps,
): Promise<AttachedView> {
  const { pauses, user, now } = deps;
  const before = takerOf(pauses.read(), key);
  const takenBy = take ? pauses.take(key, user, now()).takenBy : before;
  try {
    // Asked once it is held: nothing is started any more.
    const task = take ? deps.underWay(key) : undefined;
    if (task !== undefined)
      throw new CoordinatorError("REFUSED", `${task} is under way in session ${key}: wait for it, or stop it first`);
    const lease = await inTime(deps.reopen(key), key, deps.after);
    if (lease === undefined) {
      const why = "its tasks have worked in the shared checkout, or none has begun";
      throw new CoordinatorError("NOT_FOUND", `session ${key} has no worktree: ${why}`);
    }
    return { session: key, branch: lease.branch, dir: lease.dir, thread, takenBy: takenBy ?? null };
  } catch (error) {
    if (take && before === undefined) pauses.release(key);
    throw error;
  }
}

/**
 * Gives a session back that somebody has taken. What was edited is committed first: nothing of the session is started before that.
 *
 * @param commitEdits does that; what it fails with ends nothing but itself
 */
export async function releaseSession(
  session: string,
  pauses: Pick<PauseStore, "read" | "release">,
  commitEdits: () => Promise<SessionEdits>,
): Promise<ReleasedView> {
  if (takerOf(pauses.read(), session) === undefined) return { session, released: false, ...NO_EDITS };
  const edits = await commitEdits().catch(
    (error: unknown): SessionEdits => ({
      edited: null,
      left: `what was edited is in no commit yet: ${error instanceof Error ? error.message : String(error)}`,
    }),
  );
  return { session, released: pauses.release(session), ...edits };
}

async function inTime<Answer>(work: Promise<Answer>, key: string, after: AttachDeps["after"]): Promise<Answer> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const message = `the worktree of session ${key} is being made ready; attach again in a moment`;
  const cancel = after(OPEN_MAX_MS, () => reject(new CoordinatorError("TRY_AGAIN", message)));
  work.catch(() => undefined); // It goes on by itself, and what comes of it is told the next time.
  return Promise.race([work, late]).finally(cancel);
}

/** Returns the command that goes on in the thread of a session by hand; `null` where it has none yet. */
export function resumeCommand(
  { dir, thread }: Pick<AttachedView, "dir" | "thread">,
  codex: { readonly path: string; readonly home: string | undefined; readonly setting: string },
): string | null {
  if (thread === null) return null;
  const home = codex.home === undefined ? "" : `CODEX_HOME=${shellWord(codex.home)} `;
  const words = [codex.path, "-c", codex.setting, "resume", thread].map(shellWord);
  return `cd ${shellWord(dir)} && ${home}${words.join(" ")}`;
}
