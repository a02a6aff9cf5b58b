import type { StatusView } from "../../app/queries/queries.ts";
import { describeHold } from "../../task/schedule/hold.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, printJson } from "../command.ts";
import { progressLines } from "../progress-lines.ts";
import { serveCommand } from "../serve-command.ts";
import { syncLines } from "../sync-lines.ts";
import { shownTime } from "../time-text.ts";

export function createStatusCommand(deps: CliDeps): Command {
  return {
    name: "status",
    summary: "Say who serves this workspace, what runs, what waits and why",
    usage: "[--json]",
    help: ["--json  the same as JSON"],
    options: { json: { type: "boolean" } },
    words: { min: 0, max: 0 },
    async run(input) {
      const status = await deps.app.status();
      if (input.flags.json === true) printJson(deps, status);
      else
        for (const line of statusLines(status, deps)) {
          // The word in front is what the line is about.
          const [, head = "", rest = line] = /^(\S+ +| +)(.*)$/s.exec(line) ?? [];
          deps.printStyled([{ text: head, style: "dim" }, { text: rest }]);
        }
      return 0;
    },
  };
}

/** What belongs to the task of the line before. */
const INDENT = " ".repeat(13);
const TRY_NOW = "codex-inbox resume --now looks again at once";

/** Of sessions that are paused by name this many are listed. */
const SESSIONS_SHOWN = 20;
const PATHS_SHOWN = 5;

function statusLines(status: StatusView, { currentDir, columns, now }: CliDeps): readonly string[] {
  const { server, health } = status;
  const time = (iso: string): string => shownTime(iso, columns);
  const lines = [`workspace  ${status.workspace} (${status.branch})`];
  if (server === null) lines.push(`serving    nobody; start with: ${serveCommand(status.workspace, currentDir)}`);
  else {
    const address = server.url ?? server.socket;
    lines.push(
      `serving    process ${server.pid} since ${time(server.startedAt)}${address == null ? "" : ` at ${address}`}`,
    );
  }
  lines.push(
    `tasks      ${status.tasks.running} running, ${status.tasks.queued} queued, ${status.tasks.uncommitted} finished but not committed`,
  );
  if (status.inbox !== null)
    lines.push(`inbox      ${status.inbox.count} waiting in inbox/ for a coordinator; codex-inbox ls names them`);
  if (health?.committer)
    lines.push(`committing waits since ${time(health.committer.since)}: ${health.committer.reason}`);
  if (status.codex !== null) {
    const { since, until, reason } = status.codex;
    lines.push(
      `codex      no task is started since ${time(since)}${until === null ? "" : `, until ${time(until)}`}: ${reason} (${TRY_NOW})`,
    );
  }
  if (health?.sandbox)
    lines.push(`sandbox    tasks that need it wait since ${time(health.sandbox.since)}: ${health.sandbox.reason}`);
  if (health?.sync) lines.push(...syncLines(health.sync, time).map((line) => `sync       ${line}`));
  if (status.claims !== null) lines.push(...claimsLines(status.claims));
  if (health?.full) lines.push(`full       since ${time(health.full.since)}: ${health.full.reason}`);
  if (health?.world) lines.push(`world      since ${time(health.world.since)}: ${health.world.reason}`);
  for (const name of health?.damaged ?? [])
    lines.push(`damaged    journal/damaged/${name} in the coordinator's folder`);
  lines.push(...pauseLines(status.paused, time));
  if (health?.configProblem) lines.push(`settings   the last good ones are in force: ${health.configProblem}`);
  if (status.uncommittedSettings !== null) lines.push(`settings   ${status.uncommittedSettings}`);
  for (const author of health?.newAuthors ?? [])
    lines.push(`author     ${describeHold({ kind: "author", email: author })}`);
  if (health?.draining) lines.push("draining   no task is started any more");
  if (status.otherClones > 0)
    lines.push(`elsewhere  ${status.otherClones} open, accepted by other clones; serve --take-over runs them here`);
  for (const task of status.running) {
    lines.push(`${task.status.padEnd(10)} ${task.id}  ${task.title}`);
    for (const line of progressLines(task, now())) lines.push(`${INDENT}${line}`);
  }
  for (const task of status.queued) {
    lines.push(`${task.status.padEnd(10)} ${task.id}  ${task.title}`);
    const until = task.holdUntil === null ? [] : [`until ${time(task.holdUntil)}`];
    const why = [task.hold, ...until, task.holdRemedy].filter((text) => text !== null);
    if (why.length > 0) lines.push(`${INDENT}${why.join("; ")}`);
  }
  if (status.unlanded.length > 0) lines.push(unlandedLine(status.unlanded));
  for (const overlap of status.overlaps) lines.push(overlapLine(overlap));
  const more = status.tasks.queued - status.queued.length;
  if (more > 0) lines.push(`queued     ${more} more; codex-inbox ls --state queued shows them`);
  for (const path of status.broken) lines.push(`broken     ${path}: see the .error.md file beside it`);
  return lines;
}

function claimsLines({ held, elsewhere, problem }: NonNullable<StatusView["claims"]>): readonly string[] {
  if (held + elsewhere === 0 && problem === null) return [];
  const counts = `${held} ${held === 1 ? "task" : "tasks"} claimed by this clone, ${elsewhere} waiting for another one`;
  return [`claims     ${counts}${problem === null ? "" : `; none can be claimed now: ${problem}`}`];
}

function unlandedLine(sessions: readonly string[]): string {
  const more = sessions.length > PATHS_SHOWN ? ` and ${sessions.length - PATHS_SHOWN} more` : "";
  const [first = "<session>"] = sessions.length === 1 ? sessions : [];
  return `unlanded   work of ${sessions.slice(0, PATHS_SHOWN).join(", ")}${more}; codex-inbox land ${first} merges it`;
}

function overlapLine({ session, with: other, paths }: StatusView["overlaps"][number]): string {
  const shown = paths.slice(0, PATHS_SHOWN).join(", ");
  const more = paths.length > PATHS_SHOWN ? ` and ${paths.length - PATHS_SHOWN} more` : "";
  const what = other === null ? "what is checked out" : `session ${other}`;
  return `overlap    the work of session ${session} does not merge with ${what}: ${shown}${more}`;
}

function pauseLines({ queue, sessions }: StatusView["paused"], time: (iso: string) => string): readonly string[] {
  const lines = sessions.map(({ session, since, reason, takenBy }) =>
    takenBy === null
      ? `paused     session ${session} since ${because(time(since), reason)} (codex-inbox resume --session ${session})`
      : `taken      session ${session} by ${takenBy} since ${because(time(since), reason)} (codex-inbox attach --release ${session})`,
  );
  const more = sessions.length - SESSIONS_SHOWN;
  if (more > 0) lines.splice(SESSIONS_SHOWN, more, `paused     ${more} more sessions`);
  if (queue === null) return lines;
  return [
    `paused     the whole queue since ${because(time(queue.since), queue.reason)} (codex-inbox resume)`,
    ...lines,
  ];
}

function because(since: string, reason: string | null): string {
  return reason === null ? since : `${since}: ${reason}`;
}
