import { describePause } from "../../task/schedule/pause.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, textFlag } from "../command.ts";

const SESSIONS_NAMED_MAX = 10;

export function createResumeCommand(deps: CliDeps): Command {
  return {
    name: "resume",
    summary: "Start tasks again after a pause",
    usage: "[--session <key>] [--now]",
    help: [
      "--session <key>  that session alone; without it the whole queue, but no session that was paused by name",
      "--now            also look at once whether a usage limit, a login or a missing codex still holds all tasks",
    ],
    options: { session: { type: "string" }, now: { type: "boolean" } },
    words: { min: 0, max: 0 },
    async run(input) {
      const session = textFlag(input, "session");
      const tryNow = input.flags.now === true;
      const { changed, pauses, held } = await deps.app.resume(session, tryNow);
      const what = session === undefined ? "the queue" : `session ${session}`;
      deps.print(changed ? `${what} goes on.` : `Nothing to do: ${what} is not paused.`);
      if (held !== undefined)
        deps.print(`No task is started: ${held.reason.replace(/\.$/, "")}${endOfHold(held.until, tryNow)}.`);
      if (session !== undefined && pauses.queue !== undefined)
        deps.print(`The whole queue is ${describePause(pauses.queue)}; codex-inbox resume lets it go on.`);
      if (session === undefined)
        for (const pause of pauses.sessions.slice(0, SESSIONS_NAMED_MAX)) deps.print(`Still: ${describePause(pause)}`);
      return 0;
    },
  };
}

/** Until when tasks are held, and what ends that. Without a time, one task is trying already. */
function endOfHold(until: string | undefined, tryNow: boolean): string {
  if (until === undefined) return "";
  const time = until.replace(/\.\d+Z$/, "Z");
  return tryNow
    ? `, until ${time}; one task tries at once whether that is over`
    : `, until ${time}, when one task tries whether that is over; codex-inbox resume --now lets it try at once`;
}
