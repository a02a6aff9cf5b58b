import type { TaskStatus } from "../ledger/ledger.ts";
import type { Hold } from "../schedule/hold.ts";
import type { TranscriptBody } from "../session/transcript-entry.ts";
import type { Usage } from "../state/run.ts";

/** The version of the format, which every event carries. docs/spec-events.md describes it. */
export const LIVE_EVENT_VERSION = 1;

/** One thing that has happened. Absent things are `null`; times are UTC, ISO 8601. */
export type LiveEvent = EventHead & Happening;

export interface EventHead {
  readonly v: typeof LIVE_EVENT_VERSION;
  /** Only rises, in one workspace: over a kill, a loss of power and a removed log too. */
  readonly seq: number;
  readonly at: string;
}

type OfTask<Kind extends string, Fields = unknown> = {
  readonly kind: Kind;
  readonly task: string;
  readonly session: string;
} & Readonly<Fields>;

type OfAll<Kind extends string, Fields = unknown> = { readonly kind: Kind } & Readonly<Fields>;

export type Happening =
  | OfTask<"accepted", { title: string; origin: string }>
  /** Its prompt or front matter is another: it was saved again while it waited. */
  | OfTask<"replaced", { title: string; origin: string }>
  /** `until`: when a task that waits for another run is due. */
  | OfTask<"state", { status: TaskStatus; run: number; reason: string | null; until: string | null }>
  /** Why a queued task does not run; told when that may have changed because of the task or of what it waits for. */
  | OfTask<"held", { hold: Hold["kind"]; why: string; until: string | null }>
  /** Nothing holds it any more; it runs when there is a slot. */
  | OfTask<"released">
  | OfTask<"thread", { run: number; thread: string }>
  | OfTask<"item", ItemFields>
  /** What a verify command has printed: while it goes on (`outcome` "running"), and when it has ended. */
  | OfTask<"output", OutputFields>
  /** Tokens of the run alone, once it has ended; `null` where codex noted none. */
  | OfTask<"usage", { run: number; usage: Usage | null }>
  | OfTask<"committed", { commit: string }>
  /** It is not open here any more, and no commit of ours has ended it: another clone has, or nothing of it is left. */
  | OfTask<"gone">
  /** What holds all tasks, or those of one session, has begun or is over. */
  | OfAll<"queue", QueueFields>
  /** The branch and its remote: what was taken, sent, or stands between them. */
  | OfAll<"sync", SyncFields>
  /** The work of a session was to land: what became of that. */
  | OfAll<"land", LandFields>
  /** Files in inbox/ that cannot become tasks: all of them, and how many there are beyond those that are named. */
  | OfAll<"inbox", { broken: readonly string[]; more: number }>
  /** A coordinator has begun to serve. What the one before did last may have been told by the states that follow. */
  | OfAll<"serving">
  /** Some events are not there any more: what a reader shows has to be asked for anew. */
  | OfAll<"reload", { reason: string }>;

interface ItemFields {
  readonly run: number;
  /** Of the run's events: where the item began, which names it, and where this was said. */
  readonly item: number;
  readonly line: number;
  readonly phase: "started" | "updated" | "completed";
  /** Of one that was seen to begin and to end. */
  readonly durationMs: number | null;
  /** As in a transcript, shorter. */
  readonly body: TranscriptBody;
}

interface OutputFields {
  readonly run: number;
  readonly command: string;
  readonly outcome: string;
  /** The outcome in words. */
  readonly what: string;
  readonly exitCode: number | null;
  readonly durationMs: number;
  readonly output: string;
  /** Of all that it printed. */
  readonly outputBytes: number;
}

interface QueueFields {
  readonly what:
    | "paused"
    | "resumed"
    | "breaker-open"
    | "breaker-half-open"
    | "breaker-closed"
    | "disk-low"
    | "disk-room";
  /** `null`: the whole queue. */
  readonly session: string | null;
  readonly reason: string | null;
  readonly until: string | null;
}

export interface LandFields {
  readonly session: string;
  /** As the answer to the one who asked has it. */
  readonly state: "landed" | "ready" | "conflict" | "nothing";
  /** Of the session, and the one that it goes to. */
  readonly branch: string;
  readonly target: string;
  /** The merge, where one was made. */
  readonly commit: string | null;
  /** Why the checkout has not moved to it, and what moves it. */
  readonly why: string | null;
  readonly command: string | null;
  /** Places that both have changed: the first few. */
  readonly conflicts: readonly string[];
  /** The task in which the session settles that. */
  readonly repairTask: string | null;
  /** The commit of what somebody had edited in the session's worktree, and what of it is in none. */
  readonly edited: string | null;
  readonly left: string | null;
}

export interface SyncFields {
  /**
   * The branch here has what the remote had (`fetched`), the remote has what was here (`pushed`); the remote cannot be used, or does not
   * take what is here (`away`); the branch here cannot follow (`in-the-way`); what was told of either is over (`goes-on`).
   */
  readonly what: "fetched" | "pushed" | "away" | "in-the-way" | "goes-on";
  readonly remote: string;
  readonly branch: string;
  readonly reason: string | null;
  /** What is in the way, from the top of the checkout: the first few. */
  readonly paths: readonly string[];
  /** What brings both together, where a command does. */
  readonly command: string | null;
}

/** Characters that an event shows of a text; the transcript has more. */
const MESSAGE_MAX = 12_000;
const DETAIL_MAX = 2_000;
const COMMAND_MAX = 2_000;
const STATUS_MAX = 40;
/** A reason, a title, a path. */
const LINE_MAX = 1_000;
const FILES_MAX = 50;
export const BROKEN_FILES_MAX = 50;
export const CONFLICTS_SHOWN_MAX = 20;

/** Returns `body`, which has passed the redaction boundary, as an event shows it. */
export function shownBody(body: TranscriptBody): TranscriptBody {
  switch (body.kind) {
    case "user":
    case "context":
    case "assistant":
    case "reasoning":
      return { ...body, text: middleCut(body.text, MESSAGE_MAX) };
    case "command":
      return {
        ...body,
        status: middleCut(body.status, STATUS_MAX),
        command: middleCut(body.command, COMMAND_MAX),
        output: middleCut(body.output, DETAIL_MAX),
      };
    case "files": {
      const changes = body.changes.slice(0, FILES_MAX).map(({ path, change }) => ({
        path: middleCut(path, LINE_MAX),
        change: middleCut(change, STATUS_MAX),
      }));
      const left = body.changes.length - changes.length;
      const more = left === 0 ? [] : [{ path: `[… ${left} more …]`, change: "" }];
      return { ...body, status: middleCut(body.status, STATUS_MAX), changes: [...changes, ...more] };
    }
    case "tool":
      return { ...body, status: middleCut(body.status, STATUS_MAX), detail: middleCut(body.detail, DETAIL_MAX) };
    case "verify":
      return {
        ...body,
        command: middleCut(body.command, COMMAND_MAX),
        output: middleCut(body.output, 2 * DETAIL_MAX),
      };
    case "error":
      return { ...body, message: middleCut(body.message, DETAIL_MAX) };
    case "end":
      return { ...body, reason: body.reason === null ? null : middleCut(body.reason, LINE_MAX) };
  }
}

/** Returns a reason, a title or a path as an event shows it. */
export function shownLine(text: string): string {
  return middleCut(text, LINE_MAX);
}

/** Half a marker of the redaction may stand at a cut, never half a secret: those were replaced before. */
function middleCut(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const half = Math.floor(charactersMax / 2);
  const left = text.length - 2 * half;
  return `${text.slice(0, half)}\n[… ${left} characters left out …]\n${text.slice(-half)}`.toWellFormed();
}

/** Which events a reader wants; `undefined`: of all tasks, of all sessions. */
export interface EventFilter {
  readonly task?: string | undefined;
  readonly session?: string | undefined;
}

/** What decides whether a filter lets an event pass. */
export interface EventSubject {
  readonly kind: string;
  readonly task?: string | undefined;
  readonly session?: string | null | undefined;
}

/** What concerns everybody passes every filter: a pause of the whole queue holds the task, too, and one of its session where that is named. */
export function passes({ kind, task, session }: EventSubject, filter: EventFilter): boolean {
  if (kind === "reload" || kind === "serving") return true;
  if (kind === "queue" && (session == null || session === filter.session)) return true;
  if (filter.task !== undefined && task !== filter.task) return false;
  if (filter.session !== undefined && session !== filter.session) return false;
  return (kind !== "inbox" && kind !== "sync") || (filter.task === undefined && filter.session === undefined);
}
