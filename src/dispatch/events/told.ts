import { asNumber, asObject, asText, type JsonObject } from "../../base/json-shape.ts";
import type { FoundSegment } from "../../store/events/segment-files.ts";

/** What was told last of a task that has begun. */
export interface Told {
  readonly status: string;
  readonly run: number;
  /** The agent's run of which items were told, and up to which line of its events. */
  readonly itemRun: number;
  readonly line: number;
}

/** What an earlier coordinator has told, as far as it matters to the one that goes on. */
export interface FoundTold {
  readonly tasks: Map<string, Told>;
  /** Sessions of tasks of which something was told. */
  readonly sessions: Map<string, string>;
  /** Tasks that were accepted from then on (Unix ms) are all in `tasks`; `Infinity` where nobody knows. */
  readonly sinceMs: number;
}

const TASKS_MAX = 500;
export const NOTHING_TOLD: Told = { status: "queued", run: 1, itemRun: 0, line: 0 };

/** Returns what a new segment says in its header, so that no older one is needed to know what was told. */
export function checkpointOf(tasks: ReadonlyMap<string, Told & { readonly session: string }>): unknown {
  const newest = [...tasks].slice(-TASKS_MAX);
  return newest.map(([id, { session, status, run, itemRun, line }]) => [id, session, status, run, itemRun, line]);
}

/** Reads what was told from the newest segment. */
export function readTold(found: FoundSegment | undefined): FoundTold {
  const tasks = new Map<string, Told>();
  const sessions = new Map<string, string>();
  if (found === undefined) return { tasks, sessions, sinceMs: Number.POSITIVE_INFINITY };
  const { checkpoint, at } = found.header;
  for (const row of Array.isArray(checkpoint) ? checkpoint : []) {
    const [id, session, status, run, itemRun, line] = Array.isArray(row) ? row : [];
    if (typeof id !== "string" || typeof session !== "string") continue;
    tasks.set(id, {
      ...{ status: asText(status) ?? "", run: asNumber(run) ?? 0 },
      ...{ itemRun: asNumber(itemRun) ?? 0, line: asNumber(line) ?? 0 },
    });
    sessions.set(id, session);
  }
  for (const event of found.events) {
    const [task, session] = [asText(event.task), asText(event.session)];
    if (task === undefined || session === undefined) continue;
    sessions.set(task, session);
    const after = toldAfter(tasks.get(task), event);
    if (after === undefined) tasks.delete(task);
    else tasks.set(task, after);
  }
  return { tasks, sessions, sinceMs: asNumber(at) ?? Number.POSITIVE_INFINITY };
}

function toldAfter(before: Told = NOTHING_TOLD, event: JsonObject): Told | undefined {
  const run = asNumber(event.run) ?? 0;
  switch (event.kind) {
    case "state":
      return { ...before, run, status: asText(event.status) ?? "" };
    case "item":
      return asObject(event.body) === undefined ? before : { ...before, itemRun: run, line: asNumber(event.line) ?? 0 };
    case "committed":
    case "gone":
      return undefined;
    default:
      return before;
  }
}
