import { setTimeout as delay } from "node:timers/promises";
import type { PublishedDrop } from "../../app/actions/tasks/publish-drop.ts";
import { CoordinatorError } from "../../base/errors.ts";
import type { CliDeps } from "../cli-deps.ts";
import type { Command, CommandInput } from "../command.ts";
import { followPart } from "../commands/tasks/log.ts";
import { exitCodeOf, outcomeLine, waitAloud } from "../task-outcome.ts";

/** The flags of commands that add a task and may wait for its end. */
export const OUTCOME_OPTIONS: Command["options"] = { wait: { type: "boolean" }, follow: { type: "boolean" } };

export const OUTCOME_HELP = [
  "--wait    wait until it has ended; the exit code says how, as that of wait does",
  "--follow  the same, and show what happens meanwhile, as log -f does",
];

/** Between inbox/ and the journal a task cannot be seen for a moment. */
const TAKING_MS = 10_000;
const PAUSE_MS = 100;

/** Waits for the end of a task that was added, where the flags ask for it. Returns the exit code. */
export async function awaitOutcome(deps: CliDeps, input: CommandInput, { id, served }: PublishedDrop): Promise<number> {
  const { wait, follow } = input.flags;
  if (follow === true) {
    if (!served) return new CoordinatorError("TRY_AGAIN", "").exitCode; // That nobody serves was said.
    await untilTaken(deps, id);
    const code = await followPart(deps, id, input);
    if (code !== 0) return code;
  } else if (wait !== true) return 0;
  const waited = await waitAloud(deps, [id], undefined);
  if (input.flags.json !== true) for (const one of waited) deps.print(outcomeLine(one));
  return exitCodeOf(waited);
}

async function untilTaken(deps: CliDeps, id: string): Promise<void> {
  const deadlineMs = deps.now() + TAKING_MS;
  for (;;) {
    try {
      await deps.app.find(id);
      return;
    } catch (error) {
      const isMissing = error instanceof CoordinatorError && error.code === "NOT_FOUND";
      if (!isMissing || deps.now() > deadlineMs) throw error;
    }
    await delay(PAUSE_MS);
  }
}
