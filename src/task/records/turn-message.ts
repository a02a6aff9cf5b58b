import { oneLine, shorten } from "../text/one-line.ts";
import { inertText } from "./inert-text.ts";

/** What one commit of a session's branch is the work of. */
export interface TurnCommit {
  readonly session: string;
  /** Of the task; what goes into the message is kept text. */
  readonly title: string;
  /** `undefined`: no task of the session follows. */
  readonly task: string | undefined;
  readonly run: number;
  readonly thread: string | undefined;
  /** `outside`: somebody has edited the worktree between two runs. */
  readonly authorKind: "agent" | "outside";
  /** The commit that it merges besides, which is its second parent. */
  readonly merges?: string | undefined;
}

const SUBJECT_MAX = 72;
const SESSION_MAX = 24;
const TRAILER_MAX = 400;

/** Returns the message of the commit of what one run has changed, or of what was changed before it. */
export function turnMessage({ session, title, task, run, thread, authorKind, merges }: TurnCommit): string {
  const start = `${oneLine(session, SESSION_MAX)}: `;
  const end = authorKind === "agent" ? ` (turn ${run})` : "";
  const what = authorKind === "agent" ? title : "edited between two turns";
  const room = SUBJECT_MAX - [...start].length - [...end].length;
  const subject = `${start}${shorten(inertText(oneLine(what, SUBJECT_MAX * 2)), room)}${end}`;
  const trailers = [
    ...(task === undefined ? [] : [["Task-Id", task]]),
    ["Session-Key", session],
    ...(thread === undefined ? [] : [["Codex-Thread", thread]]),
    ...(task === undefined ? [] : [["Run", String(run)]]),
    ["Author-Kind", authorKind],
    ...(merges === undefined ? [] : [["Merges", merges]]),
  ];
  const lines = trailers.map(([key = "", value = ""]) => `${key}: ${oneLine(value, TRAILER_MAX)}`);
  return `${subject}\n\n${lines.join("\n")}\n`;
}
