import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { readBoundedText } from "../../base/files/read-bounded.ts";
import { makeDirectory, writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { asNumber, asText, parseObject } from "../../base/json-shape.ts";
import type { Log, Surroundings } from "../../base/surroundings.ts";
import type { DropAuthors } from "../../intake/drops/run-drops.ts";
import type { RunEvent, RunHandle, RunKey } from "../../run/driver.ts";
import { INBOX } from "../../task/records/workspace-paths.ts";

export interface RunEvidenceDeps {
  /** Absolute; inbox/ lies in it. */
  readonly workspaceDir: string;
  /** Where it outlives the coordinator: one small file per run that has touched the inbox. */
  readonly dir: string;
  readonly surroundings: Pick<Surroundings, "now" | "after">;
  readonly log: Log;
}

/**
 * What runs of agents say of the files that they write into inbox/: their patches name them, and a command that names the inbox may
 * have written what was changed while it ran. It is kept after a run has ended, since what it left there may be judged much later.
 */
export interface RunEvidence extends DropAuthors {
  /** @param startedAtMs Unix ms; when the run has begun */
  begun(run: RunKey, startedAtMs: number, handle: Promise<Pick<RunHandle<unknown>, "caughtUp">>): void;
  noticed(run: RunKey, event: RunEvent): void;
  /** All that it has said is known. */
  over(run: RunKey): void;
}

interface Evidence {
  readonly run: RunKey;
  /** By absolute path: until when a file there is the run's. */
  readonly patches: Map<string, number>;
  /** Commands that name the inbox, by item; the newest last. */
  readonly commands: Map<string, Span>;
  /** When it was written to its file. */
  savedAtMs: number;
}

interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Its end was seen as it came. */
  readonly isOver: boolean;
}

interface LiveRun {
  readonly startedAtMs: number;
  readonly handle: Promise<Pick<RunHandle<unknown>, "caughtUp">>;
}

const RUNS_MAX = 200;
const PATHS_MAX = 1_000;
const COMMANDS_MAX = 200;
/** The kernel stamps files in steps of a few milliseconds, and events are read a moment after they were written. */
const SLACK_MS = 1_000;
/** Codex says of a command or a patch that it began a moment after it wrote: 6 to 31 ms later, measured with 0.169.0. */
const SAID_WITHIN_MS = 500;
const CATCH_UP_MAX_MS = 2_000;
/** What goes on is not written more often; what has ended is, at once. */
const SAVE_EVERY_MS = 1_000;
const FILE_BYTES_MAX = 4 * 1024 * 1024;

export function createRunEvidence({ workspaceDir, dir, surroundings, log }: RunEvidenceDeps): RunEvidence {
  const { now, after } = surroundings;
  const inboxDir = join(workspaceDir, INBOX, "/");
  const kept = new Map(loadEvidence(dir).map((evidence) => [keyOf(evidence.run), evidence]));
  const live = new Map<string, LiveRun>();

  const of = (run: RunKey): Evidence => {
    const known = kept.get(keyOf(run));
    if (known !== undefined) return known;
    const evidence = { run: { task: run.task, run: run.run }, patches: new Map(), commands: new Map(), savedAtMs: 0 };
    kept.set(keyOf(run), evidence);
    for (const [key, old] of kept) {
      if (kept.size <= RUNS_MAX) break;
      if (live.has(key) || old === evidence) continue;
      kept.delete(key);
      rmSync(join(dir, fileName(old.run)), { force: true });
    }
    return evidence;
  };
  const save = (evidence: Evidence): void => {
    evidence.savedAtMs = now();
    try {
      makeDirectory(dir, 0o700);
      writeFileAtomic(join(dir, fileName(evidence.run)), evidenceText(evidence), 0o600);
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      log("evidence-not-saved", { task: evidence.run.task, run: evidence.run.run, reason: String(error) });
    }
  };
  /** When a command began that was there before this coordinator looked is not known: not before what is known of its run. */
  const earliest = ({ run, savedAtMs }: Evidence): number =>
    Math.max(live.get(keyOf(run))?.startedAtMs ?? 0, savedAtMs);

  return {
    begun(run, startedAtMs, handle) {
      handle.catch(() => undefined); // Whoever begins or adopts the run hears of it.
      live.set(keyOf(run), { startedAtMs, handle });
    },
    noticed(run, event) {
      if (event.kind !== "item") return;
      const { body, id, phase, atMs, isOld } = event;
      const untilMs = phase === "completed" ? atMs : Number.POSITIVE_INFINITY;
      const paths = event.paths.filter((path) => path.startsWith(inboxDir));
      if (body.kind === "files" && paths.length > 0) {
        const isRefused = body.status === "failed" || body.status === "declined";
        if (!isRefused) notePaths(of(run), paths, untilMs);
        else for (const path of paths) kept.get(keyOf(run))?.patches.delete(path);
      } else if (body.kind === "command" && /inbox/i.test(body.command)) {
        const evidence = of(run);
        const known = evidence.commands.get(id);
        if (isOld && known?.isOver === true) return; // By what an earlier coordinator saw, better known than now.
        const fromMs = known?.fromMs ?? (isOld ? earliest(evidence) : atMs);
        noteCommand(evidence, id, { fromMs, untilMs, isOver: phase === "completed" });
      } else return;
      const evidence = kept.get(keyOf(run));
      if (evidence === undefined || isOld) return; // Until all of that was read again, what was saved is the better record.
      if (phase === "completed" || now() - evidence.savedAtMs >= SAVE_EVERY_MS) save(evidence);
    },
    over(run) {
      if (!live.delete(keyOf(run))) return;
      const evidence = kept.get(keyOf(run));
      if (evidence === undefined) return;
      for (const [path, untilMs] of evidence.patches) evidence.patches.set(path, Math.min(untilMs, now()));
      for (const [id, span] of evidence.commands)
        evidence.commands.set(id, { ...span, untilMs: Math.min(span.untilMs, now()), isOver: true });
      save(evidence);
    },
    async catchUp() {
      if (live.size === 0) return;
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const cancel = after(CATCH_UP_MAX_MS, resolve);
      const read = Array.from(live.values(), async ({ handle }) => (await handle).caughtUp());
      await Promise.race([Promise.allSettled(read), late]);
      cancel();
    },
    authorOf(path, timesMs) {
      const runs = [...kept.values()].reverse();
      const wrote = runs.find(({ patches }) => within(-Infinity, patches.get(join(workspaceDir, path)), timesMs));
      const ran = (): Evidence | undefined =>
        runs.find(({ commands }) =>
          [...commands.values()].some(({ fromMs, untilMs }) => within(fromMs, untilMs, timesMs)),
        );
      const author = (wrote ?? ran())?.run;
      if (author !== undefined || live.size === 0) return author;
      return timesMs.some((time) => time > now() - SAID_WITHIN_MS && time <= now()) ? "unknown" : undefined;
    },
  };
}

function keyOf({ task, run }: RunKey): string {
  return `${task}/${run}`;
}

function fileName({ task, run }: RunKey): string {
  return `${task}-${run}.json`;
}

function within(fromMs: number, untilMs: number | undefined, timesMs: readonly number[]): boolean {
  if (untilMs === undefined) return false;
  return timesMs.some((time) => time >= fromMs - SLACK_MS && time <= untilMs + SLACK_MS);
}

function notePaths({ patches }: Evidence, paths: readonly string[], untilMs: number): void {
  for (const path of paths) {
    patches.delete(path);
    patches.set(path, untilMs);
    const [oldest] = patches.keys();
    if (patches.size > PATHS_MAX && oldest !== undefined) patches.delete(oldest);
  }
}

/** Where there are too many, the two oldest become one: from the beginning of the first to the end of the last. */
function noteCommand({ commands }: Evidence, id: string, span: Span): void {
  commands.set(id, span);
  if (commands.size <= COMMANDS_MAX) return;
  const [[first, one] = [], [second, two] = []] = commands;
  if (first === undefined || one === undefined || second === undefined || two === undefined) return;
  commands.delete(first);
  commands.set(second, {
    fromMs: Math.min(one.fromMs, two.fromMs),
    untilMs: Math.max(one.untilMs, two.untilMs),
    isOver: one.isOver && two.isOver,
  });
}

/** What is still open has no end. */
function evidenceText({ run, patches, commands, savedAtMs }: Evidence): string {
  const spans = Array.from(commands, ([id, { fromMs, untilMs, isOver }]) => [id, fromMs, isOver ? untilMs : null]);
  return `${JSON.stringify({ v: 1, ...run, savedAtMs, patches: [...patches], commands: spans })}\n`;
}

/** Loads what earlier coordinators have kept, the oldest first. What cannot be read tells nothing. */
function loadEvidence(dir: string): readonly Evidence[] {
  return namesIn(dir)
    .flatMap((name) => evidenceFrom(readQuietly(join(dir, name))) ?? [])
    .sort((one, other) => one.savedAtMs - other.savedAtMs)
    .slice(-RUNS_MAX);
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).filter((name) => name.endsWith(".json"));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function readQuietly(path: string): string {
  try {
    return readBoundedText(path, FILE_BYTES_MAX) ?? "";
  } catch {
    return ""; // Not a file of ours.
  }
}

/** A command that was open when this was saved has ended unseen, or its run is read anew and says so. */
function evidenceFrom(text: string): Evidence | undefined {
  const value = parseObject(text);
  const [task, run, savedAtMs] = [asText(value?.task), asNumber(value?.run), asNumber(value?.savedAtMs)];
  if (value?.v !== 1 || task === undefined || run === undefined || savedAtMs === undefined) return undefined;
  const rows = (rows: unknown): readonly (readonly unknown[])[] =>
    Array.isArray(rows) ? rows.filter(Array.isArray) : [];
  const patches = rows(value.patches).map(([path, untilMs]) => [String(path), asNumber(untilMs) ?? savedAtMs] as const);
  const commands = rows(value.commands).map(([id, from, until]): readonly [string, Span] => {
    const [fromMs = savedAtMs, untilMs] = [asNumber(from), asNumber(until)];
    return [String(id), { fromMs, untilMs: untilMs ?? savedAtMs, isOver: untilMs !== undefined }];
  });
  return { run: { task, run }, patches: new Map(patches), commands: new Map(commands), savedAtMs };
}
