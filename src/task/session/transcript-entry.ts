import * as v from "valibot";

const text = v.string();
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const record = <const Entries extends v.ObjectEntries>(entries: Entries) => v.pipe(v.object(entries), v.readonly());
const kind = <const Kind extends string, const Entries extends v.ObjectEntries>(name: Kind, entries: Entries) =>
  record({ kind: v.literal(name), ...entries });

const BODY = v.variant("kind", [
  kind("user", { text }),
  /** What the agent was told after the user's prompt: its text, how many lines of notes are in it, what found them ("none"). */
  kind("context", { text, lines: v.number(), tool: text }),
  kind("assistant", { text }),
  kind("reasoning", { text }),
  kind("command", {
    command: text,
    exitCode: v.nullable(v.number()),
    status: text,
    /** A bounded excerpt: head and tail. */
    output: text,
    outputBytes: v.number(),
  }),
  kind("files", { status: text, changes: v.pipe(v.array(record({ path: text, change: text })), v.readonly()) }),
  kind("tool", { name: text, status: text, detail: text }),
  /** The command that decides the task's outcome; a run of its own, so its line is 0. */
  kind("verify", {
    command: text,
    outcome: text,
    what: text,
    exitCode: v.nullable(v.number()),
    durationMs: v.number(),
    /** The end of what it printed. */
    output: text,
    outputBytes: v.number(),
  }),
  kind("error", { message: text }),
  kind("end", { outcome: text, reason: v.nullable(text) }),
]);

const ENTRY = record({
  v: v.literal(1),
  task: text,
  run: count,
  /** Attempts of the agent, counted from 1; a crash or a usage limit takes a new run but no new attempt. */
  attempt: count,
  /** The line of the run's events.jsonl it was made from, from 1; 0 is the prompt, and what was added to it. */
  line: count,
  thread: v.nullable(text),
  /** UTC, ISO 8601. For events: when the coordinator saw the line, at the latest when the run's file was last written. */
  time: text,
  /** Of a command, a patch or a tool that was seen to begin and to end; as far as the coordinator saw it, like the time. */
  durationMs: v.optional(v.number()),
  body: BODY,
});

export type TranscriptBody = v.InferOutput<typeof BODY>;

/**
 * One line of a session's transcript.jsonl. The key is (task, run, line, thread), a context counted apart: a writer skips keys that
 * are there, a reader drops repeats.
 */
export type TranscriptEntry = v.InferOutput<typeof ENTRY>;

/** Tells whether `value` is an entry that is understood. Every user who can push can write a transcript. */
export function isTranscriptEntry(value: unknown): value is TranscriptEntry {
  return v.is(ENTRY, value);
}
