import type { LandingView } from "../../../app/views/landing-view.ts";
import { CoordinatorError } from "../../../base/errors.ts";
import { shellWord } from "../../../task/text/shell-word.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";

const CONFLICTS_SHOWN = 20;
/** The exit code of what can be done later. */
const TRY_AGAIN = 75;

export function createLandCommand(deps: CliDeps): Command {
  return {
    name: "land",
    summary: "Merge the work of a session into the branch that is checked out",
    usage: "[--repair] [--json] <session> [<words>]",
    help: [
      "<session>  any unique part of its key, of its thread, or of the id of one of its tasks",
      "--repair   where it conflicts, files a task in which the session settles that (exit code 75: land again when it has ended)",
      "<words>    what the session is told besides, with --repair; words with blanks go in quotes",
      "--json     print {version, session, branch, target, state, head, commit, conflicts, why, command, repairTask, edited,",
      "           left} as JSON",
      "What was edited by hand in the session's worktree since its last run is committed first, marked as yours.",
      "The merge is made in memory. The checkout moves to it by git merge --ff-only, and only where nothing in it is uncommitted; else the",
      "command that moves it is printed (exit code 4). Where both have changed the same places, nothing is changed, and they are listed (4).",
    ],
    options: { repair: { type: "boolean" }, json: { type: "boolean" } },
    words: { min: 1, max: 2 },
    async run(input) {
      const [part = "", words] = input.words;
      const isRepair = input.flags.repair === true;
      if (words !== undefined && !isRepair)
        throw new CoordinatorError("USAGE", "words for the session go with --repair");
      const landing = await deps.app.land(part, isRepair ? { words: words ?? "" } : undefined);
      if (input.flags.json === true) printJson(deps, landing);
      else for (const line of [...editLines(landing), ...linesOf(landing)]) deps.print(line);
      if (landing.repairTask !== null) return TRY_AGAIN;
      return landing.state === "landed" || landing.state === "nothing" ? 0 : 4;
    },
  };
}

/** What was edited by hand, and what of the worktree is not in what landed. */
export function editLines({ edited, left }: Pick<LandingView, "edited" | "left">): readonly string[] {
  return [
    ...(edited === null ? [] : [`what was edited in its worktree is commit ${edited.slice(0, 10)}`]),
    ...(left === null ? [] : [`not taken: ${left}`]),
  ];
}

function linesOf(landing: LandingView): readonly string[] {
  const { session, branch, target, state, commit, conflicts, why, command, repairTask } = landing;
  if (state === "nothing") return [`${target} holds the work of ${session} already`];
  if (state === "landed") return [`${session} is landed on ${target} (commit ${commit?.slice(0, 10)})`];
  if (state === "ready")
    return [`the merge of ${session} into ${target} is made, but the checkout stays: ${why}`, `then: ${command}`];
  const shown = conflicts.slice(0, CONFLICTS_SHOWN).map((path) => `  ${path}`);
  const more = conflicts.length > shown.length ? [`  and ${conflicts.length - shown.length} more`] : [];
  return [
    `${branch} and ${target} have changed the same places; nothing was changed:`,
    ...shown,
    ...more,
    repairTask === null
      ? `have the session settle it: codex-inbox land --repair ${shellWord(session)}; or merge by hand: git merge ${branch}`
      : `the session settles it in task ${repairTask}; then land it again`,
  ];
}
