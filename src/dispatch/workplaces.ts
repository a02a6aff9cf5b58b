import type { OpenTask } from "../store/tasks/open-task.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import type { RightsByOrigin } from "../task/rights/origin-rights.ts";
import { lowerLevel, type SandboxLevel } from "../task/rights/rights.ts";
import type { Ground } from "../task/schedule/scheduled-task.ts";
import type { HeldLock } from "../task/schedule/session-turns.ts";
import {
  chooseWorkplace,
  type WorkplaceChoice,
  type WorkplaceFacts,
  type WorkplaceSetting,
} from "../task/workplace/choose-workplace.ts";
import { shareMet } from "../task/workplace/paths.ts";

/** What is known of the worktrees of sessions, and of the shared checkout beside them. Every answer comes from memory, as of the last look. */
export interface SessionWorktrees {
  /** The session has a branch of its own that holds work which is not landed. */
  hasBranch(sessionKey: string): boolean;
  /** What sessions keep to themselves until their work is landed; the same list until it changes. */
  locks(): readonly HeldLock[];
  /** Paths that the work of other sessions changes that is not landed. */
  changedBeside(sessionKey: string): readonly string[];
  /** The user has uncommitted changes in the shared checkout. */
  isDirty(): boolean;
  /** There are any, or have been. */
  readonly isEmpty: boolean;
  /** Looks again at all this. Never rejects. */
  refresh(): Promise<unknown>;
  /** How long a new worktree takes, as last measured, in milliseconds; 0 before. */
  openingMs(): number;
}

export interface WorkplacesDeps {
  readonly settings: () => {
    readonly workplace: WorkplaceSetting;
    readonly timeoutMs?: number | undefined;
    readonly run: { readonly sandbox: SandboxLevel; readonly rights: RightsByOrigin };
  };
  readonly worktrees: SessionWorktrees;
  readonly table: Pick<TaskTable, "all"> & { readonly index: Pick<TaskTable["index"], "running"> };
  readonly monotonicMs: () => number;
}

/** Where tasks work: decided when their turn comes, and kept from then on for as long as their run is theirs. */
export interface Workplaces {
  /** Returns what a task needs of the shared checkout. */
  ground(task: OpenTask, isActive: boolean): Ground;
  /** Decides where the next run of a task works. */
  choose(task: OpenTask, isSharedTaken: boolean): WorkplaceChoice;
  /** Returns what was decided last for a task; before, what would be now if nobody else were at work. */
  chosen(task: OpenTask): WorkplaceChoice;
  /** A task that may write is at work in the shared checkout. */
  isShared(): boolean;
  /** The task is not open any more. */
  forget(id: string): void;
  /** Looks at what others may have done to the branches of sessions: now and then, where there are any. */
  look(): Promise<void>;
}

/** The user lands work by a git command of theirs, or edits: that is seen so much later at most. */
const LOOK_EVERY_MS = 10_000;

export function createWorkplaces({ settings, worktrees, table, monotonicMs }: WorkplacesDeps): Workplaces {
  let lookedMs = Number.NEGATIVE_INFINITY;
  const choices = new Map<string, WorkplaceChoice>();

  const isReader = ({ spec, origin }: OpenTask): boolean => {
    const { sandbox, rights } = settings().run;
    const { sandbox: highest, verify } = rights.of(origin);
    const isUnconfined = spec.verifyCommand !== undefined && verify === "unsandboxed";
    return (spec.sandbox ?? lowerLevel(sandbox, highest)) === "read-only" && !isUnconfined;
  };

  const factsOf = (task: OpenTask, isSharedTaken: boolean): WorkplaceFacts => {
    const { spec, sessionKey, state } = task;
    return {
      ...{ choice: spec.worktree, setting: settings().workplace, isSharedTaken },
      hasBranch: worktrees.hasBranch(sessionKey),
      isReader: isReader(task),
      isOutside: spec.workdir?.startsWith("/") === true,
      hasLocks: spec.locks.length > 0,
      isMerge: spec.merge,
      overlap: spec.worktree === "auto" ? overlapOf(task) : 0,
      isDirty: worktrees.isDirty(),
      timeoutMs: spec.timeoutMs ?? settings().timeoutMs,
      hasVerify: spec.verifyCommand !== undefined,
      attempt: state.attempts + 1,
      openingMs: worktrees.openingMs(),
    };
  };

  const overlapOf = ({ id, sessionKey, spec }: OpenTask): number => {
    const others = table.index.running().filter((other) => other.id !== id && other.sessionKey !== sessionKey);
    const theirs = others.flatMap((other) => [...other.spec.touches, ...other.spec.locks]);
    return shareMet([...spec.touches, ...spec.locks], [...theirs, ...worktrees.changedBeside(sessionKey)]);
  };

  const groundOf = (task: OpenTask, kind: WorkplaceChoice["kind"]): Exclude<Ground, "either"> =>
    kind === "worktree" || isReader(task) ? "apart" : "writer";

  return {
    ground(task, isActive) {
      const chosen = isActive ? choices.get(task.id)?.kind : undefined;
      const leased = task.state.kind === "queued" ? undefined : (task.lastRun?.workplace?.kind ?? "shared");
      const kind = chosen ?? leased;
      if (kind !== undefined) return groundOf(task, kind);
      const [alone, beside] = [false, true].map((isTaken) => chooseWorkplace(factsOf(task, isTaken)).kind);
      return alone === undefined || alone !== beside ? "either" : groundOf(task, alone);
    },
    isShared: () =>
      table.index.running().some((task) => groundOf(task, task.lastRun?.workplace?.kind ?? "shared") === "writer"),
    choose(task, isSharedTaken) {
      const choice = chooseWorkplace(factsOf(task, isSharedTaken));
      choices.set(task.id, choice);
      return choice;
    },
    chosen: (task) => choices.get(task.id) ?? chooseWorkplace(factsOf(task, false)),
    forget: (id) => choices.delete(id),
    async look() {
      if (monotonicMs() < lookedMs + LOOK_EVERY_MS) return;
      lookedMs = monotonicMs();
      const isAsked = !worktrees.isEmpty || [...table.all()].some(({ spec }) => spec.worktree === "auto");
      if (isAsked) await worktrees.refresh();
    },
  };
}
