import { readFileSync } from "node:fs";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { isAlive, type ProcessIdentity } from "../base/process-identity.ts";
import { readOutage } from "../dispatch/circuit-breaker.ts";
import { openPauseStore } from "../dispatch/pauses.ts";
import { findHolds } from "../dispatch/scheduled-tasks.ts";
import type { Branch } from "../git/branch.ts";
import type { BranchLedger } from "../store/branch-ledger.ts";
import { findForeignTasks, findTaskFile } from "../store/foreign-tasks.ts";
import type { JournalRecord } from "../store/journal-record.ts";
import { fold, type OpenTask } from "../store/open-task.ts";
import type { StatePaths } from "../store/state-paths.ts";
import type { TaskJournal } from "../store/task-journal.ts";
import { isTaskId } from "../task/names/task-id.ts";
import { sessionFolder, transcriptPath } from "../task/records/workspace-paths.ts";
import { breakerHold } from "../task/schedule/breaker.ts";
import type { Pauses } from "../task/schedule/pause.ts";
import type { CodexHold } from "../task/schedule/schedule.ts";
import { parseTranscript } from "../task/session/transcript.ts";
import type { TranscriptEntry } from "../task/session/transcript-entry.ts";
import type { Health } from "./coordinator.ts";
import { presentProblem } from "./views/present-health.ts";
import { type PausedView, presentPauses } from "./views/present-pauses.ts";
import { findSession, listSessions, type SessionListDeps, type SessionView } from "./views/session-list.ts";
import { presentOpen, presentTaskFile, type TaskView } from "./views/task-view.ts";

/** One finished task of the history, newest first. */
export interface HistoryEntry {
  readonly commit: string;
  readonly committedAt: string;
  readonly task: string;
  readonly session: string;
  readonly status: string;
  readonly subject: string;
}

/** The coordinator that serves the workspace, as `server.json` tells it. */
export interface ServerRecord extends ProcessIdentity {
  readonly startedAt: string;
  readonly version: string;
  /** Full name of the branch it serves: HEAD may have gone elsewhere since. */
  readonly branch: string;
  /** Base address of the HTTP interface; `null` without one. */
  readonly url: string | null;
  /** `null` where it follows codex-inbox.json. */
  readonly maxOpenTasks: number | null;
}

export interface StatusView {
  readonly workspace: string;
  readonly branch: string;
  readonly server: ServerRecord | null;
  /** What the coordinator says of itself, where it could be asked. */
  readonly health: Health | null;
  /** Why no task is started, also while nobody serves. */
  readonly codex: Health["codex"];
  readonly paused: PausedView;
  readonly tasks: { readonly queued: number; readonly running: number; readonly uncommitted: number };
  readonly running: readonly TaskView[];
  /** Open tasks that other clones have accepted; they do not run here. */
  readonly otherClones: number;
  readonly broken: readonly string[];
}

/** Questions about a workspace; they need no coordinator and disturb none. */
export interface Queries {
  /** Open tasks in order of acceptance, those of other clones after our own, then the newest `finished` finished ones; of `session` alone where one is given. */
  list(options: { readonly finished: number; readonly session: string | undefined }): Promise<readonly TaskView[]>;
  /** Returns the task whose id contains `part`. @throws CoordinatorError `NOT_FOUND`, or `REFUSED` where several do */
  find(part: string): Promise<TaskView>;
  status(): Promise<StatusView>;
  /** The most recently used one first; `own`: also those that were made for a single task each. */
  sessions(options: { readonly own: boolean }): Promise<readonly SessionView[]>;
  /** @throws CoordinatorError `NOT_FOUND` */
  session(key: string): Promise<SessionView>;
  history(count: number): Promise<readonly HistoryEntry[]>;
  /** What was said and done in a task. */
  transcript(part: string): Promise<readonly TranscriptEntry[]>;
}

export interface QueriesDeps {
  readonly workspaceDir: string;
  readonly branchName: string;
  readonly branch: Pick<Branch, "readText" | "listFolder" | "treeId">;
  readonly ledger: BranchLedger;
  readonly history: {
    newest(count: number, session?: string): Promise<readonly HistoryEntry[]>;
    withId(part: string, count: number): Promise<readonly HistoryEntry[]>;
  };
  readonly journal: Pick<TaskJournal, "openIds" | "read">;
  readonly paths: StatePaths;
  readonly now: () => number;
  /** Asks a coordinator how it is doing; `undefined` when it does not answer. */
  readonly askHealth: (url: string) => Promise<Health | undefined>;
}

interface Opened {
  readonly task: OpenTask;
  readonly records: readonly JournalRecord[];
}

/** More candidates than this are not listed in the answer to an ambiguous id. */
const CANDIDATES_SHOWN = 5;

export function createQueries(deps: QueriesDeps): Queries {
  /** Each journal is read once: the coordinator may move it away at any time. */
  const openTasks = (): readonly Opened[] =>
    deps.journal
      .openIds()
      .map((id) => deps.journal.read(id))
      .filter((records) => records.length > 0)
      .map((records) => ({ task: fold(records), records }))
      .sort((a, b) => a.task.order - b.task.order);

  const presentAll = async (opened: readonly Opened[]): Promise<TaskView[]> => {
    const tasks = opened.map(({ task }) => task);
    const holds =
      tasks.length === 0
        ? new Map<string, string>()
        : await findHolds(tasks, deps.ledger, { nowMs: deps.now(), codex: codexHold(), pauses: pauses() });
    return opened.map(({ task, records }) => {
      return presentOpen(task, records, holds.get(task.id));
    });
  };

  const sessionDeps = (): SessionListDeps => {
    return { branch: deps.branch, clonePath: deps.paths.clone, pauses: pauses(), open: openTasks() };
  };

  const pauses = (): Pauses => openPauseStore(deps.paths.paused).read();

  const codexHold = (): CodexHold | undefined => {
    return breakerHold(readOutage(deps.paths.codexHold), deps.now());
  };

  const heldBack = (): Health["codex"] => {
    const outage = readOutage(deps.paths.codexHold);
    return outage === undefined || breakerHold(outage, deps.now()) === undefined ? null : presentProblem(outage);
  };

  const presentFinished = async (entry: {
    task: string;
    session: string;
    status: string;
  }): Promise<TaskView | undefined> => {
    const place = await findTaskFile(deps.branch, entry.session, entry.task);
    return place === undefined ? undefined : presentTaskFile(place.file, place.folder);
  };

  const foreignTasks = (): ReturnType<typeof findForeignTasks> => {
    const ours = new Set(deps.journal.openIds());
    return findForeignTasks(deps.branch, deps.ledger, (id) => ours.has(id));
  };

  const find = async (part: string): Promise<TaskView> => {
    const open = openTasks();
    const ids = new Map<string, () => Promise<TaskView | undefined>>();
    for (const { task } of part === "" ? [] : open) {
      if (task.id.includes(part))
        ids.set(task.id, async () => (await presentAll(open)).find(({ id }) => id === task.id));
    }
    for (const row of part === "" ? [] : (await deps.ledger.current()).values()) {
      if (row.task.includes(part) && !ids.has(row.task)) ids.set(row.task, () => presentFinished({ ...row }));
    }
    const older = isTaskId(part) ? await deps.ledger.find(part) : undefined;
    if (older !== undefined && !ids.has(older.task)) ids.set(older.task, () => presentFinished({ ...older }));
    if (ids.size === 0 && /^[0-9a-z-]+$/.test(part)) {
      for (const entry of await deps.history.withId(part, CANDIDATES_SHOWN + 1))
        ids.set(entry.task, () => presentFinished(entry));
    }
    if (ids.size > 1) {
      const shown = [...ids.keys()].slice(0, CANDIDATES_SHOWN).join(", ");
      throw new CoordinatorError(
        "REFUSED",
        `"${part}" could be any of ${ids.size} tasks: ${shown}; give more of the id`,
      );
    }
    for (const present of ids.values()) {
      const task = await present();
      if (task !== undefined) return task;
    }
    throw new CoordinatorError("NOT_FOUND", `there is no task "${part}"; codex-inbox ls shows the ids`);
  };

  return {
    find,
    async list({ finished, session }) {
      const views = await presentAll(openTasks());
      for (const { file, folder } of (await foreignTasks()).values()) views.push(presentTaskFile(file, folder));
      const shown = new Set(views.map(({ id }) => id));
      for (const entry of finished === 0 ? [] : await deps.history.newest(finished, session)) {
        const view = shown.has(entry.task) ? undefined : await presentFinished(entry);
        shown.add(entry.task); // A commit that was lost and made again is in the history twice.
        if (view !== undefined) views.push(view);
      }
      return session === undefined ? views : views.filter(({ sessionKey }) => sessionKey === session);
    },
    async status() {
      const server = readServer(deps.paths.server);
      const health = server?.url == null ? undefined : await deps.askHealth(server.url);
      const open = openTasks().map(({ task, records }) => presentOpen(task, records, undefined));
      const running = open.filter(({ status }) => status !== "queued" && status in RUNNING);
      return {
        workspace: deps.workspaceDir,
        branch: deps.branchName,
        server: server ?? null,
        health: health ?? null,
        codex: health === undefined ? heldBack() : health.codex,
        paused: presentPauses(pauses()),
        tasks: {
          queued: open.filter(({ status }) => status === "queued").length,
          running: running.length,
          uncommitted: open.filter(({ endedAt }) => endedAt !== null).length,
        },
        running,
        otherClones: (await foreignTasks()).size,
        broken: health?.broken ?? [],
      };
    },
    sessions: ({ own }) => listSessions(sessionDeps(), own),
    async session(key) {
      const found = await findSession(sessionDeps(), key);
      if (found !== undefined) return found;
      throw new CoordinatorError("NOT_FOUND", `there is no session "${key}"; codex-inbox sessions lists them`);
    },
    history: (count) => deps.history.newest(count),
    async transcript(part) {
      const task = await find(part);
      if (!task.committed)
        return deps.journal
          .read(task.id)
          .flatMap((record) => (record.k === "run" || record.k === "verify" ? record.entries : []));
      const texts = [await deps.branch.readText(transcriptPath(task.sessionKey))];
      const rotated = `${sessionFolder(task.sessionKey)}/transcript`;
      for (const { name } of await deps.branch.listFolder(rotated))
        texts.push(await deps.branch.readText(`${rotated}/${name}`));
      return parseTranscript(texts.join("\n")).filter((entry) => entry.task === task.id);
    },
  };
}

const RUNNING = { running: true, verifying: true, stopping: true } as const;

/** Returns who serves the workspace now; a record whose process is gone counts as none. */
export function readServer(path: string): ServerRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const record = JSON.parse(text) as ServerRecord;
  return isAlive(record) ? record : undefined;
}
