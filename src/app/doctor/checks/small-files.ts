import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { readStamp } from "../../../base/files/file-stamp.ts";
import { readBoundedText } from "../../../base/files/read-bounded.ts";
import { parseObject } from "../../../base/json-shape.ts";
import { readSessionHolders, sessionLocksFile } from "../../../store/sessions/session-lock.ts";
import type { StatePaths } from "../../../store/state-paths.ts";
import type { Check, Tell } from "../check.ts";
import type { Ground } from "../ground.ts";
import { namesIn } from "./state-folder.ts";

const BYTES_MAX = 4 * 1024 * 1024;

interface SmallFile {
  readonly path: (paths: StatePaths) => string;
  readonly isRight: (text: string) => boolean;
  readonly level: "problem" | "note";
  /** What follows where it cannot be read. */
  readonly remedy: string;
}

const isJsonObject = (text: string): boolean => parseObject(text) !== undefined;

/** What is read at a start, and begins anew where it cannot be. */
const FILES: readonly SmallFile[] = [
  {
    path: ({ clone }) => clone,
    isRight: (text) => /^[0-9a-z]{6}\n/.test(text),
    level: "problem",
    remedy:
      "the next coordinator draws another id: processes of runs that still go on under the old one are not found, so end them first",
  },
  {
    path: ({ branch }) => branch,
    isRight: (text) => /^refs\/heads\/\S+\n?$/.test(text),
    level: "note",
    remedy: "the next coordinator notes the branch that it serves: look that HEAD names the right one",
  },
  {
    path: ({ codexHold }) => codexHold,
    isRight: isJsonObject,
    level: "note",
    remedy: "it counts as none: the next task finds out whether codex can be used",
  },
  {
    path: ({ sandbox }) => sandbox,
    isRight: isJsonObject,
    level: "note",
    remedy: "it counts as none: codex's sandbox is tried again",
  },
  {
    path: ({ signIns }) => signIns,
    isRight: isJsonList,
    level: "note",
    remedy: "it counts as none: browsers have to sign in again (codex-inbox open)",
  },
  {
    path: ({ root }) => join(root, "committer.json"),
    isRight: isJsonObject,
    level: "note",
    remedy: "it counts as none: rows of ours that are not committed yet count as edits of yours for once",
  },
  {
    path: ({ events }) => join(events, "reserved.json"),
    isRight: isJsonObject,
    level: "note",
    remedy: "the numbers of events begin behind the last one that is kept; readers are told to read all anew",
  },
  {
    path: ({ sessionLocks }) => sessionLocksFile(sessionLocks),
    isRight: (text) => text.trim() === "" || text.split("\n").some(isJsonObject),
    level: "note",
    remedy: "no session counts as held: the next coordinator finds the runs that live by their processes",
  },
];

/** The small files beside the journal can be read. */
export const smallFilesCheck: Check = {
  name: "small-files",
  what: "The small files of the coordinator's folder can be read: clone, branch, holds, pauses, session locks, the record of the server",
  why: "One that cannot be read counts as absent, or as the cautious answer: a pause that cannot be read holds everything",
  look(ground, tell) {
    for (const file of FILES) tellFile(ground, tell, file);
    tellServer(ground, tell);
    tellPauses(ground, tell);
    tellSessionLocks(ground, tell);
  },
};

function tellFile({ paths, repairs }: Ground, tell: Tell, { path: of, isRight, level, remedy }: SmallFile): void {
  const path = of(paths);
  const text = readText(path);
  if (text === undefined) return;
  tell.looked("files", 1);
  if (typeof text === "string" && isRight(text)) return;
  const message = typeof text === "string" ? "it does not hold what belongs there" : text.message;
  tell[level]({ path, message, remedy, repair: repairs.moveAside(path) });
}

function tellServer({ paths, repairs, isServed }: Ground, tell: Tell): void {
  if (isServed || readStamp(paths.server) === undefined) return;
  tell.note({
    path: paths.server,
    message: "it tells of a coordinator that is gone without having ended",
    remedy: "nothing needs to be done: it counts as absent, and the next coordinator replaces it",
    repair: repairs.moveAside(paths.server),
  });
}

function tellPauses({ paths }: Ground, tell: Tell): void {
  for (const name of namesIn(paths.paused)) {
    const path = join(paths.paused, name);
    const text = readText(path);
    tell.looked("pauses", 1);
    if (typeof text === "string" && parseObject(text)?.v === 1) continue;
    const isQueue = name === "queue.json";
    tell.problem({
      path,
      message: `it cannot be read, which counts as paused: ${isQueue ? "no task is started" : "a session is held"}`,
      remedy: isQueue ? "codex-inbox resume removes it" : "codex-inbox resume --session <key>, or remove the file",
    });
  }
}

/** A lock outlives its coordinator, because the run that it guards does too. */
function tellSessionLocks(ground: Ground, tell: Tell): void {
  const { paths, isServed } = ground;
  if (isServed) return;
  const known = ground.journalIds();
  for (const { sessionKey, task } of readSessionHolders(paths.sessionLocks)) {
    tell.looked("session locks", 1);
    if (known.has(task)) continue;
    tell.note({
      path: paths.sessionLocks,
      message: `session ${sessionKey} is held for ${task}, which no journal knows`,
      remedy: "nothing needs to be done: the next coordinator gives the session back",
    });
  }
}

function readText(path: string): string | CoordinatorError | undefined {
  try {
    return readBoundedText(path, BYTES_MAX);
  } catch (error) {
    if (error instanceof CoordinatorError) return error;
    throw error;
  }
}

function isJsonList(text: string): boolean {
  return Array.isArray(parseObject(`{"list":${text}}`)?.list);
}
