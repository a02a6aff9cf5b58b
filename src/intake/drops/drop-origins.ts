import type { Authorship, Branch } from "../../git/branch.ts";
import type { DropReceipts } from "../../store/drop-receipts.ts";
import type { DroppedBy, TaskSource } from "../../store/journal/journal-record.ts";
import type { TaskJournal } from "../../store/journal/task-journal.ts";
import type { Sessions } from "../../store/sessions/session-store.ts";
import { fold } from "../../store/tasks/open-task.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import type { BrokenDrop, Drop } from "../../task/file/drop.ts";
import { parseDropText } from "../../task/file/task-file.ts";
import type { Bounds, Origin } from "../../task/rights/origin.ts";
import { givenTo, type RightsByOrigin } from "../../task/rights/origin-rights.ts";
import { lowerLevel, type Rights } from "../../task/rights/rights.ts";
import { archivedProblem } from "./archived-sessions.ts";
import type { DropJudgement, RunDrops } from "./run-drops.ts";

/** Who asks for a task, as its journal says it. */
export interface Asked {
  readonly origin: Origin;
  /** Where a run of an agent has left its file. */
  readonly droppedBy?: DroppedBy;
}

/** Finds out who asks for what lies in inbox/. */
export interface DropOrigins {
  /** Whether a drop may be taken, by who left it. A file that a command of ours has put there is no agent's, whatever ran meanwhile. */
  judge(id: string, drop: Drop, source: TaskSource): DropJudgement;
  /** Returns who asks, or why that one may not. Of what a commit brought git is asked: to be called once, where the drop is about to be taken. */
  of(id: string, drop: Drop, source: TaskSource, by: DroppedBy | undefined): Promise<Asked | BrokenDrop>;
  /** Returns the origin of what a run of the task `id` asks for. */
  ofAgent(id: string): Origin;
}

export interface DropOriginsDeps {
  readonly branch: Branch;
  readonly receipts: DropReceipts;
  readonly runDrops: RunDrops;
  /** Name of the user that the coordinator runs as. */
  readonly user: string;
  readonly table: Pick<TaskTable, "get">;
  readonly journal: Pick<TaskJournal, "readDone">;
  readonly sessions: Pick<Sessions, "read">;
  readonly rights: () => RightsByOrigin;
  /** The sandbox of a task that names none. */
  readonly sandbox: () => Rights["sandbox"];
}

/** One push may bring many drops in few commits. */
const COMMITS_KEPT = 50;

export function createDropOrigins(deps: DropOriginsDeps): DropOrigins {
  const { branch, receipts, runDrops, user, rights } = deps;
  const known = new Map<string, Authorship>();
  const authorship = async (commit: string): Promise<Authorship> => {
    const found = known.get(commit) ?? (await branch.authorship(commit));
    known.delete(commit);
    known.set(commit, found);
    for (const oldest of known.keys()) if (known.size > COMMITS_KEPT) known.delete(oldest);
    return found;
  };

  const ofCommit = async (path: string): Promise<Origin> => {
    const brought = await branch.introducedBy(path);
    if (brought === undefined || brought === "beyond-history")
      return { kind: "commit", commit: null, author: "unknown", email: "unknown", signature: null, signer: null };
    return { kind: "commit", commit: brought.commit, ...(await authorship(brought.commit)) };
  };

  /** Of a task that nothing is known of any more its children have what every run has. */
  const boundsOf = (id: string): Bounds => {
    const done = deps.table.get(id) === undefined ? deps.journal.readDone(id) : [];
    const task = deps.table.get(id) ?? (done.length === 0 ? undefined : fold(done));
    const origin: Origin = task?.origin ?? { kind: "agent", task: id };
    const has = rights().of(origin);
    const sandbox = task?.spec.sandbox ?? lowerLevel(deps.sandbox(), has.sandbox);
    const given = givenTo(task?.spec ?? NOTHING_ASKED, has, sandbox);
    return { kinds: [...new Set([origin.kind, ...(origin.bounds?.kinds ?? [])])], given };
  };
  const ofAgent = (id: string): Origin => ({ kind: "agent", task: id, bounds: boundsOf(id) });

  const find = async (id: string, drop: Drop, source: TaskSource, by: DroppedBy | undefined): Promise<Asked> => {
    const proven = receipts.originOf(id, drop.text);
    if (proven !== undefined) return { origin: proven };
    if (source.tracked === "head" && source.blob === drop.blob) return { origin: await ofCommit(drop.path) };
    if (by === undefined) return { origin: { kind: "file", user } };
    return { origin: ofAgent(by.task), droppedBy: by };
  };

  return {
    judge: (id, drop, source) =>
      receipts.originOf(id, drop.text) === undefined ? runDrops.judge(drop, source) : { kind: "take", by: undefined },
    async of(id, drop, source, by) {
      const asked = await find(id, drop, source, by);
      const archived = await archivedProblem(deps.sessions, drop.spec.sessionKey);
      if (archived !== undefined) return { path: drop.path, blob: drop.blob, problems: [archived] };
      const parsed = parseDropText(drop.text, drop.folderKey, rights().of(asked.origin));
      return parsed.ok ? asked : { path: drop.path, blob: drop.blob, problems: parsed.problems };
    },
    ofAgent,
  };
}

const NOTHING_ASKED = { codexConfig: [], environment: [], workdir: undefined, verifyCommand: undefined } as const;
