import type { WorktreeReport, WorktreeRequest } from "../../../app/actions/worktrees.ts";
import { CoordinatorError } from "../../../base/errors.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";

const KEY_WIDTH_MAX = 40;

export function createWorktreeCommand(deps: CliDeps): Command {
  return {
    name: "worktree",
    summary: "Worktrees that sessions work in: list them, make one again, remove what is not needed",
    usage: "[--json] [ls | gc | open <session> | repair <session>]",
    help: [
      "ls                each with its state, its branch and how far that is from the checkout; also without a word",
      "gc                removes those that are idle and wholly on their branches; says of each other one why it stays",
      "open <session>    prints the folder of a session's worktree, made again where it was removed",
      "repair <session>  tells git where it lies, after its folder or the repository was moved",
      "--json            print {version, worktrees, kept} as JSON",
      "A coordinator at work does what gc does by itself, and makes a worktree again when a task of its session comes.",
    ],
    options: { json: { type: "boolean" } },
    words: { min: 0, max: 2 },
    async run(input) {
      const request = requestOf(input.words);
      const report = await deps.app.worktrees(request);
      if (input.flags.json === true) printJson(deps, report);
      else if (request.kind === "open") for (const { dir } of report.worktrees) deps.print(dir);
      else for (const line of reportLines(report)) deps.print(line);
      return 0;
    },
  };
}

function requestOf([kind = "ls", session]: readonly string[]): WorktreeRequest {
  if ((kind === "ls" || kind === "gc") && session === undefined) return { kind };
  if ((kind === "open" || kind === "repair") && session !== undefined) return { kind, session };
  throw new CoordinatorError("USAGE", "worktree takes ls, gc, open <session> or repair <session>");
}

function reportLines({ worktrees, kept }: WorktreeReport): readonly string[] {
  const width = Math.min(KEY_WIDTH_MAX, Math.max(0, ...worktrees.map(({ session }) => session.length)));
  const lines = worktrees.map(({ session, state, dir, branch, ahead, behind, pinned }) => {
    const where = state === "parked" ? branch : dir;
    const loose = pinned.length === 0 ? "" : `, ${pinned.length} in no commit`;
    return `${session.padEnd(width)}  ${state.padEnd(8)}  ${ahead} ahead, ${behind} behind${loose}  ${where}`;
  });
  const stays = kept.map(({ session, why }) => `${session} stays: ${why}`);
  return lines.length === 0 ? ["no worktrees"] : [...lines, ...stays];
}
