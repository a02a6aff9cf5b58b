import type { LogEntry } from "../app/views/log-view.ts";
import type { LiveEvent } from "../task/events/live-event.ts";
import type { TranscriptBody } from "../task/session/transcript-entry.ts";
import { durationText } from "../task/text/duration-text.ts";
import { visibleLine } from "../task/text/visible-text.ts";

/** Characters of a commit's id. */
const COMMIT_SHOWN = 10;

/** Returns an entry of a log for people: a head on a line of its own, and what was said or done indented below it. */
export function entryText({ time, body, durationMs }: LogEntry): string {
  return headOf(time) + bodyText(body, durationMs ?? null);
}

/** Returns an event of a task or session for people; `undefined` where it is none for them, or a later one says more. */
export function eventText(event: LiveEvent): string | undefined {
  const text = whatOf(event);
  return text === undefined ? undefined : headOf(event.at) + text;
}

function whatOf(event: LiveEvent): string | undefined {
  switch (event.kind) {
    case "accepted":
      return line(`accepted: ${event.title} (${event.origin})`);
    case "replaced":
      return line(`saved again: ${event.title} (${event.origin})`);
    case "state":
      return line(withReason(event.status, event.reason, event.until));
    case "held":
      return line(`waits: ${event.why}`);
    case "released":
      return "waits for nothing any more";
    case "item":
      return isWorthSaying(event) ? bodyText(event.body, event.durationMs) : undefined;
    case "usage":
      return usageText(event.usage);
    case "queue":
      return line(withReason(queueWords(event), event.reason, event.until));
    case "land":
      return line(landWords(event));
    default:
      return undefined;
  }
}

function landWords({ state, target, commit, why, repairTask }: LiveEvent & { readonly kind: "land" }): string {
  switch (state) {
    case "landed":
      return `its work is landed on ${target} (commit ${commit?.slice(0, COMMIT_SHOWN)})`;
    case "ready":
      return `the merge into ${target} is made, but the checkout stays: ${why}`;
    case "conflict":
      return `does not merge into ${target}${repairTask === null ? "" : `; ${repairTask} settles that`}`;
    case "nothing":
      return `${target} holds its work already`;
  }
}

/** Of what takes its time the beginning is told, of all else the end. */
function isWorthSaying({ phase, body }: LiveEvent & { readonly kind: "item" }): boolean {
  return phase === "completed" || (phase === "started" && (body.kind === "command" || body.kind === "tool"));
}

function usageText(usage: (LiveEvent & { readonly kind: "usage" })["usage"]): string | undefined {
  if (usage === null) return undefined;
  const { inputTokens, cachedInputTokens, outputTokens } = usage;
  return `tokens: ${inputTokens} read (${cachedInputTokens} cached), ${outputTokens} written`;
}

function queueWords({ what, session }: LiveEvent & { readonly kind: "queue" }): string {
  const subject = session === null ? "the queue" : `session ${session}`;
  switch (what) {
    case "paused":
      return `${subject} is paused`;
    case "resumed":
      return `${subject} goes on`;
    case "breaker-open":
      return "no task is started";
    case "breaker-half-open":
      return "one task tries whether that is over";
    case "breaker-closed":
      return "tasks are started again";
    case "disk-low":
      return "no task is taken";
    case "disk-room":
      return "the disk has room again";
  }
}

function withReason(what: string, reason: string | null, until: string | null): string {
  return `${what}${reason === null ? "" : `: ${reason}`}${until === null ? "" : `, until ${until}`}`;
}

/** Returns what an entry or an event says, below what its first line says of when. */
export function bodyText(body: TranscriptBody, durationMs: number | null): string {
  switch (body.kind) {
    case "user":
    case "assistant":
    case "reasoning":
      return `${body.kind}\n${indent(body.text)}`;
    case "context":
      return `context (${countOf(body.lines, "line")} of notes)\n${indent(body.text.trim())}`;
    case "command": {
      const output = body.output === "" ? "" : `\n${indent(body.output)}`;
      return `command (${commandEnd(body)}${took(durationMs)})\n${indent(body.command)}${output}`;
    }
    case "files":
      return `files (${visibleLine(body.status)}${took(durationMs)})\n${indent(body.changes.map(({ path, change }) => `${change} ${path}`).join("\n"))}`;
    case "tool":
      return `tool ${visibleLine(body.name)} (${visibleLine(body.status)}${took(durationMs)})\n${indent(body.detail)}`;
    case "verify":
      return `verify: ${visibleLine(body.what)} (${durationText(body.durationMs)})\n${indent(body.command)}${body.output === "" ? "" : `\n${indent(body.output)}`}`;
    case "error":
      return `error\n${indent(body.message)}`;
    case "end":
      return `end: ${body.outcome}${body.reason === null ? "" : ` (${visibleLine(body.reason)})`}`;
  }
}

const UNDER_WAY: readonly string[] = ["in_progress", "unfinished"];

function commandEnd({ exitCode, status }: TranscriptBody & { readonly kind: "command" }): string {
  if (exitCode !== null) return `exit ${exitCode}`;
  return UNDER_WAY.includes(status) ? "not ended" : "exit unknown";
}

function took(durationMs: number | null): string {
  return durationMs === null ? "" : `, ${durationText(durationMs)}`;
}

/** Returns how the first line of an entry begins. */
export function headOf(time: string | null): string {
  return time === null ? "" : `[${visibleLine(time)}] `;
}

/** A text of others is one line, and poses as none of ours. */
function line(text: string): string {
  return visibleLine(text);
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function indent(text: string): string {
  return `    ${text.trimEnd().replaceAll("\n", "\n    ")}`;
}
