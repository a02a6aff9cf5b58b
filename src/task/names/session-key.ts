import { taskIdOfName } from "./task-name.ts";

const SEGMENT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const DATED_FOLDER = /^\d{4}-\d{2}-\d{2}(-\d+)?$/;
const DATE_LENGTH = 10;
const FORBIDDEN_ENDINGS = [".jsonl", ".md", ".lock", "."] as const;

/** Parts of a key, joined by "/". */
const SEGMENTS_MAX = 4;

/**
 * Returns what is wrong with a session key as the end of a sentence ("… may not begin with …"), or `undefined` when it is
 * right. A right key is safe as a path below sessions/: every part begins with a letter or digit, and none looks like one
 * of the files and folders that lie in a session's folder.
 */
export function sessionKeyProblem(key: string): string | undefined {
  if (isOwnSessionKey(key)) return undefined;
  const segments = key.split("/");
  if (key === "") return "may not be empty";
  if (segments.length > SEGMENTS_MAX) return `may have at most ${SEGMENTS_MAX} parts joined by "/"`;
  for (const [index, segment] of segments.entries()) {
    const problem = segmentProblem(segment, index);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/**
 * Returns the key of the session made for a task that names none: "2026-11-20/141530-fix-login-k3f9x2".
 *
 * @param folder the dated folder that has room, "2026-11-20" or "2026-11-20-2"
 * @param name that of the task's file
 */
export function ownSessionKey(folder: string, name: string): string {
  return `${folder}/${name}`;
}

/** Returns the task that the session `key` was made for; `undefined` where a person has named it. Any task may name such a session. */
export function founderOf(key: string): string | undefined {
  const [folder = "", name = "", ...rest] = key.split("/");
  return rest.length === 0 && DATED_FOLDER.test(folder) ? taskIdOfName(folder.slice(0, DATE_LENGTH), name) : undefined;
}

/** Returns whether a key was made by `ownSessionKey`. */
export function isOwnSessionKey(key: string): boolean {
  return founderOf(key) !== undefined;
}

/** Tells whether a folder is named like those of a day's tasks: "2026-11-20", "2026-11-20-2". */
export function isDatedFolder(name: string): boolean {
  return DATED_FOLDER.test(name);
}

function segmentProblem(segment: string, index: number): string | undefined {
  if (segment === "") return 'may not have an empty part ("/" at an end, or two in a row)';
  if (!SEGMENT.test(segment)) {
    return "may consist of letters, digits, dots, hyphens and underscores only; each part begins with a letter or digit and has at most 64 characters";
  }
  if (DATED_FOLDER.test(segment))
    return "may not have a part that looks like a date: such folders hold the tasks of a day";
  const ending = FORBIDDEN_ENDINGS.find((end) => segment.toLowerCase().endsWith(end));
  if (ending !== undefined) return `may not have a part that ends in "${ending}"`;
  if (index > 0 && segment.toLowerCase() === "transcript") {
    return 'may not have "transcript" after its first part: that folder holds older transcripts';
  }
  return undefined;
}
