import { type LandingView, presentLanding } from "../../../app/views/landing-view.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";

const CONFLICTS_SHOWN = 20;

export function createLandCommand(deps: CliDeps): Command {
  return {
    name: "land",
    summary: "Merge the work of a session into the branch that is checked out",
    usage: "[--json] <session>",
    help: [
      "<session>  its key, or any unique part of its key or thread",
      "--json     print {version, session, branch, target, state, head, commit, conflicts, why, command} as JSON",
      "The merge is made in memory. The checkout moves to it by git merge --ff-only, and only where nothing in it is uncommitted; else the",
      "command that moves it is printed (exit code 4). Where both have changed the same places, nothing is changed, and they are listed (4).",
    ],
    options: { json: { type: "boolean" } },
    words: { min: 1, max: 1 },
    async run(input) {
      const [part = ""] = input.words;
      const landing = presentLanding(await deps.app.land(part));
      if (input.flags.json === true) printJson(deps, landing);
      else for (const line of linesOf(landing)) deps.print(line);
      return landing.state === "landed" || landing.state === "nothing" ? 0 : 4;
    },
  };
}

function linesOf({ session, branch, target, state, commit, conflicts, why, command }: LandingView): readonly string[] {
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
    `ask the session to settle it (codex-inbox send ${session} "…"), or merge by hand: git merge ${branch}`,
  ];
}
