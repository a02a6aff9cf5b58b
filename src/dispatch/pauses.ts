import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { readStamp } from "../base/files/file-stamp.ts";
import { createFolderNames } from "../base/files/folder-names.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../base/files/read-bounded.ts";
import { syncDirectory, writeFileAtomic } from "../base/files/write-file-atomic.ts";
import { sessionKeyProblem } from "../task/names/session-key.ts";
import { describePause, NO_PAUSES, PAUSE_REASON_MAX, type Pause, type Pauses } from "../task/schedule/pause.ts";
import { oneLine } from "../task/text/one-line.ts";

/** @property isPaused also without anybody who has taken it */
interface KeptPause extends Pause {
  readonly isPaused: boolean;
}

const QUEUE_NAME = "queue.json";
const SESSION_NAME = /^session-[0-9a-f]{32}\.json$/;

/**
 * What is paused, one file each: they outlive every process, need no coordinator, and two commands at once never undo each other.
 * A file that cannot be read pauses all the same what its name says: somebody wanted nothing to be started.
 */
export interface PauseStore {
  read(): Pauses;
  /** Pauses the whole queue, or one session; durable when it returns. What is paused already keeps its time, and its reason where `reason` gives none. */
  pause(session: string | undefined, reason: string | undefined, nowMs: number): Pause;
  /**
   * Holds a session for a person to work in; durable when it returns. A pause that is there goes on when it is released.
   *
   * @throws CoordinatorError `REFUSED` where somebody else has taken it
   */
  take(session: string, user: string, nowMs: number): Pause;
  /** Ends that; durable when it returns. Returns whether anybody had taken it. */
  release(session: string): boolean;
  /** Lets it go on; durable when it returns. */
  resume(session: string | undefined): void;
}

/** Opens the store in `dir` (absolute; made with the first pause). */
export function openPauseStore(dir: string): PauseStore {
  const pathOf = (session: string | undefined): string => join(dir, fileName(session));
  const names = createFolderNames(dir);
  const knownOf = (session: string | undefined): KeptPause | undefined => {
    const found = tryRead(pathOf(session));
    return found === "unreadable" ? undefined : found;
  };
  const write = (pause: KeptPause): Pause => {
    const { session = null, sinceMs, reason = null, takenBy = null, isPaused } = pause;
    const record = { v: 1, session, since: new Date(sinceMs).toISOString(), reason, takenBy, isPaused };
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileAtomic(pathOf(pause.session), `${JSON.stringify(record)}\n`, 0o600);
    return asPause(pause);
  };
  const resume = (session: string | undefined): void => {
    try {
      rmSync(pathOf(session), { recursive: true });
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return;
      throw error;
    }
    syncDirectory(dir);
  };
  return {
    read: () => readPauses(dir, names),
    pause(session, reason, nowMs) {
      const known = knownOf(session);
      const kept = reason === undefined ? known?.reason : oneLine(reason, PAUSE_REASON_MAX) || undefined;
      const sinceMs = known?.sinceMs ?? nowMs;
      return write({ session, sinceMs, reason: kept, takenBy: known?.takenBy, isPaused: true });
    },
    take(session, user, nowMs) {
      const known = knownOf(session);
      if (known?.takenBy !== undefined && known.takenBy !== user)
        throw new CoordinatorError(
          "REFUSED",
          `${describePause(known)}; codex-inbox attach --release ${session} ends that`,
        );
      const isPaused = known?.isPaused === true;
      return write({ session, sinceMs: known?.sinceMs ?? nowMs, reason: known?.reason, takenBy: user, isPaused });
    },
    release(session) {
      const known = knownOf(session);
      if (known?.takenBy === undefined) return false;
      if (known.isPaused) write({ ...known, takenBy: undefined });
      else resume(session);
      return true;
    },
    resume,
  };
}

/** Reads the store for a coordinator: tells `log` once of each change. */
export function watchPauses(
  store: Pick<PauseStore, "read">,
  log: (event: string, fields: { readonly session: string | undefined; readonly reason?: string }) => void,
): () => Pauses {
  let before = new Map<string, Pause>();
  return () => {
    const pauses = store.read();
    const all = [...(pauses.queue === undefined ? [] : [pauses.queue]), ...pauses.sessions];
    const after = new Map(all.map((pause) => [`${pause.session === undefined} ${describePause(pause)}`, pause]));
    const isPaused = (session: string | undefined): boolean => all.some((pause) => pause.session === session);
    for (const [said, { session }] of before) if (!after.has(said) && !isPaused(session)) log("resumed", { session });
    for (const [said, pause] of after)
      if (!before.has(said)) log("paused", { session: pause.session, reason: describePause(pause) });
    before = after;
    return pauses;
  };
}

function readPauses(dir: string, namesIn: () => readonly string[] | undefined): Pauses {
  let names: readonly string[] | undefined;
  try {
    names = namesIn();
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    names = [QUEUE_NAME]; // Nobody can tell what is paused: nothing is started.
  }
  if (names === undefined) return NO_PAUSES;
  const queue = names.includes(QUEUE_NAME) ? readPause(join(dir, QUEUE_NAME), undefined) : undefined;
  const byName = new Map<string, Pause>();
  for (const name of names.filter((entry) => SESSION_NAME.test(entry)).sort()) {
    const pause = readPause(join(dir, name), name);
    if (pause !== undefined) byName.set(name, pause);
  }
  if (queue === undefined && byName.size === 0) return NO_PAUSES;
  return {
    queue,
    sessions: [...byName.values()].sort((a, b) => ((a.session ?? "") < (b.session ?? "") ? -1 : 1)),
    of: (key) => queue ?? (byName.size === 0 ? undefined : byName.get(fileName(key))),
  };
}

/** @param session what a file pauses that cannot be read: the whole queue, else the session with this name, or what is known of it */
function readPause(path: string, session: string | undefined): Pause | undefined {
  const pause = tryRead(path);
  if (pause !== "unreadable") return pause === undefined ? undefined : asPause(pause);
  const stamp = readStamp(path);
  const remedy = session === undefined ? "codex-inbox resume removes it" : "resume that session, or remove the file";
  const reason = `${path} cannot be read, which counts as paused; ${remedy}`;
  return { session, sinceMs: stamp?.modifiedMs ?? 0, reason };
}

/** Absent is who has taken it, where nobody has. */
function asPause({ session, sinceMs, reason, takenBy }: KeptPause): Pause {
  return { session, sinceMs, reason, ...(takenBy === undefined ? {} : { takenBy }) };
}

function tryRead(path: string): KeptPause | "unreadable" | undefined {
  try {
    const text = readBoundedText(path, SMALL_FILE_BYTES_MAX);
    if (text === undefined) return undefined;
    const pause = parsePause(text);
    return pause !== undefined && fileName(pause.session) === basename(path) ? pause : "unreadable";
  } catch (error) {
    if (!(error instanceof CoordinatorError || error instanceof SyntaxError)) throw error;
    return "unreadable";
  }
}

function parsePause(text: string): KeptPause | undefined {
  const raw: Readonly<Record<string, unknown>> | null = JSON.parse(text);
  if (raw?.v !== 1 || typeof raw.since !== "string" || !(Date.parse(raw.since) >= 0)) return undefined;
  const { session, reason, takenBy } = raw;
  if (session !== null && (typeof session !== "string" || sessionKeyProblem(session) !== undefined)) return undefined;
  return {
    session: session ?? undefined,
    sinceMs: Date.parse(raw.since),
    reason: typeof reason === "string" ? oneLine(reason, PAUSE_REASON_MAX) : undefined,
    takenBy: typeof takenBy === "string" ? oneLine(takenBy, PAUSE_REASON_MAX) : undefined,
    isPaused: raw.isPaused !== false,
  };
}

/** A key may be longer than a file's name can be. */
function fileName(session: string | undefined): string {
  if (session === undefined) return QUEUE_NAME;
  return `session-${createHash("sha256").update(session).digest("hex").slice(0, 32)}.json`;
}
