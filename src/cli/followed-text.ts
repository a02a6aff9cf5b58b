import type { LogPiece } from "../app/log/follow-log.ts";
import type { TranscriptBody } from "../task/session/transcript-entry.ts";
import { durationText } from "../task/text/duration-text.ts";
import { visibleLine } from "../task/text/visible-text.ts";
import { bodyText, entryText, eventText, headOf, indent } from "./log-text.ts";

type Verification = TranscriptBody & { readonly kind: "verify" };

/** Where the new part of an output begins is found by the end of the part before. */
const OVERLAP_CHARACTERS = 200;

/**
 * Returns what makes text of a log that is followed, piece by piece; `undefined` for what says nothing to people. What a verification
 * prints is shown line by line as it comes, and not once more at its end.
 */
export function createFollowedText(): (piece: LogPiece) => string | undefined {
  /** What was shown of the output of verifications under way, by task. */
  const shown = new Map<string, string>();
  const verification = (task: string, time: string | null, body: Verification): string | undefined => {
    const before = shown.get(task);
    const isOver = body.outcome !== "running";
    const output = isOver ? body.output : body.output.slice(0, body.output.lastIndexOf("\n") + 1); // Of a line that goes on, nothing yet.
    if (isOver) shown.delete(task);
    else shown.set(task, output);
    if (before === undefined) return headOf(time) + bodyText({ ...body, output }, null);
    const news = newPart(before, output);
    const lines = news.trim() === "" ? [] : [indent(news)];
    if (isOver) lines.push(`${headOf(time)}verify: ${visibleLine(body.what)} (${durationText(body.durationMs)})`);
    return lines.length === 0 ? undefined : lines.join("\n");
  };
  return (piece) => {
    if (piece.kind === "entry") {
      const { task, time, body } = piece.entry;
      return body.kind === "verify" ? verification(task, time, body) : entryText(piece.entry);
    }
    if (piece.kind === "ended") return headOf(piece.time) + visibleLine(piece.status);
    if (piece.kind !== "event") return undefined;
    const { event } = piece;
    return event.kind === "output"
      ? verification(event.task, event.at, { ...event, kind: "verify" })
      : eventText(event);
  };
}

/** Of a long output the middle is left out, so that its end moves. */
function newPart(before: string, after: string): string {
  if (after.startsWith(before)) return after.slice(before.length);
  const end = before.slice(-OVERLAP_CHARACTERS);
  const at = after.lastIndexOf(end);
  return at === -1 ? after : after.slice(at + end.length);
}
