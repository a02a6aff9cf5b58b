import { CoordinatorError } from "../../base/errors.ts";
import type { Branch } from "../../git/branch.ts";
import { runShare, shareOfTask } from "../../publish/result-commit.ts";
import type { SessionBranch } from "../../run/workplace/worktrees/session-branches.ts";
import { knownCloneId } from "../../store/clone/clone-id.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import { isDatedFolder, sessionKeyProblem } from "../../task/names/session-key.ts";
import { isThreadId } from "../../task/names/thread-id.ts";
import { SESSIONS, sessionFactsPath } from "../../task/records/workspace-paths.ts";
import { type Pause, type Pauses, takerOf } from "../../task/schedule/pause.ts";
import { accountFact, added, type EndedTasks, hasDied, NO_ACCOUNT } from "../../task/session/session-account.ts";
import { foldAccount, foldFacts, parseFacts } from "../../task/session/session-facts.ts";
import type { SessionState } from "../../task/session/session-state.ts";
import type { Usage } from "../../task/state/run.ts";
import type { OpenTasks } from "../queries/tasks/open-tasks.ts";
import { needsJournal } from "./present-open.ts";

/** A session and what its tasks have taken, as interfaces show it. Times are UTC; absent things are `null`. */
export interface SessionView {
  readonly key: string;
  readonly state: SessionState;
  readonly thread: string | null;
  readonly archived: boolean;
  /** It is paused, or the whole queue is. */
  readonly paused: boolean;
  /** Who works in its worktree by hand meanwhile. */
  readonly takenBy: string | null;
  readonly tasks: EndedTasks & { readonly queued: number; readonly running: number };
  /** Runs of codex; usage in tokens, durations and commands are the sums of them all. */
  readonly runs: number;
  readonly usage: Usage | null;
  readonly durationMs: number;
  readonly commands: number;
  readonly lastActivityAt: string | null;
  /** Its work that the checkout does not hold. */
  readonly unlanded: UnlandedWork | null;
}

/** The branch of a session that has a worktree of its own. */
export interface UnlandedWork {
  /** Without `refs/heads/`. */
  readonly branch: string;
  readonly tip: string;
  /** When its newest commit was made. */
  readonly committedAt: string;
  /** Commits that what is checked out does not have, and that it has besides. */
  readonly ahead: number;
  readonly behind: number;
  /** Paths that do not go together with what is checked out; and with the work of other sessions. */
  readonly conflicts: readonly string[];
  readonly overlaps: readonly { readonly session: string; readonly paths: readonly string[] }[];
}

export interface SessionListDeps {
  readonly branch: Pick<Branch, "readText" | "listFolder">;
  /** The file that names this clone. */
  readonly clonePath: string;
  readonly pauses: Pauses;
  /** Tasks of this clone that are not committed. */
  readonly open: Pick<OpenTasks, "all" | "journal">;
  /** The sessions whose work is not landed. */
  readonly unlanded: readonly SessionBranch[];
}

/** A session's key has at most so many parts. */
const DEPTH_MAX = 4;

/**
 * Returns the sessions of the workspace, the most recently used one first. Costs one small file for each, however many tasks it has had.
 *
 * @param own also those that were made for a single task each
 */
export async function listSessions(deps: SessionListDeps, own: boolean): Promise<readonly SessionView[]> {
  const open = Map.groupBy(deps.open.all, (task) => task.sessionKey);
  const keys = new Set(await sessionKeys(deps.branch, own));
  for (const key of open.keys()) if (own || !isOwn(key)) keys.add(key);
  const views: SessionView[] = [];
  for (const key of keys) views.push(await viewSession(deps, key, open.get(key) ?? []));
  return views.sort((a, b) => compare(b.lastActivityAt ?? "", a.lastActivityAt ?? "") || compare(a.key, b.key));
}

/** More candidates than this are not listed in the answer to an ambiguous name. */
const CANDIDATES_SHOWN = 5;

/**
 * Returns the session with this key; else the one whose key has it as a part, or where there is none, whose thread: a whole thread id is
 * looked for among threads first. Those that were made for a single task each are found by their whole key, or while their task is open; `find-named.ts` looks for the
 * others in the history.
 *
 * @throws CoordinatorError `NOT_FOUND`, or `REFUSED` where it is a part of several
 */
export async function findSession(deps: SessionListDeps, part: string): Promise<SessionView> {
  const exact = await sessionWithKey(deps, part);
  if (exact !== undefined) return exact;
  const open = deps.open.all.map(({ sessionKey }) => sessionKey);
  const keys = part === "" ? [] : [...new Set([...(await sessionKeys(deps.branch, false)), ...open])];
  const views: SessionView[] = [];
  const add = async (wanted: readonly string[], fits: (view: SessionView) => boolean): Promise<void> => {
    for (const key of views.length > 0 ? [] : wanted) {
      const view = await sessionWithKey(deps, key);
      if (view !== undefined && fits(view)) views.push(view);
    }
  };
  const isInThread = ({ thread }: SessionView): boolean => thread?.includes(part) === true;
  if (isThreadId(part)) await add(keys, isInThread);
  await add(
    keys.filter((key) => key.includes(part)),
    () => true,
  );
  await add(keys, isInThread);
  const [found, ...others] = views;
  if (found === undefined)
    throw new CoordinatorError("NOT_FOUND", `there is no session "${part}"; codex-inbox sessions lists them`);
  if (others.length === 0) return found;
  const shown = views
    .map(({ key }) => key)
    .sort(compare)
    .slice(0, CANDIDATES_SHOWN);
  const many = `"${part}" could be any of ${views.length} sessions: ${shown.join(", ")}; give more of the key`;
  throw new CoordinatorError("REFUSED", many);
}

async function sessionWithKey(deps: SessionListDeps, key: string): Promise<SessionView | undefined> {
  if (sessionKeyProblem(key) !== undefined) return undefined;
  const open = deps.open.all.filter((task) => task.sessionKey === key);
  const isThere = open.length > 0 || (await deps.branch.readText(sessionFactsPath(key))) !== undefined;
  return isThere ? viewSession(deps, key, open) : undefined;
}

async function viewSession(
  { branch, clonePath, pauses, open, unlanded }: SessionListDeps,
  key: string,
  tasks: readonly OpenTask[],
): Promise<SessionView> {
  const facts = parseFacts((await branch.readText(sessionFactsPath(key))) ?? "");
  const clone = knownCloneId(clonePath) ?? "";
  const own = tasks.map((task) => ({ task, records: needsJournal(task) ? open.journal(task.id) : [] }));
  let soFar = NO_ACCOUNT;
  const ended = own.flatMap(({ task, records }) => {
    const runs = records.filter((record) => record.k === "run");
    const share = shareOfTask(task, runs, clone);
    if (share !== undefined) return [accountFact(share, 1)]; // Its place is one with that of the fact in the branch, if that is there.
    for (const { usage, durationMs, commands } of runs.map(runShare))
      soFar = added(soFar, { ...NO_ACCOUNT, runs: 1, usage: usage ?? undefined, durationMs, commands });
    return [];
  });
  const pending = own.flatMap(({ records }) => records.flatMap((record) => (record.k === "run" ? record.facts : [])));
  const account = added(foldAccount([...facts, ...ended]), soFar);
  const { thread: lastThread, archived } = foldFacts([...facts, ...pending]);
  const thread = tasks.findLast(({ lastRun }) => lastRun?.ended === false)?.lastRun?.thread ?? lastThread;
  const states = own.map(({ task }) => task.state.kind);
  const queued = states.filter((kind) => kind === "queued").length;
  const running = states.filter((kind) => kind !== "queued" && kind !== "ended").length;
  const pause: Pause | undefined = pauses.of(key);
  const times = [account.lastEndedAt, ...[...facts, ...pending].map(({ time }) => time), ...tasks.map(lastTime)];
  const isOpen = queued + running > 0;
  const state = isOpen ? "RUNNING" : archived ? "ARCHIVED" : hasDied([...facts, ...ended]) ? "DIED" : "STOPPED";
  return {
    ...{ key, state, thread: thread ?? null, archived, paused: pause !== undefined },
    takenBy: takerOf(pauses, key) ?? null,
    tasks: { queued, running, ...account.tasks },
    ...{ runs: account.runs, usage: account.usage ?? null },
    ...{ durationMs: account.durationMs, commands: account.commands },
    lastActivityAt:
      times
        .flatMap((time) => time ?? [])
        .sort(compare)
        .at(-1) ?? null,
    unlanded: presentUnlanded(unlanded.find(({ session }) => session === key)),
  };
}

function presentUnlanded(found: SessionBranch | undefined): UnlandedWork | null {
  if (found === undefined) return null;
  const { branch, tip, atMs, ahead, behind, conflicts, overlaps } = found;
  return { branch, tip, committedAt: new Date(atMs).toISOString(), ahead, behind, conflicts, overlaps };
}

function lastTime(task: OpenTask): string {
  return new Date(task.lastRun?.startedAtMs ?? task.acceptedAtMs).toISOString();
}

async function sessionKeys(branch: SessionListDeps["branch"], own: boolean): Promise<readonly string[]> {
  const found: string[] = [];
  const walk = async (key: string, depth: number): Promise<void> => {
    for (const { name, kind } of await branch.listFolder(key === "" ? SESSIONS : `${SESSIONS}/${key}`)) {
      if (kind === "file" && `${SESSIONS}/${key}/${name}` === sessionFactsPath(key)) found.push(key);
      if (kind !== "folder" || depth === DEPTH_MAX || (depth > 0 && name === "transcript")) continue;
      const isTasks = isDatedFolder(name) && !(own && depth === 0);
      if (!isTasks) await walk(key === "" ? name : `${key}/${name}`, depth + 1);
    }
  };
  await walk("", 0);
  return found;
}

function isOwn(key: string): boolean {
  return isDatedFolder(key.split("/", 1)[0] ?? "");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
