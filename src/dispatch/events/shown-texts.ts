import { type Happening, shownBody, shownLine } from "../../task/events/live-event.ts";
import type { Keeper } from "../../task/text/kept-text.ts";

/** Of a longer path or reason so many characters. */
const SHOWN_MAX = 500;

type OutputFields = Omit<Happening & { readonly kind: "output" }, "kind" | "task" | "session" | "run">;

/** Returns what a verification has left, or has printed until now, as an event shows it. */
export function outputOf({
  command,
  outcome,
  what,
  exitCode,
  durationMs,
  output,
  outputBytes,
}: OutputFields): OutputFields {
  const shown = shownBody({ kind: "verify", command, outcome, what, exitCode, durationMs, output, outputBytes });
  if (shown.kind !== "verify") throw new Error("what is shown of a verification is one");
  const { kind: _, ...fields } = shown;
  return fields;
}

/** Of a long text twice as much is looked at as is shown: what a secret at the edge was cut to does not show. */
export function keptBeginning(text: string, keeper: Pick<Keeper, "keep">): string {
  const near = text.slice(0, 2 * SHOWN_MAX);
  const kept: string = keeper.keep(near);
  if (near.length === text.length) return shownLine(kept);
  return `${kept.slice(0, Math.max(0, Math.min(SHOWN_MAX, kept.length - SHOWN_MAX)))}…`.toWellFormed();
}
