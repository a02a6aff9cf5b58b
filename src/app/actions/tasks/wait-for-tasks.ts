import { CoordinatorError } from "../../../base/errors.ts";
import { isFinal, TASK_STATUSES } from "../../../task/ledger/ledger.ts";
import type { Queries } from "../../queries/queries.ts";
import type { TaskView } from "../../views/task-view.ts";

export interface WaitRequest {
  /** `undefined`: for as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** What is waited for now: a task, or a file in inbox/ (its path) that no coordinator has taken. Called again when that has changed. */
  readonly tell: (waitsFor: TaskView | string) => void;
  /** Nobody serves the workspace, so that nothing ends by itself. */
  readonly unserved: () => void;
}

/** One of those that were waited for. */
export interface WaitedTask {
  /** What it was named by. */
  readonly part: string;
  /** `undefined`: it still lies in inbox/. */
  readonly task: TaskView | undefined;
  /** `false`: the time was over before it had ended. */
  readonly hasEnded: boolean;
}

export interface WaitDeps {
  /** Opens the workspace anew: a coordinator may have come, or gone. */
  open(): Promise<Pick<Queries, "find" | "waiting">>;
  /** Asks the coordinator to answer once the task has ended, or after so many seconds; `undefined` where none answers. */
  longPoll(id: string, seconds: number): Promise<TaskView | undefined>;
  isServed(): boolean;
  /** Monotonic, ms. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** One request waits for so long, however long the client does. */
const POLL_S = 25;
/** Files are looked at ever less often. */
const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 5_000;
const PAUSE_GROWTH = 1.5;
/** Between inbox/ and the journal a task cannot be seen for a moment. */
const TAKING_MS = 10_000;

/**
 * Waits for the end of each task that one of `parts` names, open or not, or still in inbox/ under its id. A coordinator says when that is;
 * where none serves, the files are looked at until one does and has ended it.
 *
 * @throws CoordinatorError `NOT_FOUND`, `REFUSED` where a part names several; `TASK_FILE` for a file that was refused
 */
export async function waitForTasks(
  deps: WaitDeps,
  parts: readonly string[],
  request: WaitRequest,
): Promise<readonly WaitedTask[]> {
  const deadlineMs = deps.now() + (request.timeoutMs ?? Number.POSITIVE_INFINITY);
  const unserved = once(request.unserved);
  const found = await Promise.all(parts.map((part) => lookFor(deps, part, undefined)));
  const waited: WaitedTask[] = [];
  for (const [at, part] of parts.entries())
    waited.push(await waitForOne(deps, part, found[at], deadlineMs, { ...request, unserved }));
  return waited;
}

async function waitForOne(
  deps: WaitDeps,
  part: string,
  first: TaskView | string | undefined,
  deadlineMs: number,
  request: WaitRequest,
): Promise<WaitedTask> {
  let [seen, pauseMs, told, seenInInboxAtMs] = [first, PAUSE_FIRST_MS, "", Number.NEGATIVE_INFINITY];
  for (;;) {
    if (typeof seen === "string") seenInInboxAtMs = deps.now();
    const task = typeof seen === "string" ? undefined : seen;
    if (task !== undefined && hasEnded(task)) return { part, task, hasEnded: true };
    const leftMs = deadlineMs - deps.now();
    if (leftMs <= 0) return { part, task, hasEnded: false };
    const says = task === undefined ? String(seen) : `${task.status} ${task.hold ?? ""}`;
    if (seen !== undefined && says !== told) request.tell(seen);
    told = says;
    const isServed = deps.isServed();
    if (!isServed) request.unserved();
    const seconds = Math.min(POLL_S, Math.floor(leftMs / 1_000));
    const askedAtMs = deps.now();
    const polled = isServed && task !== undefined && seconds > 0 ? await deps.longPoll(task.id, seconds) : undefined;
    // One that ends, or does not run the task itself, answers at once.
    if (polled === undefined || (!hasEnded(polled) && deps.now() - askedAtMs < PAUSE_MAX_MS / 2)) {
      await deps.sleep(Math.min(pauseMs, leftMs));
      pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * PAUSE_GROWTH);
    } else pauseMs = PAUSE_FIRST_MS;
    seen = polled ?? (await lookFor(deps, task?.id ?? part, seenInInboxAtMs + TAKING_MS));
  }
}

/** @param graceUntilMs until then a task that is nowhere is being taken */
async function lookFor(
  deps: WaitDeps,
  part: string,
  graceUntilMs: number | undefined,
): Promise<TaskView | string | undefined> {
  const queries = await deps.open();
  try {
    return await queries.find(part);
  } catch (error) {
    if (!(error instanceof CoordinatorError) || error.code !== "NOT_FOUND" || part === "") throw error;
    const { inbox, broken } = await queries.waiting();
    const isNamed = (path: string): boolean => path.slice(path.lastIndexOf("/") + 1, -".md".length).includes(part);
    const refused = broken.find(isNamed);
    if (refused !== undefined) {
      const report = refused.replace(/\.md$/i, ".error.md");
      throw new CoordinatorError("TASK_FILE", `${refused} was refused: ${report} says why`, { cause: error });
    }
    const [path, other] = inbox?.paths.filter(isNamed) ?? [];
    if (path !== undefined && other === undefined) return path;
    if (path === undefined && deps.now() < (graceUntilMs ?? 0)) return undefined;
    throw error;
  }
}

/** Tells whether nothing more happens to a task. */
export function hasEnded({ status }: Pick<TaskView, "status">): boolean {
  return TASK_STATUSES.some((word) => word === status && isFinal(word));
}

function once(call: () => void): () => void {
  let isCalled = false;
  return () => {
    if (!isCalled) call();
    isCalled = true;
  };
}
