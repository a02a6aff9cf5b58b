/**
 * One line of a session's transcript.jsonl. The key is (task, run, line, thread), a context counted apart: a writer skips keys that
 * are there, a reader drops repeats.
 */
export interface TranscriptEntry {
  readonly v: 1;
  readonly task: string;
  readonly run: number;
  /** Attempts of the agent, counted from 1; a crash or a usage limit takes a new run but no new attempt. */
  readonly attempt: number;
  /** The line of the run's events.jsonl it was made from, from 1; 0 is the prompt, and what was added to it. */
  readonly line: number;
  readonly thread: string | null;
  /** UTC, ISO 8601. For events: when the coordinator saw the line, at the latest when the run's file was last written. */
  readonly time: string;
  readonly body: TranscriptBody;
}

export type TranscriptBody =
  | { readonly kind: "user"; readonly text: string }
  /** What the agent was told after the user's prompt: its text, how many lines of notes are in it, what found them ("none"). */
  | { readonly kind: "context"; readonly text: string; readonly lines: number; readonly tool: string }
  | { readonly kind: "assistant"; readonly text: string }
  | { readonly kind: "reasoning"; readonly text: string }
  | {
      readonly kind: "command";
      readonly command: string;
      readonly exitCode: number | null;
      readonly status: string;
      /** A bounded excerpt: head and tail. */
      readonly output: string;
      readonly outputBytes: number;
    }
  | {
      readonly kind: "files";
      readonly status: string;
      readonly changes: readonly { readonly path: string; readonly change: string }[];
    }
  | { readonly kind: "tool"; readonly name: string; readonly status: string; readonly detail: string }
  /** The command that decides the task's outcome; a run of its own, so its line is 0. */
  | {
      readonly kind: "verify";
      readonly command: string;
      readonly outcome: string;
      readonly what: string;
      readonly exitCode: number | null;
      readonly durationMs: number;
      /** The end of what it printed. */
      readonly output: string;
      readonly outputBytes: number;
    }
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "end"; readonly outcome: string; readonly reason: string | null };
