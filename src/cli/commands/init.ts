import type { CliDeps } from "../cli-deps.ts";
import { type Command, textFlag } from "../command.ts";

export function createInitCommand(deps: CliDeps): Command {
  return {
    name: "init",
    summary: "Make this folder of a Git repository a workspace, and commit what that adds",
    usage: "[--branch <name> [--dir <path>]]",
    help: [
      "--branch <name>  keep the workspace on a branch of its own, in a linked worktree (recommended for repositories of code)",
      "--dir <path>     where that worktree goes (default: beside the repository, <repository>-inbox)",
    ],
    options: { branch: { type: "string" }, dir: { type: "string" } },
    words: { min: 0, max: 0 },
    async run(input) {
      for (const line of await deps.app.init({ branch: textFlag(input, "branch"), dir: textFlag(input, "dir") }))
        deps.print(line);
      return 0;
    },
  };
}
