import type { TranscriptEntry } from "../../task/session/transcript-entry.ts";

/** An entry of a transcript, or one that will become such a one; the time is `null` where nobody has seen when it was. */
export type LogEntry = Omit<TranscriptEntry, "time"> & { readonly time: string | null };

/** What was said and done in a task or a session until now. Absent things are `null`. */
export interface LogView {
  readonly v: 1;
  /** `null`: that of a session. */
  readonly task: string | null;
  readonly session: string;
  /** Of the task, as in `TaskView`. */
  readonly status: string | null;
  readonly hold: string | null;
  /** The run under way, and whether its process has ended already. */
  readonly run: { readonly number: number; readonly isOver: boolean } | null;
  readonly entries: readonly LogEntry[];
  /** Entries before these that are not shown. */
  readonly leftOut: number;
}

export interface LogOptions {
  /** At most so many entries, the last ones. */
  readonly last?: number | undefined;
  /** At most about so many characters of JSON. */
  readonly charactersMax?: number | undefined;
}
