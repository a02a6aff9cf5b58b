import { describePause } from "../task/schedule/pause.ts";
import type { CliDeps } from "./cli-deps.ts";
import { type Command, textFlag } from "./command.ts";

const SESSIONS_NAMED_MAX = 10;

export function createResumeCommand(deps: CliDeps): Command {
  return {
    name: "resume",
    summary: "Start tasks again after a pause",
    usage: "[--session <key>]",
    help: ["--session <key>  that session alone; without it the whole queue, but no session that was paused by name"],
    options: { session: { type: "string" } },
    words: { min: 0, max: 0 },
    async run(input) {
      const session = textFlag(input, "session");
      const { changed, pauses } = await deps.app.resume(session);
      const what = session === undefined ? "the queue" : `session ${session}`;
      deps.print(changed ? `${what} goes on.` : `Nothing to do: ${what} is not paused.`);
      if (session !== undefined && pauses.queue !== undefined)
        deps.print(`The whole queue is ${describePause(pauses.queue)}; codex-inbox resume lets it go on.`);
      if (session === undefined)
        for (const pause of pauses.sessions.slice(0, SESSIONS_NAMED_MAX)) deps.print(`Still: ${describePause(pause)}`);
      return 0;
    },
  };
}
