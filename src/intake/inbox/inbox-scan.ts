import type { BrokenDrop, Drop, InboxScan } from "../../task/file/drop.ts";
import { isTaskId } from "../../task/names/task-id.ts";
import type { Rights } from "../../task/rights/rights.ts";
import { type DropRules, type Reading, readDrop } from "./drop-reader.ts";
import { samePrint } from "./file-print.ts";
import { causeOf, type Folder, openInboxFolder } from "./folder.ts";
import { type FoundFile, listInbox } from "./inbox-walk.ts";
import type { ScanLimits } from "./limits.ts";
import { shownName, stemOf } from "./name-rules.ts";
import { createTurns } from "./turns.ts";

export interface ScannerOptions extends Pick<DropRules, "keeper"> {
  readonly workspaceDir: string;
  /** How long size and time of a file must rest before it is taken. */
  readonly settleMs: number;
  readonly now: () => number;
  /** Tells whether the file at this path need not rest: nobody is writing it. */
  readonly isWhole?: (path: string) => boolean;
  readonly hashBlob: (bytes: Uint8Array) => string;
  readonly rights: () => Rights;
  readonly limits: ScanLimits;
}

/** A scan, and what the keeper of the error files has to know of it. */
export interface DetailedScan extends InboxScan {
  /** Paths of `*.error.md`, ours or not. */
  readonly errorFiles: readonly string[];
  /** Files of which nothing is known yet: they settle, or have not been read. */
  readonly undecided: readonly string[];
}

/** Looks at inbox/ and remembers between two looks what has not changed. */
export interface Scanner {
  scan(): Promise<DetailedScan>;
  /** A file that was handed out as a drop cannot become a task: until it or the rights change, it is broken. */
  refuse(broken: BrokenDrop): void;
}

type Verdict =
  | { readonly kind: "drop"; readonly drop: Drop }
  | { readonly kind: "broken"; readonly broken: BrokenDrop }
  /** Broken, but too many others are: its problems were let go. */
  | { readonly kind: "one-too-many" };

interface Observation {
  readonly file: FoundFile;
  /** Since when the file has looked like this, by our own clock. */
  readonly sinceMs: number;
  verdict: Verdict | undefined;
}

interface Round {
  readonly nowMs: number;
  readonly drops: Drop[];
  readonly broken: BrokenDrop[];
  readonly undecided: string[];
  readonly notices: string[];
  /** `Infinity`: nothing settles. */
  settledAtMs: number;
  /** Bytes handed out, and bytes read and found broken. */
  bytes: number;
  reads: number;
  /** Something had to be left for the next scan. */
  leftOver: boolean;
  tooManyBroken: boolean;
  /** Session folders in which a file still settles; what is newer there waits for it. */
  readonly settlingFolders: Set<string>;
}

/** Returns a scanner. Its memory holds what lies in inbox/ now, within `limits`, and nothing of what has left it. */
export function createScanner(options: ScannerOptions): Scanner {
  let observations: ReadonlyMap<string, Observation> = new Map();
  let judgedBy = options.rights();
  return {
    async scan() {
      const rights = options.rights();
      if (rights !== judgedBy) for (const observation of observations.values()) observation.verdict = undefined;
      judgedBy = rights;
      const listing = await listInbox(options.workspaceDir, options.limits.entriesMax);
      const nowMs = options.now();
      const seen = new Map<string, Observation>();
      for (const file of listing.files) seen.set(file.path, observe(observations.get(file.path), file, nowMs));
      observations = seen;
      const round = await judgeAll(options, [...seen.values()].sort(oldestFirst), nowMs);
      return {
        drops: round.drops,
        broken: round.broken.sort((one, other) => compare(one.path, other.path)),
        settledAtMs: Number.isFinite(round.settledAtMs) ? round.settledAtMs : undefined,
        notices: [...listing.notices, ...round.notices],
        errorFiles: listing.errorFiles,
        undecided: round.undecided,
      };
    },
    refuse(broken) {
      const observation = observations.get(broken.path);
      if (observation?.verdict?.kind !== "drop" || observation.verdict.drop.blob !== broken.blob) return;
      observation.verdict = { kind: "broken", broken };
    },
  };
}

function observe(before: Observation | undefined, file: FoundFile, nowMs: number): Observation {
  if (before === undefined || !samePrint(before.file.print, file.print)) {
    return { file, sinceMs: nowMs, verdict: undefined };
  }
  // A clock that was set back must not make a file wait longer than once more.
  return { file, sinceMs: Math.min(before.sinceMs, nowMs), verdict: before.verdict };
}

async function judgeAll(options: ScannerOptions, files: readonly Observation[], nowMs: number): Promise<Round> {
  const round: Round = {
    nowMs,
    drops: [],
    broken: [],
    undecided: [],
    notices: [],
    settledAtMs: Number.POSITIVE_INFINITY,
    bytes: 0,
    reads: 0,
    leftOver: false,
    tooManyBroken: false,
    settlingFolders: new Set(),
  };
  const turns = createTurns();
  for (const observation of files) {
    judge(options, observation, round);
    if (turns.due()) await turns.take();
  }
  // Without anything read the rest waits for what was handed out before to be taken: looking again at once would change nothing.
  if (round.leftOver && round.reads > 0) round.settledAtMs = nowMs;
  if (round.tooManyBroken) {
    const { brokenMax } = options.limits;
    round.notices.push(
      `more than ${brokenMax} files in the inbox are broken: the others are told of as these are fixed`,
    );
  }
  return round;
}

function judge(options: ScannerOptions, observation: Observation, round: Round): void {
  const { path, place } = observation.file;
  // Counted from our own first look at it: the file's time may be old (cp -p) or in the future.
  const restsAtMs = observation.sinceMs + options.settleMs;
  const rests = restsAtMs <= round.nowMs;
  const folder = place.folders.join("/");
  // A file named after its id was published by rename: it is whole, as is one that a sync has brought. Should it be broken all the same, it is told of later.
  if (!rests && !isTaskId(stemOf(place.name)) && options.isWhole?.(path) !== true) {
    if (folder !== "") round.settlingFolders.add(folder);
    postpone(restsAtMs, path, round);
    return;
  }
  // Files of one session are taken in their order: one that still settles holds the newer ones of its folder.
  if (round.settlingFolders.has(folder)) {
    round.undecided.push(path);
    return;
  }
  const verdict = verdictOf(options, observation, round);
  observation.verdict = verdict;
  if (verdict?.kind === "drop") {
    round.drops.push(verdict.drop);
    round.bytes += observation.file.print.sizeBytes;
  } else if (verdict?.kind === "broken") {
    if (!rests) postpone(restsAtMs, path, round);
    else tell(options.limits, observation, verdict.broken, round);
  } else if (verdict?.kind === "one-too-many") {
    round.tooManyBroken = true;
    round.undecided.push(path);
  }
}

function postpone(untilMs: number, path: string, round: Round): void {
  round.settledAtMs = Math.min(round.settledAtMs, untilMs);
  round.undecided.push(path);
}

function tell(limits: ScanLimits, observation: Observation, broken: BrokenDrop, round: Round): void {
  if (round.broken.length < limits.brokenMax) {
    round.broken.push(broken);
    return;
  }
  observation.verdict = { kind: "one-too-many" };
  round.tooManyBroken = true;
  round.undecided.push(broken.path);
}

/** Returns what is known of a file, reading it where nothing is; `undefined`: nothing is known yet, and why is noted in `round`. */
function verdictOf(options: ScannerOptions, observation: Observation, round: Round): Verdict | undefined {
  const { limits } = options;
  const { verdict } = observation;
  if (verdict?.kind === "broken") return verdict;
  if (verdict?.kind === "one-too-many" && round.broken.length >= limits.brokenMax) return verdict;
  const { path, print } = observation.file;
  const isFirst = round.drops.length === 0;
  const isFull = round.drops.length >= limits.filesMax || (!isFirst && round.bytes + print.sizeBytes > limits.bytesMax);
  if (verdict?.kind === "drop" && !isFull) return verdict;
  if (isFull || round.reads >= limits.filesMax) {
    round.leftOver = true;
    round.undecided.push(path);
    return undefined;
  }
  round.reads += 1;
  return verdictFrom(readFound(options, observation.file), options, observation, round);
}

function verdictFrom(
  reading: Reading,
  options: ScannerOptions,
  observation: Observation,
  round: Round,
): Verdict | undefined {
  const { path, print } = observation.file;
  switch (reading.kind) {
    case "drop":
      return { kind: "drop", drop: reading.drop };
    case "broken":
      round.bytes += print.sizeBytes;
      return { kind: "broken", broken: reading.broken };
    case "gone":
      return undefined;
    case "moving":
      postpone(round.nowMs + options.settleMs, path, round);
      return undefined;
    case "unreadable":
      round.notices.push(`${shownName(path)} cannot be read now (${reading.cause})`);
      round.undecided.push(path);
      return undefined;
    default:
      return reading satisfies never;
  }
}

function readFound(options: ScannerOptions, file: FoundFile): Reading {
  const { place, print } = file;
  let folder: Folder | undefined;
  try {
    folder = openInboxFolder(options.workspaceDir, place.folders);
    return folder === undefined ? { kind: "gone" } : readDrop(folder.at(place.name), place, print, options);
  } catch (error) {
    return { kind: "unreadable", cause: causeOf(error) };
  } finally {
    folder?.close();
  }
}

function oldestFirst(one: Observation, other: Observation): number {
  return one.file.print.modifiedAtMs - other.file.print.modifiedAtMs || compare(one.file.path, other.file.path);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
