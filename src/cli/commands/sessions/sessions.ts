import type { SessionView, UnlandedWork } from "../../../app/views/session-list.ts";
import { CoordinatorError } from "../../../base/errors.ts";
import { SESSION_STATES, type SessionState } from "../../../task/session/session-state.ts";
import { durationText } from "../../../task/text/duration-text.ts";
import { nearest } from "../../../task/text/near-miss.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson, textsFlag, wholeNumber } from "../../command.ts";

const SESSIONS_SHOWN = 50;
/** That of a session made for one task has up to 65 characters, any other up to 259; a longer one than this stands out of its column. */
const KEY_WIDTH_MAX = 65;
const STATE_WIDTH = Math.max(...SESSION_STATES.map(({ length }) => length));

export function createSessionsCommand(deps: CliDeps): Command {
  return {
    name: "sessions",
    summary: "List sessions: their tasks, and what these have taken",
    usage: "[--all] [--state <state> …] [--resumable] [-n <count>] [--json] [<session>]",
    help: [
      "--all            also those that were made for a single task each",
      `--state <state>  those in this state; may be given more than once: ${SESSION_STATES.join(", ")}`,
      "--resumable      those alone whose work is not landed, and that have no task under way: how old it is, and what it stands against",
      `-n <count>       how many, the most recently used ones (default ${SESSIONS_SHOWN})`,
      "--json           the same as JSON, as GET /sessions has it; with one named, as GET /sessions/<key>",
      "<session>        that one alone: any unique part of its key, of its thread, or of the id of one of its tasks",
    ],
    options: {
      all: { type: "boolean" },
      state: { type: "string", multiple: true },
      resumable: { type: "boolean" },
      n: { type: "string", short: "n" },
      json: { type: "boolean" },
    },
    words: { min: 0, max: 1 },
    async run(input) {
      const [key] = input.words;
      const asJson = input.flags.json === true;
      if (key !== undefined) {
        const session = await deps.app.session(key);
        if (asJson) printJson(deps, session);
        else for (const line of sessionLines(session)) deps.print(line);
        return 0;
      }
      const states = textsFlag(input, "state").map(stateOf);
      const all = await deps.app.sessions({ own: input.flags.all === true });
      const isResumable = input.flags.resumable === true;
      const wanted = all
        .filter(({ state }) => states.length === 0 || states.includes(state))
        .filter(({ state, unlanded }) => !isResumable || (unlanded !== null && state !== "RUNNING"));
      const shown = wanted.slice(0, wholeNumber(input, "n") ?? SESSIONS_SHOWN);
      if (asJson) printJson(deps, { sessions: shown });
      else if (shown.length === 0) deps.print("no sessions");
      else for (const line of isResumable ? resumableTable(shown) : sessionTable(shown)) deps.print(line);
      return 0;
    },
  };
}

function stateOf(word: string): SessionState {
  const state = SESSION_STATES.find((known) => known === word.toUpperCase());
  if (state !== undefined) return state;
  const near = nearest(word, SESSION_STATES);
  const hint = near === undefined ? `expected one of ${SESSION_STATES.join(", ")}` : `did you mean "${near}"?`;
  throw new CoordinatorError("USAGE", `--state: there is no state "${word}"; ${hint}`);
}

/** One session on one line, their names in a column. */
function sessionTable(sessions: readonly SessionView[]): readonly string[] {
  const width = Math.min(KEY_WIDTH_MAX, Math.max(...sessions.map((session) => session.key.length)));
  return sessions.map((session) => {
    const paused = session.takenBy !== null ? `; taken by ${session.takenBy}` : session.paused ? "; paused" : "";
    return `${session.key.padEnd(width)}  ${session.state.padEnd(STATE_WIDTH)}  ${tasksText(session)}; ${takenText(session)}${paused}${landText(session)}`;
  });
}

function landText({ unlanded }: SessionView): string {
  if (unlanded === null) return "";
  const what = unlanded.conflicts.length > 0 ? "not landed, and not to be merged as it is" : "not landed";
  return `; ${count(unlanded.ahead, "commit")} ${what}`;
}

/** Sessions with work that is not landed: how far it is from what is checked out, and what stands in its way. */
function resumableTable(sessions: readonly SessionView[]): readonly string[] {
  const width = Math.min(KEY_WIDTH_MAX, Math.max(...sessions.map((session) => session.key.length)));
  return sessions.flatMap(({ key, unlanded }) =>
    unlanded === null ? [] : [`${key.padEnd(width)}  ${unlandedText(unlanded)}`],
  );
}

function unlandedText({ branch, committedAt, ahead, behind, conflicts, overlaps }: UnlandedWork): string {
  const against = [
    ...(conflicts.length === 0 ? [] : [`conflicts in ${conflicts.join(", ")}`]),
    ...overlaps.map(({ session, paths }) => `meets ${session} in ${paths.join(", ")}`),
  ];
  return [`${branch}  ${ahead} ahead, ${behind} behind, of ${committedAt}`, ...against].join("; ");
}

function sessionLines(session: SessionView): readonly string[] {
  return [
    `session  ${session.key}${session.takenBy !== null ? ` (taken by ${session.takenBy})` : session.paused ? " (paused)" : ""}`,
    `state    ${session.state}`,
    `thread   ${session.thread ?? "none"}`,
    `tasks    ${tasksText(session)}`,
    `taken    ${takenText(session)}`,
    `last     ${session.lastActivityAt ?? "never"}`,
    ...(session.unlanded === null ? [] : [`unlanded ${unlandedText(session.unlanded)}`]),
  ];
}

function tasksText({ tasks }: SessionView): string {
  const parts = (["running", "queued", "succeeded", "failed", "cancelled"] as const).flatMap((status) =>
    tasks[status] === 0 ? [] : [`${tasks[status]} ${status}`],
  );
  return parts.length === 0 ? "no tasks" : parts.join(", ");
}

function takenText({ runs, usage, durationMs, commands }: SessionView): string {
  if (runs === 0) return "no runs";
  const tokens =
    usage === null
      ? []
      : [`${usage.inputTokens} tokens in (${usage.cachedInputTokens} cached), ${usage.outputTokens} out`];
  const parts = [count(runs, "run"), durationText(durationMs), count(commands, "command"), ...tokens];
  return parts.join(", ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
