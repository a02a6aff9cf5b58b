import { pauseOf } from "../../app/actions/sessions/pause-queue.ts";
import { CoordinatorError } from "../../base/errors.ts";
import { describePause } from "../../task/schedule/pause.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, textFlag } from "../command.ts";

export function createPauseCommand(deps: CliDeps): Command {
  return {
    name: "pause",
    summary: "Start no more tasks, or none of one session; what runs goes on, drops are still accepted",
    usage: "[--session <key>] [--reason <text>]",
    help: [
      "--session <key>  that session alone",
      "--reason <text>  shown wherever a task is held by it",
      "It lasts until codex-inbox resume, also over restarts, and holds whether or not anybody serves.",
    ],
    options: { session: { type: "string" }, reason: { type: "string" } },
    words: { min: 0, max: 0 },
    async run(input) {
      const session = textFlag(input, "session");
      const { changed, pauses } = await deps.app.pause({ session, reason: textFlag(input, "reason") });
      const pause = pauseOf(pauses, session);
      const what = session === undefined ? "the queue" : `session ${session}`;
      const said = pause === undefined ? "resumed by another command" : describePause({ ...pause, session: undefined });
      const undo = `codex-inbox resume${session === undefined ? "" : ` --session ${session}`}`;
      deps.print(changed ? `${what} is ${said}; ${undo} lets it go on.` : `Nothing to do: ${what} is already ${said}.`);
      if (session !== undefined && changed) await warnOfUnknown(deps, session);
      return 0;
    },
  };
}

/** A session may be paused before it has begun; a name that was meant to be another one pauses nothing. */
async function warnOfUnknown(deps: CliDeps, session: string): Promise<void> {
  const found = await deps.app.session(session).catch((error: unknown) => {
    if (error instanceof CoordinatorError && ["NOT_FOUND", "REFUSED"].includes(error.code)) return undefined;
    throw error;
  });
  if (found?.key === session) return;
  const hint = found === undefined ? "codex-inbox sessions lists those there are" : `did you mean ${found.key}?`;
  deps.warn(`codex-inbox: there is no session ${session} yet: tasks of exactly that one will wait; ${hint}`);
}
