import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { readBoundedText } from "../../../base/files/read-bounded.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { listInbox } from "../../../intake/inbox/inbox-walk.ts";
import { stemOf } from "../../../intake/inbox/name-rules.ts";
import { parseDropText } from "../../../task/file/task-file.ts";
import type { Queries } from "../../queries/queries.ts";
import type { TaskLine } from "../../views/task-view.ts";
import { editTask, TEXT_BYTES_MAX, waitingFile } from "../tasks/edit-task.ts";
import type { StopAnswer } from "../tasks/request-stop.ts";

const PAGE_SIZE = 500;
/** More of inbox/ is not looked at. */
const ENTRIES_MAX = 10_000;

/** What became of a session that is to end. */
export interface DrainAnswer {
  readonly session: string;
  /** What goes on until it ends. */
  readonly running: readonly TaskLine[];
  /** What will not run: what was queued, and what commands have put into inbox/ for it. */
  readonly dropped: readonly string[];
  /** Files of other hands in inbox/ that name the session: these become tasks of it all the same. */
  readonly left: readonly string[];
}

/** What lies in inbox/ for one session and is no task yet. */
export interface SessionInbox {
  /** `id`: where a command of ours has put it there. */
  drops(session: string): Promise<readonly { readonly path: string; readonly id: string | undefined }[]>;
  /** Has a drop of ours recorded as cancelled once it is taken, or at once where it was taken meanwhile. */
  cancel(id: string): Promise<void>;
}

/**
 * Ends a session after its running turn: what waits behind that is stopped, the last one first, so that none of it begins meanwhile.
 *
 * @param part of the key of the session; the whole of it where all of the session lies in inbox/
 * @throws CoordinatorError as `Queries.session`
 */
export async function drainSession(
  part: string,
  queries: Pick<Queries, "lines" | "session">,
  inbox: SessionInbox,
  stop: (id: string) => Promise<StopAnswer>,
): Promise<DrainAnswer> {
  const { session, drops } = await findSession(part, queries, inbox);
  const { running, queued } = await openTasks(session, queries);
  const ours = drops.flatMap(({ id }) => id ?? []).filter((id) => !queued.includes(id));
  const dropped: string[] = [];
  for (const id of ours.reverse()) if (await done(inbox.cancel(id).then(() => true))) dropped.push(id);
  for (const id of queued.reverse()) if ((await done(stop(id)))?.asked) dropped.push(id);
  return { session, running, dropped, left: drops.flatMap(({ id, path }) => (id === undefined ? [path] : [])) };
}

/** Inbox first: a drop that is taken meanwhile is found among the tasks. */
async function findSession(part: string, { session }: Pick<Queries, "session">, inbox: SessionInbox) {
  try {
    const { key } = await session(part);
    return { session: key, drops: await inbox.drops(key) };
  } catch (error) {
    if (!(error instanceof CoordinatorError) || error.code !== "NOT_FOUND") throw error;
    const drops = await inbox.drops(part);
    if (drops.length === 0) throw error;
    return { session: part, drops };
  }
}

async function openTasks(session: string, { lines }: Pick<Queries, "lines">) {
  const running: TaskLine[] = [];
  const queued: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await lines({ finished: 0, session, limit: PAGE_SIZE, cursor });
    for (const task of page.tasks) {
      if (task.status === "queued") queued.push(task.id);
      else if (task.endedAt === null) running.push(task);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { running, queued };
}

/** Returns what was answered; `undefined` where it was refused: it is another clone's, or began to run meanwhile. */
async function done<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof CoordinatorError) || error.code !== "REFUSED") throw error;
    return undefined;
  }
}

/** Opens what lies in inbox/ of the workspace at `place`. */
export function sessionInbox(
  place: WorkspacePlace,
  queries: Pick<Queries, "find">,
  environment: NodeJS.ProcessEnv,
): SessionInbox {
  return {
    async drops(session) {
      const { files } = await listInbox(place.workspaceDir, ENTRIES_MAX);
      return files.flatMap(({ path, place: { folders, name } }) => {
        const text = readBoundedText(join(place.workspaceDir, path), TEXT_BYTES_MAX);
        const parsed = text === undefined ? undefined : parseDropText(text, folders.join("/") || undefined);
        if (parsed?.ok !== true || parsed.spec.sessionKey !== session) return [];
        const ours = folders.length === 0 ? waitingFile(place, stemOf(name)) : undefined;
        return [{ path, id: ours?.id }];
      });
    },
    async cancel(id) {
      await editTask(place, id, { keys: { cancel: true } }, queries, environment);
    },
  };
}
